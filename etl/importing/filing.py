"""Cells that are files: looked for in their base folders, and put on the server before their rows go."""

from __future__ import annotations

import dataclasses
import time
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import ConfigurationInvalid
from etl.files import STEADY_NS, Address, FileStatus, Flaw, Rules, Share, Uploads, Wanted, files_below
from etl.importing.planned_files import PlannedFiles
from etl.mapping import Named, is_address, name_of
from etl.model import LinkTarget, LinkTexts, Missing, Outcome, Problem, Status
from etl.problems import CATALOGUE
from etl.report import FileCounts
from etl.report.foreseen import FilesForeseen
from etl.resolving import LinkFinder
from etl.resolving.keys import PART_SEPARATOR, own_id
from etl.resolving.links import LinkIds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from etl.api import Client
    from etl.files import Counts, Stored
    from etl.model import FilesFrom, ProgressListener
    from etl.planning.ends import FilesOfRows
    from etl.schema import Schema

ENTITY = "File"
AT_ONCE = 500
"""Files that are handed over in one go: so many hashes are looked up together, and so many are noted."""
SHOWN = 200
MOST_KEPT = 50_000
"""Cells whose files are remembered: some twenty megabytes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bad:
    """Files of a run that cannot be used: base folder and cell of each, so that each counts once."""

    cells: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    _folders: dict[Path, BaseFolder] = dataclasses.field(default_factory=dict)
    """What was looked into: one for all rules that name the same folder."""

    def folder(self, base: Path) -> BaseFolder:
        """Return what looks into a base folder, and remembers here what it did not find."""
        return self._folders.setdefault(base, BaseFolder(base, self))


class BaseFolder:
    """The folder that the paths and globs of a mapping start in; each of them is looked up once."""

    def __init__(self, base: Path, bad: Bad | None = None, *, now_s: Callable[[], float] = time.time) -> None:
        """Look at nothing yet.

        Args:
            now_s: seconds since 1970, as the clock of the file system counts them.
        """
        self._base, self._bad, self._now_s = base, bad, now_s
        self._found: dict[str, Named] = {}
        self._states: dict[str, bytes | None] = {}

    def named(self, cell: str) -> Named:
        """Return the files that a cell names; empty ones are told before anything is sent."""
        found = self._found.get(cell)
        if found is None:
            if len(self._found) >= MOST_KEPT:
                self._found.clear()
                self._states.clear()
            found = self._found[cell] = self._named(cell)
        if found.code and self._bad is not None:
            self._bad.cells.add((str(self._base), cell))
        return found

    def state(self, name: str) -> bytes | None:
        """Return name, size and time of a file; None: it was written just now, or cannot be looked at."""
        if name not in self._states:
            try:
                self._look(self._base / name)
            except OSError:
                return None
        return self._states[name]

    def _look(self, path: Path) -> int:
        """Return the size of a file in bytes, and keep what it looks like."""
        found, name = path.stat(), path.relative_to(self._base).as_posix()
        # It could change once more within the same tick of the clock.
        is_steady = abs(self._now_s() * 10**9 - found.st_mtime_ns) >= STEADY_NS
        state = f"{name}\x1f{found.st_size}\x1f{found.st_mtime_ns}\x1e".encode(errors="surrogateescape")
        self._states[name] = state if is_steady else None
        return found.st_size

    def _named(self, cell: str) -> Named:
        if is_address(cell):
            return Named((cell,))
        found = files_below(self._base, cell)
        if isinstance(found, Flaw):
            return Named(code=found.code, facts=found.facts)
        for path in found:
            try:
                is_empty = self._look(path) == 0
            except OSError as error:
                facts = {"path": path.name, "reason": error.strerror or type(error).__name__}
                return Named(code="file_unreadable", facts=facts)
            if is_empty:
                return Named(code="file_empty", facts={"path": str(path.relative_to(self._base))})
        return Named(tuple(path.relative_to(self._base).as_posix() for path in found))


Note: TypeAlias = "Callable[[Sequence[Outcome], FileCounts], None]"


class FileLinks:
    """Files of cells, and the ids that they have on the server; remembered for the whole run."""

    def __init__(
        self,
        uploads: Uploads,
        *,
        tags: Mapping[str, str],
        note: Note | None,
        before: FileCounts,
        bad: Bad,
    ) -> None:
        """Begin with nothing.

        Args:
            tags: name -> id of options of the field `tags` of File.
            note: takes the outcomes of files that were uploaded, and what became of all so far; None: nothing
                is sent, it is only found out what would be.
            before: what became of files in a stopped part of the same run.
            bad: files that cannot be used; those that were not found are there already.
        """
        self._uploads, self._tags, self._note = uploads, tags, note
        self._before, self._bad = before, bad
        self._ids: dict[tuple[FilesFrom, str], str] = {}
        self._flaws: dict[tuple[FilesFrom, str], Flaw] = {}
        self._names: dict[str, str] = {}
        self._would_send: dict[str, int] = {}
        """Id -> bytes, of what is not there yet."""
        self._unknown: set[str] = set()
        self.planned = PlannedFiles()
        """What a plan would upload."""

    @property
    def counts(self) -> FileCounts:
        """What became of files so far."""
        both = self._before + file_counts(self._uploads.counts)
        failed = self._before.failed + len(self._bad.cells)
        return dataclasses.replace(both, failed=failed, missing=len(self._would_send))

    @property
    def has_sent(self) -> bool:
        """Whether anything was uploaded by now."""
        return self._uploads.counts.uploaded > 0

    @property
    def foreseen(self) -> FilesForeseen:
        """What would be uploaded, as far as it was looked at."""
        return FilesForeseen(len(self._would_send), sum(self._would_send.values()), len(self._unknown))

    async def ask(self, files: Sequence[FilesOfRows]) -> None:
        """Put all these files on the server, or find out what would be.

        Raises:
            Stopped, RequestFailed, NoAccess: the server cannot be asked, or the run shall end.
        """
        wanted = {
            (link.target.files, text): to_wanted(link.target.files, text, tags=self._tags)
            for link in (one.links for one in files)
            if link.target.files is not None
            for text in _distinct(link.texts)
            if (link.target.files, text) not in self._ids and (link.target.files, text) not in self._flaws
        }
        keys = list(wanted)
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            all_wanted = [wanted[key] for key in some]
            is_plan = self._note is None
            stored = await (
                self._uploads.foresee(all_wanted) if is_plan else self._uploads.ensure(all_wanted)
            )
            for key, one in zip(some, stored, strict=True):
                self._learn(key, one)
            if self._note is not None:
                self._note(uploaded_outcomes(stored), self.counts)
        if self._note is None:
            for one_of_rows in files:
                self.planned.need(one_of_rows)

    def ids(self, links: LinkTexts, *, file: str, sheet: str | None, numbers: pa.Int64Array) -> LinkIds:
        """Return the ids of files; those that have none are told as the mapping says."""
        origin = links.target.files
        if origin is None:
            raise TypeError("these texts are no files")
        texts = _distinct(links.texts)
        ids = {text: self._ids[origin, text] for text in texts if (origin, text) in self._ids}
        flaws = {text: self._flaws[origin, text] for text in texts if (origin, text) in self._flaws}
        problems, failed = [], set()
        rows = numbers.to_pylist() if flaws else []
        for at, value in enumerate(links.texts.to_pylist() if flaws else ()):
            for text in value if isinstance(value, list) else (value,):
                if text not in flaws:
                    continue
                problem = Problem(
                    flaws[text].code,
                    file,
                    sheet,
                    rows[at],
                    column=links.column,
                    field=links.target.field,
                    value=text.partition(PART_SEPARATOR)[0][:SHOWN],
                    facts=flaws[text].facts,
                )
                # A file may be stored and have a flaw: that it is not shared, for example.
                is_lost = text not in ids
                problems.append(_left_out(problem) if is_lost and origin.skips_bad else problem)
                if is_lost and not origin.skips_bad:
                    failed.add(at)
        return LinkIds(links.target, _map(links.texts, ids), tuple(problems), frozenset(failed))

    def names(self, target: LinkTarget) -> Mapping[str, str]:  # noqa: ARG002  links share one shape
        """Return id -> name of every file that is known so far."""
        return self._names

    def _learn(self, key: tuple[FilesFrom, str], one: Stored) -> None:
        if one.flaw is not None:
            self._flaws[key] = one.flaw
        if one.status is FileStatus.FAILED:
            self._bad.cells.add((key[0].base, key[1].partition(PART_SEPARATOR)[0]))
            return
        # What an address holds is not known before it is fetched; only a plan comes here without an id.
        file_id = one.file_id or own_id(ENTITY, ("url",), key=key[1].partition(PART_SEPARATOR)[0])
        if not one.md5:
            self._unknown.add(file_id)
        if one.status is FileStatus.MISSING:
            self._would_send[file_id] = one.size_bytes
            self.planned.add(key, one, file_id=file_id)
        self._ids[key] = file_id
        self._names[file_id] = one.name


FETCHED = "fetched"
"""Folder of a run for files from addresses, until they are stored."""
COUNTS = "files.json"
"""Name in the folder of a run; absent where its mapping has no files."""


def file_counts(counts: Counts) -> FileCounts:
    """Return what uploads count as a report tells it."""
    return FileCounts(**dataclasses.asdict(counts))


def write_counts(folder: Path, counts: FileCounts) -> None:
    """Write down what became of files so far, for a run that is stopped and goes on."""
    (folder / COUNTS).write_bytes(orjson.dumps(dataclasses.asdict(counts)))


def read_counts(folder: Path) -> FileCounts:
    """Return what became of files in a stopped part of a run; nothing where there is none."""
    try:
        return FileCounts(**orjson.loads((folder / COUNTS).read_bytes()))
    except (OSError, ValueError, TypeError):
        return FileCounts()


@asynccontextmanager
async def open_files(
    links: Iterable[LinkTarget],
    *,
    client: Client,
    schema: Schema,
    mapping: Path,
    state: Path,
    folder: Path,
    note: Note | None,
    bad: Bad,
    listener: ProgressListener | None,
    is_stopping: Callable[[], bool],
) -> AsyncIterator[FileLinks | None]:
    """Yield what puts the files of links on the server; None where no link is a file.

    Args:
        state: the state folder, where what was learnt of files is kept for the next run.
        folder: the run's.
        note: see `FileLinks`.
        bad: see `FileLinks`.

    Raises:
        ConfigurationInvalid: AtroCore has no such tag.
        RequestFailed, NoAccess: the server cannot be asked.
    """
    origins = [one.files for one in links if one.files is not None]
    if not origins:
        yield None
        return
    tags = await tag_ids(origins, client=client, schema=schema, mapping=mapping)
    with Uploads(
        client, state, folder=folder / FETCHED, listener=listener, is_stopping=is_stopping
    ) as uploads:
        yield FileLinks(uploads, tags=tags, note=note, before=read_counts(folder), bad=bad)


async def tag_ids(
    origins: Iterable[FilesFrom], *, client: Client, schema: Schema, mapping: Path
) -> dict[str, str]:
    """Return the ids of the tags that a mapping gives its files, by name.

    Raises:
        ConfigurationInvalid: AtroCore has no such tag.
        RequestFailed, NoAccess: the server cannot be asked.
    """
    names = sorted({tag for one in origins for tag in one.tags})
    field = schema.entities[ENTITY].fields.get("tags") if names and ENTITY in schema.entities else None
    if not names:
        return {}
    within = {"extensibleEnumsIds": field.list_id} if field is not None and field.list_id else {}
    target = LinkTarget(
        "tags", "tags", "ExtensibleEnumOption", "name", is_multiple=True, missing=Missing.FAIL, within=within
    )
    texts = LinkTexts(target, "", pa.array(names))
    finder = LinkFinder(client, [target], schema=schema)
    await finder.prepare()
    await finder.ask(texts)
    found = finder.ids(texts, file="", sheet=None, numbers=pa.array(range(len(names)), pa.int64()))
    for problem in found.problems:
        raise ConfigurationInvalid(
            str(mapping),
            what=f'its files shall have the tag "{problem.value}", which AtroCore has not.',
            advice="Create it in the list of file tags, or correct it.",
        )
    return dict(zip(names, found.ids.to_pylist(), strict=True))


def to_wanted(origin: FilesFrom, text: str, *, tags: Mapping[str, str]) -> Wanted:
    """Return the file that a text of a link stands for: the cell, and the folder and name that it gets."""
    cell, _, further = text.partition(PART_SEPARATOR)
    folder, _, name = further.partition(PART_SEPARATOR)
    suffix = PurePosixPath(name_of(cell)).suffix
    if name and not name.lower().endswith(suffix.lower()):
        # AtroCore tells types by the ending of the name.
        name += suffix
    return Wanted(
        Address(cell, origin.fetch) if is_address(cell) else Path(origin.base) / cell,
        name=name,
        folder=folder,
        type_=origin.type_,
        tags=tuple(tags[one] for one in origin.tags),
        share=Share(origin.share_name, origin.share_till) if origin.is_shared else None,
        rules=Rules(origin.extensions, origin.most_bytes),
    )


def _distinct(texts: pa.Array) -> list[str]:
    flat = texts.flatten() if pa.types.is_list(texts.type) else texts
    found: list[str] = pc.unique(flat.drop_null()).to_pylist()
    return found


def _map(texts: pa.Array, ids: Mapping[str, str]) -> pa.Array:
    if pa.types.is_list(texts.type):
        mapped = [
            None if value is None else list(dict.fromkeys(ids[text] for text in value if text in ids))
            for value in texts.to_pylist()
        ]
        return pa.array(mapped, pa.list_(pa.string()))
    return pa.array([ids.get(text) for text in texts.to_pylist()], pa.string())


def _left_out(problem: Problem) -> Problem:
    known = {"value": problem.value, "field": problem.field, "column": problem.column, **problem.facts}
    reason = CATALOGUE[problem.code].sentence.format_map(known)
    return dataclasses.replace(problem, code="cell_left_out", facts={"reason": reason})


def uploaded_outcomes(stored: Sequence[Stored]) -> list[Outcome]:
    """Return the outcomes of files that were uploaded: records that no row stands for by itself."""
    return [
        Outcome(
            "",
            None,
            0,
            ENTITY,
            one.name,
            Status.CREATED,
            record_id=one.file_id,
            message=" ".join(part for part in (one.link, one.view_link) if part),
        )
        for one in stored
        if one.status is FileStatus.UPLOADED
    ]
