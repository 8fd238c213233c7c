"""A plan on its way to the server: each group of lines held against what stands there, sent, and reported."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.api.restoring import restore
from etl.applying.facing import Faced, face
from etl.applying.trying import attributes_beside, first_with_attributes, look_at_attributes
from etl.batching import make_deletions, paced_batches, take
from etl.delivery import deliver
from etl.delivery.outcomes import outcomes_of
from etl.importing.absence import ABSENT
from etl.model import ChangeKind, Outcome, Outcomes, Problem, Status
from etl.planning import Compared
from etl.planning.from_lines import SENT, Intended, changes_from, groups_of, members_of
from etl.planning.kept import with_whole_records
from etl.planning.objects import LinkedObjects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

    from etl.api import Client
    from etl.applying.reading import LiveReader
    from etl.delivery import Paces
    from etl.importing import HowToImport
    from etl.importing.looking_back import LookingBack
    from etl.journal import Journal, Unanswered
    from etl.model import Batch, Changes
    from etl.planning.guards import ErrorWatch
    from etl.schema import EntitySchema, Schema

STATUSES = {"unchanged": Status.UNCHANGED, "blocked": Status.FAILED, "invalid": Status.INVALID,
            "skipped": Status.SKIPPED}  # fmt: skip


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
    sent_before: Sequence[Unanswered] = ()
    """What a stopped part of this run sent without an answer."""
    batches_made: int = field(default=0, init=False)
    """Requests that were made ready so far; 0: nothing can have been sent."""
    _failed_rows: set[tuple[str, str | None, int]] = field(default_factory=set)
    """Rows whose own record does not stand as it should: nothing is built on them."""
    _targets: dict[tuple[str, str], str] = field(default_factory=dict)
    """Entity and key of link targets that are created -> their ids."""
    _lost: dict[str, str] = field(default_factory=dict)
    """Ids of link targets that are not created -> why."""
    _objects: dict[str, LinkedObjects] = field(default_factory=dict)
    _are_attributes_kept: bool = False

    @property
    def has_sent(self) -> bool:
        """Whether anything can have been sent."""
        return self.batches_made > 0

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
        )
        async for outcomes in answered:
            self._learn(outcomes)
            self.settle(outcomes)
            await self.back.landed(outcomes)
        await self.back.finish()

    async def _batches(self, batches: Iterable[pa.RecordBatch]) -> AsyncIterator[Batch | None]:
        step = None
        for group in groups_of(batches):
            is_left = group["part"][0].as_py() == ABSENT and self.bad() > 0
            lines = _left_alone(group) if is_left else group
            if step is not None and lines["step"][0].as_py() != step:
                yield None
            step = lines["step"][0].as_py()
            is_sent = [kind in SENT for kind in lines["kind"].to_pylist()]
            self._settle(Outcomes(told=tuple(self._unsent(lines, is_sent))))
            rest = _where(lines, is_sent)
            if not len(rest):
                continue
            entity = self.schema.entity(rest["entity"][0].as_py())
            intended = self._left(changes_from(rest, entity))
            self._note_targets(intended.changes)
            intended = self._possible(intended)
            self.watch.saw(sum(row > 0 for row in intended.changes.numbers.to_pylist()))
            if not len(intended.changes):
                continue
            async for batch in self._group(intended, entity):
                yield batch
        yield None

    async def _group(self, intended: Intended, entity: EntitySchema) -> AsyncIterator[Batch | None]:
        await self._restore(intended)
        live = await self.live.read(intended, entity)
        ours = {one.record_id for one in self.sent_before if one.entity == entity.name}
        faced = face(intended, live, entity=entity, on_drift=self.how.on_drift, ours=ours)
        faced = dataclasses.replace(faced, changes=attributes_beside(faced.changes, self.live, entity))
        compared = Compared(faced.changes, faced.found)
        self.keep(await with_whole_records(compared, self.client, entity))
        self._settle(self._decided(faced, intended, ours))
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

    def _leaving(self, batch: Batch) -> Batch:
        self.watch.check()
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

    def _learn(self, outcomes: Iterable[Outcome]) -> None:
        for one in Outcomes.of(outcomes).told:
            if one.status is not Status.FAILED:
                continue
            if self._is_own(one.entity, one.part):
                self._failed_rows.add((one.file, one.sheet, one.row))
            elif target := self._targets.get((one.entity, one.key)) if one.row == 0 else None:
                self._lost[target] = one.message

    def _note_targets(self, changes: Changes) -> None:
        rows = zip(
            changes.numbers.to_pylist(), changes.keys.to_pylist(), changes.ids.to_pylist(), strict=True
        )
        self._targets.update(((changes.entity, key), record_id) for row, key, record_id in rows if row == 0)

    def _is_own(self, entity: str, part: str) -> bool:
        return any(one.is_own and one.part == part and one.entity == entity for one in self.live.ground)

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
        return _taken(intended, wanted)

    def _possible(self, intended: Intended) -> Intended:
        """Leave out what would be built on records that do not stand; tell which link to such."""
        changes = intended.changes
        if self._failed_rows and not self._is_own(changes.entity, changes.part):
            rows = [(changes.file, changes.sheet, row) for row in changes.numbers.to_pylist()]
            intended = _taken(intended, [i for i, row in enumerate(rows) if row not in self._failed_rows])
        return self._without_lost_links(intended) if self._lost else intended

    def _without_lost_links(self, intended: Intended) -> Intended:
        changes = intended.changes
        kept: list[int] = []
        problems: dict[int, list[Problem]] = {}
        for position in range(len(changes)):
            values = (column[position].as_py() for column in changes.columns.values())
            linked = {one for value in values for one in (value if isinstance(value, list) else [value])
                      if isinstance(one, str)}  # fmt: skip
            hit = next((one for one in self._lost if one in linked), None)
            if hit is None:
                kept.append(position)
                continue
            facts = {"entity": "a linked record", "text": self._lost[hit]}
            problems[position] = [_problem(changes, position, "link_not_created", facts)]
        statuses = [Status.FAILED if position in problems else None for position in range(len(changes))]
        outcomes = outcomes_of(changes, statuses, problems=problems)
        self._learn(outcomes)
        self._settle(outcomes)
        return _taken(intended, kept)

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
                problems[position] = [_problem(changes, position, "drifted", facts)]
                statuses.append(Status.SKIPPED if self.how.on_drift == "skip" else Status.FAILED)
            elif kind is ChangeKind.UNCHANGED:
                is_ours = record_id in ours or intended.is_restored[position]
                statuses.append(MADE[intended.changes.kinds[position]] if is_ours else Status.UNCHANGED)
            else:
                statuses.append(None)
        outcomes = outcomes_of(changes, statuses, problems=problems)
        self._learn(outcomes)
        return outcomes

    def _unsent(self, lines: pa.RecordBatch, is_sent: Sequence[bool]) -> Iterator[Outcome]:
        """Tell of rows as the plan does: nothing of them is sent."""
        for one in _where(lines, [not sent for sent in is_sent]).to_pylist():
            part, entity = one["part"] or "", one["entity"]
            if any((entity, part, name) in self.done for name in (one["id"], str(one["row"]))):
                continue
            self.watch.saw(1)
            if not one["row"] and one["id"]:
                self._lost[one["id"]] = one["message"] or "it is not created"
            for row in members_of(one["members"], one["row"]):
                yield Outcome(
                    one["file"] or "",
                    one["sheet"],
                    row,
                    entity,
                    one["key"] or "",
                    STATUSES[one["kind"]],
                    record_id=one["id"] or "",
                    code=one["code"] or "",
                    message=one["message"] or "",
                    part=part,
                )

    def _settle(self, outcomes: Outcomes) -> None:
        if len(outcomes):
            self.journal.noted(outcomes)
            self.settle(outcomes)


MADE = {ChangeKind.CREATE: Status.CREATED, ChangeKind.UPDATE: Status.UPDATED,
        ChangeKind.DELETE: Status.DELETED, ChangeKind.UNCHANGED: Status.UNCHANGED}  # fmt: skip


def _left_alone(lines: pa.RecordBatch) -> pa.RecordBatch:
    """The lines of absent records as those of skipped ones: the source was not taken whole."""
    skipped = [{**one, "kind": "skipped", "code": "absent_left", "message": ROWS_FAILED, "field": None}
               for one in lines.to_pylist()]  # fmt: skip
    return pa.RecordBatch.from_pylist(skipped, schema=lines.schema)


ROWS_FAILED = "It is not in the source, and was left alone: rows failed or are invalid."


def _problem(changes: Changes, position: int, code: str, facts: dict[str, str]) -> Problem:
    key, row = changes.keys[position].as_py() or "", changes.numbers[position].as_py()
    return Problem(code, changes.file, changes.sheet, row, value=key[:200], facts=facts)


def _taken(intended: Intended, positions: list[int]) -> Intended:
    if len(positions) == len(intended.changes):
        return intended
    index = pa.array(positions, pa.int64())
    return Intended(
        take(intended.changes, positions),
        {key: column.take(index) for key, column in intended.removals.items()},
        [intended.modified[i] for i in positions],
        [intended.is_restored[i] for i in positions],
    )


def _where(lines: pa.RecordBatch, wanted: Sequence[bool]) -> pa.RecordBatch:
    return lines.filter(pa.array(wanted, pa.bool_()))
