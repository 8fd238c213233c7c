"""A plan on its way to the server: each group of lines held against what stands there, sent, and reported."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.api.restoring import restore
from etl.applying.accepting import NOT_ACCEPTED
from etl.applying.facing import Faced, face
from etl.applying.obstacles import problem_of
from etl.applying.trying import attributes_beside, first_with_attributes, look_at_attributes
from etl.batching import make_deletions, paced_batches, take
from etl.delivery import deliver
from etl.delivery.outcomes import outcome_with, outcomes_of
from etl.importing.absent import ABSENT
from etl.model import ChangeKind, Outcome, Outcomes, Problem, Status
from etl.planning import Compared
from etl.planning.from_lines import SENT, changes_from, groups_of, members_of, taken
from etl.planning.kept import with_whole_records
from etl.planning.objects import LinkedObjects
from etl.planning.uploads import UPLOAD
from etl.problems import CATALOGUE, Severity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

    from etl.api import Client
    from etl.applying.filing import FilesOfPlan
    from etl.applying.obstacles import Obstacles
    from etl.applying.reading import LiveReader
    from etl.delivery import Paces
    from etl.importing import HowToImport
    from etl.importing.looking_back import LookingBack
    from etl.journal import Journal, Unanswered
    from etl.model import Batch, Changes
    from etl.planning.from_lines import Intended
    from etl.planning.guards import ErrorWatch
    from etl.schema import EntitySchema, Schema

STATUSES = {"unchanged": Status.UNCHANGED, "blocked": Status.FAILED, "invalid": Status.INVALID,
            "skipped": Status.SKIPPED}  # fmt: skip


GOING = frozenset({*SENT, "unchanged"})
"""Kinds of rows whose files are linked."""


@dataclass(slots=True)
class Applying:
    """What is known while the lines of a plan are under way."""

    client: Client
    schema: Schema
    journal: Journal
    how: HowToImport
    paces: Paces
    live: LiveReader
    settle: Callable[[Iterable[Outcome]], None]
    keep: Callable[[Compared], None]
    """Writes down what stands there, before it is overwritten."""
    back: LookingBack
    watch: ErrorWatch
    bad: Callable[[], int]
    """How many rows failed or are invalid so far: then nothing counts as absent."""
    done: frozenset[tuple[str, str, str]]
    """Entity, part and id of records whose fate a stopped part of this run knows already; without an id their
    row."""
    files: FilesOfPlan
    obstacles: Obstacles
    sent_before: Sequence[Unanswered] = ()
    """What a stopped part of this run sent without an answer."""
    batches_made: int = field(default=0, init=False)
    """Requests that were made ready so far; 0: nothing can have been sent."""
    _just_made: set[str] = field(default_factory=set)
    """Ids of links that were created for the rows under way: another line of theirs may change them."""
    _objects: dict[str, LinkedObjects] = field(default_factory=dict)
    _are_attributes_kept: bool = False

    @property
    def has_sent(self) -> bool:
        """Whether anything can have been sent."""
        return self.batches_made > 0 or self.files.has_sent

    async def run(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Carry all lines to the server; a step begins when the one before has been answered.

        Raises:
            Stopped: after something was sent; what is known by then has been settled.
            HeldBack: a guard stopped it.
            RequestFailed, NoAccess: the server could not be asked; nothing is half done.
        """
        answered = deliver(
            self._batches(batches),
            self.client,
            journal=self.journal,
            limits=self.how.limits,
            clock=self.how.clock,
            paces=self.paces,
            on_drift=self.how.on_drift,
            is_stopping=self.how.is_stopping,
            guard=self.watch.check,
        )
        async for outcomes in answered:
            self.obstacles.learn(outcomes)
            self.settle(outcomes)
            self.watch.landed(outcomes)
            await self.back.landed(outcomes)
        await self.back.finish()
        self.watch.check()

    async def _batches(self, batches: Iterable[pa.RecordBatch]) -> AsyncIterator[Batch | None]:
        step = None
        for group in groups_of(batches):
            is_left = group["part"][0].as_py() == ABSENT and self.bad() > 0
            lines = _left_alone(group) if is_left else group
            if lines["kind"][0].as_py() == UPLOAD:
                self.files.take(lines)
                continue
            if step is not None and lines["step"][0].as_py() != step:
                yield None
            step = lines["step"][0].as_py()
            flawed = await self._put_files(lines)
            is_sent = [kind in SENT for kind in lines["kind"].to_pylist()]
            self._settle(Outcomes(told=tuple(self._unsent(lines, is_sent, flawed))))
            rest = _where(lines, is_sent)
            if not len(rest):
                continue
            entity = self.schema.entity(rest["entity"][0].as_py())
            intended = self._left(self._as_stored(changes_from(rest, entity)))
            self.obstacles.note_targets(intended.changes)
            intended = await self._possible(intended, entity, flawed)
            self.watch.saw(sum(row > 0 for row in intended.changes.numbers.to_pylist()))
            if not len(intended.changes):
                continue
            async for batch in self._group(intended, entity):
                yield batch
        yield None

    async def _group(self, intended: Intended, entity: EntitySchema) -> AsyncIterator[Batch | None]:
        await self._restore(intended)
        live = await self.live.read(intended, entity)
        if (renamed := self.files.standing(intended, live.others)) is not None:
            intended, live = renamed, await self.live.read(renamed, entity)
        sent = {one.record_id for one in self.sent_before if one.entity == entity.name}
        ours = sent | self.files.renamed | self._just_made
        faced = face(intended, live, entity=entity, on_drift=self.how.on_drift, ours=ours)
        self._note_made(faced.changes)
        faced = dataclasses.replace(faced, changes=attributes_beside(faced.changes, self.live, entity))
        compared = Compared(faced.changes, faced.found)
        self.keep(await with_whole_records(compared, self.client, entity))
        self._settle(self._decided(faced, intended, sent | self._just_made))
        first = await self._first(faced.changes)
        if first is None:
            for batch in self._requests(faced.changes):
                yield self._leaving(batch)
            return
        for batch in self._requests(take(faced.changes, [first])):
            yield self._leaving(batch)
        yield None
        await self._look(faced.changes, first)
        for batch in self._requests(
            take(faced.changes, [i for i in range(len(faced.changes)) if i != first])
        ):
            yield self._leaving(batch)

    def _note_made(self, changes: Changes) -> None:
        if self.obstacles.is_own(changes.entity, changes.part):
            self._just_made.clear()
        else:
            pairs = zip(changes.ids.to_pylist(), changes.kinds, strict=True)
            self._just_made.update(one for one, kind in pairs if kind is ChangeKind.CREATE)

    def _leaving(self, batch: Batch) -> Batch:
        self.back.sending(batch)
        return batch

    def _requests(self, changes: Changes) -> Iterator[Batch]:
        bounds = partial(self.paces.bounds, changes.entity)
        for batch in paced_batches(changes, bounds=bounds, first_number=self.batches_made + 1):
            self.batches_made = batch.number
            yield batch
        rows = self.how.limits.batch_rows
        for batch in make_deletions(changes, max_rows=rows, first_number=self.batches_made + 1):
            self.batches_made = batch.number
            yield batch

    # What is tried on one record before the others leave

    async def _first(self, changes: Changes) -> int | None:
        part = self.live.part(changes)
        if part is None:
            return None
        if part.objects:
            objects = self._objects.setdefault(
                part.part,
                LinkedObjects(self.client, self.schema.entity(part.entity), part.objects, is_trying=True),
            )
            if (first := objects.first(changes)) is not None:
                return first
        is_tried = self._are_attributes_kept or part.way != "auto"
        return None if is_tried else first_with_attributes(changes, self.live)

    async def _look(self, changes: Changes, first: int) -> None:
        part = self.live.part(changes)
        if part is not None and part.part in self._objects:
            await self._objects[part.part].look(changes, position=first)
        if part is not None and part.attributes and part.way == "auto":
            await look_at_attributes(
                changes, first, live=self.live, entity=self.schema.entity(changes.entity)
            )
            self._are_attributes_kept = True

    async def _restore(self, intended: Intended) -> None:
        if not self.client.generation.restore:
            return
        changes = intended.changes
        wanted = [
            one for one, is_one in zip(changes.ids.to_pylist(), intended.is_restored, strict=True) if is_one
        ]
        standing = await self.client.look_up(changes.entity, "id", wanted, select=("id",)) if wanted else ()
        there = {str(one["id"]) for one in standing}
        for record_id in wanted:
            if record_id not in there:
                self.batches_made += 1
                await restore(self.client, changes.entity, record_id)

    # What became of records

    def _left(self, intended: Intended) -> Intended:
        """Leave out what a stopped part of this run has done."""
        if not self.done:
            return intended
        changes = intended.changes
        rows = zip(changes.ids.to_pylist(), changes.numbers.to_pylist(), strict=True)
        names = [(one, str(row)) for one, row in rows]
        wanted = [
            i
            for i, some in enumerate(names)
            if not any((changes.entity, changes.part, name) in self.done for name in some)
        ]
        return taken(intended, wanted)

    # Files, which stand before the rows that need them

    async def _put_files(self, lines: pa.RecordBatch) -> dict[int, list[Problem]]:
        """Upload what the rows' own records need; return what is wrong with the files, by first row."""
        entity, part = lines["entity"][0].as_py(), lines["part"][0].as_py() or ""
        if not self.obstacles.is_own(entity, part):
            return {}
        place = (lines["file"][0].as_py() or "", lines["sheet"][0].as_py())
        columns = (lines[name].to_pylist() for name in ("row", "members", "kind"))
        records = {
            row: members_of(members, row)
            for row, members, kind in zip(*columns, strict=True)
            if row and kind in GOING and (*place, row) not in self.obstacles.failed_rows
        }
        return await self.files.put(place, records)

    async def _possible(
        self, intended: Intended, entity: EntitySchema, flawed: Mapping[int, list[Problem]]
    ) -> Intended:
        """Leave out what would be built on records that do not stand; tell of what links to such."""
        intended = taken(intended, self.obstacles.possible(intended.changes))
        rows = intended.changes.numbers.to_pylist()
        problems = {at: flawed[row] for at, row in enumerate(rows) if row in flawed}
        intended = self._without(intended, problems)
        changes = intended.changes
        self.obstacles.lose_files(await self.files.gone(changes, self.client, entity=entity, live=self.live))
        return self._without(intended, self.obstacles.lost_links(changes))

    def _as_stored(self, intended: Intended) -> Intended:
        part = self.live.part(intended.changes)
        return self.files.as_stored(intended, key_fields=part.key_fields if part is not None else ())

    def _without(self, intended: Intended, problems: Mapping[int, list[Problem]]) -> Intended:
        if not problems:
            return intended
        changes = intended.changes
        statuses = [Status.FAILED if position in problems else None for position in range(len(changes))]
        outcomes = outcomes_of(changes, statuses, problems=problems)
        self.obstacles.learn(outcomes)
        self._settle(outcomes)
        return taken(intended, [at for at in range(len(changes)) if at not in problems])

    def _decided(self, faced: Faced, intended: Intended, ours: set[str]) -> Outcomes:
        """Return the outcomes of records that no request is needed for."""
        changes = faced.changes
        statuses: list[Status | None] = []
        problems: dict[int, list[Problem]] = {}
        for position, (kind, record_id) in enumerate(
            zip(changes.kinds, changes.ids.to_pylist(), strict=True)
        ):
            if kind is ChangeKind.BLOCKED:
                facts = {"text": faced.reasons[position], "id": record_id}
                problems[position] = [problem_of(changes, position, "drifted", facts)]
                statuses.append(Status.SKIPPED if self.how.on_drift == "skip" else Status.FAILED)
            elif kind is ChangeKind.UNCHANGED:
                is_ours = record_id in ours or intended.is_restored[position]
                statuses.append(MADE[intended.changes.kinds[position]] if is_ours else Status.UNCHANGED)
            else:
                statuses.append(None)
        outcomes = outcomes_of(changes, statuses, problems=problems)
        self.obstacles.learn(outcomes)
        return outcomes

    def _unsent(
        self, lines: pa.RecordBatch, is_sent: Sequence[bool], flawed: Mapping[int, list[Problem]]
    ) -> Iterator[Outcome]:
        """Tell of rows as the plan does, unless their files cannot be had: nothing of them is sent."""
        for one in _where(lines, [not sent for sent in is_sent]).to_pylist():
            part, entity = one["part"] or "", one["entity"]
            if any((entity, part, name) in self.done for name in (one["id"], str(one["row"]))):
                continue
            self.watch.saw(1)
            if not one["row"] and one["id"]:
                self.obstacles.lose(one["id"], text=one["message"] or "it is not created")
            # Of a record that is not there, and shall not be, nothing else is sent.
            is_new = one["code"] == NOT_ACCEPTED and one["modified_at"] is None
            is_refused = is_new and self.obstacles.is_own(entity, part)
            problems = flawed.get(one["row"], [])
            for row in members_of(one["members"], one["row"]):
                told = Outcome(
                    one["file"] or "",
                    one["sheet"],
                    row,
                    entity,
                    one["key"] or "",
                    Status.FAILED if problems else _status_of(one["kind"], one["code"] or ""),
                    record_id=one["id"] or "",
                    code=one["code"] or "",
                    message=one["message"] or "",
                    part=part,
                )
                if is_refused or problems:
                    self.obstacles.failed_rows.add((told.file, told.sheet, row))
                yield outcome_with(problems, told)

    def _settle(self, outcomes: Outcomes) -> None:
        if len(outcomes):
            self.journal.noted(outcomes)
            self.settle(outcomes)


def _status_of(kind: str, code: str) -> Status:
    """What is blocked without an error is left alone because the mapping says so."""
    is_left = kind == "blocked" and code in CATALOGUE and CATALOGUE[code].severity is Severity.WARNING
    return Status.SKIPPED if is_left else STATUSES[kind]


MADE = {ChangeKind.CREATE: Status.CREATED, ChangeKind.UPDATE: Status.UPDATED,
        ChangeKind.DELETE: Status.DELETED, ChangeKind.UNCHANGED: Status.UNCHANGED}  # fmt: skip


def _left_alone(lines: pa.RecordBatch) -> pa.RecordBatch:
    """The lines of absent records as those of skipped ones: the source was not taken whole."""
    skipped = [{**one, "kind": "skipped", "code": "absent_left", "message": ROWS_FAILED, "field": None}
               for one in lines.to_pylist()]  # fmt: skip
    return pa.RecordBatch.from_pylist(skipped, schema=lines.schema)


ROWS_FAILED = "It is not in the source, and was left alone: rows failed or are invalid."


def _where(lines: pa.RecordBatch, wanted: Sequence[bool]) -> pa.RecordBatch:
    return lines.filter(pa.array(wanted, pa.bool_()))
