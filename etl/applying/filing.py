"""Files of a plan: put on the server before the rows that need them, exactly as they were planned."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from etl.files import Address, FileStatus, Flaw, Rules, Share, Wanted
from etl.importing.filing import file_counts, uploaded_outcomes
from etl.mapping.fitting import FILE, link_entity
from etl.model import Problem
from etl.planning.from_lines import taken
from etl.planning.uploads import planned_files
from etl.report import FileCounts
from etl.resolving.keys import PART_SEPARATOR, own_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from etl.api import Client
    from etl.applying.reading import LiveReader
    from etl.files import Stored, Uploads
    from etl.importing.filing import Note
    from etl.model import Changes
    from etl.planning.from_lines import Intended
    from etl.planning.uploads import PlannedFile
    from etl.schema import EntitySchema

Place: TypeAlias = "tuple[str, str | None]"
"""File and sheet of the source."""


class FilesOfPlan:
    """What a plan wants uploaded; one row's files at a time, when its row is about to go."""

    def __init__(
        self,
        uploads: Uploads | None,
        *,
        note: Note,
        report: Callable[[Iterable[Problem]], None],
        before: FileCounts,
    ) -> None:
        """Begin with nothing.

        Args:
            uploads: None: the plan has no files.
            note: takes the outcomes of files that were uploaded, and what became of all so far.
            report: takes what is wrong with files that stand there all the same: they are not shared.
            before: what became of files in a stopped part of the same run.
        """
        self._uploads, self._note, self._report, self._before = uploads, note, report, before
        self._needed: defaultdict[Place, defaultdict[int, list[PlannedFile]]]
        self._needed = defaultdict(lambda: defaultdict(list))
        self._stored: dict[PlannedFile, Stored] = {}
        self._ids: dict[str, str] = {}
        """Id in the plan -> the one that the file has, where it got another."""
        self._own: set[str] = set()
        """Ids of files that this run saw standing."""
        self._failed: set[str] = set()
        """Paths and addresses of those that cannot be had."""
        self.renamed: set[str] = set()
        """Ids of links that are others than in the plan, since their files are."""

    @property
    def has_sent(self) -> bool:
        """Whether anything was uploaded by now."""
        return self._uploads is not None and self._uploads.counts.uploaded > 0

    @property
    def counts(self) -> FileCounts:
        """What became of files so far."""
        now = file_counts(self._uploads.counts) if self._uploads is not None else FileCounts()
        return dataclasses.replace(self._before + now, failed=len(self._failed), missing=0)

    def take(self, lines: pa.RecordBatch) -> None:
        """Learn which files the rows that come later need."""
        place = (lines["file"][0].as_py() or "", lines["sheet"][0].as_py())
        for planned, rows in planned_files(lines):
            for row in rows:
                self._needed[place][row].append(planned)

    async def put(self, place: Place, records: Mapping[int, Sequence[int]]) -> dict[int, list[Problem]]:
        """Put the files of some records on the server; return what is wrong with them, by record.

        Args:
            records: first row of each -> all its rows.

        Raises:
            Stopped, RequestFailed, NoAccess: see `etl.files.Uploads.ensure`.
        """
        needed = self._needed.get(place)
        if not needed:
            return {}
        wanted = {
            row: [one for each in rows for one in needed.pop(each, ())] for row, rows in records.items()
        }
        new = [one for each in wanted.values() for one in each if one not in self._stored]
        await self._upload(list(dict.fromkeys(new)))
        told: dict[int, list[Problem]] = {}
        for row, files in wanted.items():
            for one in dict.fromkeys(files):
                stored = self._stored[one]
                if stored.flaw is None:
                    continue
                problem = _problem(stored.flaw, one, place, row)
                if stored.status is FileStatus.FAILED:
                    told.setdefault(row, []).append(problem)
                else:
                    self._report([problem])
        return told

    async def _upload(self, files: Sequence[PlannedFile]) -> None:
        if self._uploads is None or not files:
            return
        stored = await self._uploads.ensure([_wanted(one) for one in files])
        for planned, one in zip(files, stored, strict=True):
            self._stored[planned] = one
            if one.status is FileStatus.FAILED:
                self._failed.add(planned.path or planned.url)
            if one.file_id:
                self._own.add(one.file_id)
                if one.file_id != planned.file_id:
                    self._ids[planned.file_id] = one.file_id
        self._note(uploaded_outcomes(stored), self.counts)

    def as_stored(self, intended: Intended, *, key_fields: Sequence[str]) -> Intended:
        """Return the same with the ids that files have; of links that become one and the same the first.

        Args:
            key_fields: of these records: with another file a link is another record.
        """
        changes = intended.changes
        if not self._ids or not len(changes):
            return intended
        columns = {key: self._mapped(column) for key, column in changes.columns.items()}
        keys, ids = changes.keys.to_pylist(), changes.ids.to_pylist()
        for at, key in enumerate(keys):
            parts = str(key).split(PART_SEPARATOR)
            if len(parts) == len(key_fields) > 1 and not self._ids.keys().isdisjoint(parts):
                keys[at] = PART_SEPARATOR.join(self._ids.get(one, one) for one in parts)
                ids[at] = own_id(changes.entity, key_fields, key=keys[at])
                self.renamed.add(ids[at])
        changes = dataclasses.replace(
            changes, columns=columns, keys=pa.array(keys, pa.string()), ids=pa.array(ids, pa.string())
        )
        first = {one: at for at, one in reversed(list(enumerate(ids)))}
        left = [at for at, one in enumerate(ids) if first[one] == at or one not in self.renamed]
        return taken(dataclasses.replace(intended, changes=changes), left)

    def standing(self, intended: Intended, others: Mapping[str, str]) -> Intended | None:
        """Return the same with the ids of links that somebody made meanwhile; None: there are none.

        Args:
            others: canonical key -> id of another record that has it.
        """
        changes = intended.changes
        pairs = zip(changes.keys.to_pylist(), changes.ids.to_pylist(), strict=True)
        ids = [others.get(key, one) if one in self.renamed else one for key, one in pairs]
        if ids == changes.ids.to_pylist():
            return None
        self.renamed.update(ids)
        return dataclasses.replace(
            intended, changes=dataclasses.replace(changes, ids=pa.array(ids, pa.string()))
        )

    def _mapped(self, column: pa.Array) -> pa.Array:
        if pa.types.is_string(column.type):
            return pa.array([self._ids.get(one, one) for one in column.to_pylist()], pa.string())
        if not pa.types.is_list(column.type):
            return column
        values = (
            None if one is None else [self._ids.get(each, each) for each in one] for one in column.to_pylist()
        )
        return pa.array(list(values), column.type)

    async def gone(
        self, changes: Changes, client: Client, *, entity: EntitySchema, live: LiveReader
    ) -> set[str]:
        """Return the ids of files that changes link to and that are not there any more.

        The server links to an id that is unknown without complaint. Source: observations, "Files".

        Raises:
            RequestFailed, NoAccess: the server cannot be asked.
        """
        known = live.attributes(changes.entity)
        keys = [
            key
            for key in changes.columns
            if ((field := entity.by_payload_key(key)) is not None and link_entity(field) == FILE)
            or (key in known and known[key].type == "file")
        ]
        ids = {one for key in keys for one in _texts(changes.columns[key])} - self._own
        if not ids:
            return set()
        found = await client.look_up(FILE, "id", sorted(ids), select=("id",))
        there = {str(one["id"]) for one in found}
        self._own |= there
        return ids - there


def _texts(column: pa.Array) -> Iterable[str]:
    for value in column.to_pylist():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                yield one


def _wanted(one: PlannedFile) -> Wanted:
    return Wanted(
        Path(one.path) if one.path else Address(one.url, "server" if one.fetch == "server" else "client"),
        name=one.name,
        folder=one.folder,
        type_=one.type_,
        tags=one.tags,
        share=Share(one.share_name, one.share_till) if one.is_shared else None,
        rules=Rules(one.extensions, one.most_bytes, one.md5),
    )


def _problem(flaw: Flaw, one: PlannedFile, place: Place, row: int) -> Problem:
    file, sheet = place
    return Problem(flaw.code, file, sheet, row, column=one.column, value=one.cell[:200], facts=flaw.facts)
