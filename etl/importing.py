"""A table into a server: the whole way of a row, from the file to what became of it."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from etl.batching import make_batches
from etl.delivery import deliver, foreseen_outcomes, invalid_outcomes, unsent_outcomes
from etl.errors import (
    EtlError,
    Interrupted,
    NoAccess,
    RequestFailed,
    ServerGone,
    ServerUnreachable,
    Stopped,
)
from etl.journal import Journal
from etl.mapping import bind
from etl.model import ChangeKind, Limits, Progress
from etl.planning import Comparison, PlanWriter, lines_of, unsent_lines
from etl.report.tally import Tally
from etl.resolving import LinkFinder, RecordFinder
from etl.scanning import Selection, kept, scan_table, unreadable_outcomes, without_duplicates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from etl.api import Client, RetryClock
    from etl.journal import RowNumbers
    from etl.mapping import Mapping, Rules
    from etl.model import Batch, Changes, Frame, Outcome, Payloads, ProgressListener
    from etl.planning import Understands
    from etl.scanning import Scan
    from etl.schema import Schema
    from etl.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class HowToImport:
    """Everything about an import that neither its mapping nor its source says."""

    clock: RetryClock
    """How long is waited between tries of a request without an answer."""
    limits: Limits = Limits()
    selection: Selection = Selection()
    """The rows that are meant."""
    listener: ProgressListener | None = None
    is_stopping: Callable[[], bool] = lambda: False
    """Asked before each request; true: what is in flight is finished and the run ends."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What an import came to."""

    tally: Tally
    scan: Scan
    seconds: float
    ended_by: EtlError | None
    """Why it stopped after something was sent; None: it came to its end."""


async def import_table(
    table: Table, mapping: Mapping, *, schema: Schema, client: Client, folder: Path, how: HowToImport
) -> Carried:
    """Carry the rows of a table to a server as a mapping says.

    The folder of the run keeps the journal: where it holds a stopped part of the same run, this goes on from
    there. Memory does not grow with the rows.

    Raises:
        Unusable: the mapping does not fit the table or the instance; nothing was sent.
        NoAccess: the server cannot be asked; nothing was sent.
    """
    rules, scan = await _scanned(table, mapping, schema=schema, folder=folder, how=how)
    began, tally = time.monotonic(), Tally()
    tally.add_problems(table.problems)
    with Journal(folder / JOURNAL) as journal:
        frames = _not_done(how.selection.of(table.frames()), journal, tally)
        passage = Passage(
            _comparison(rules, scan, schema=schema, client=client, folder=folder, salt=table.name),
            scan.rows,
            client,
            journal,
            limits=how.limits,
            clock=how.clock,
            settle=_settler(tally, scan, how.listener),
            is_stopping=how.is_stopping,
            created_before=_created_before(journal),
        )
        ended_by = await _ended_by(passage, frames)
    return Carried(tally, scan, time.monotonic() - began, ended_by)


async def plan_table(
    table: Table,
    mapping: Mapping,
    *,
    schema: Schema,
    client: Client,
    folder: Path,
    how: HowToImport,
    plan: PlanWriter,
) -> Carried:
    """Find out what `import_table` would do, and write it into a plan. Sends nothing that changes anything.

    The tally counts rows as they would end. Memory does not grow with the rows.

    Raises:
        Unusable: the mapping does not fit the table or the instance.
        NoAccess: the server cannot be asked.
        Interrupted: `how.is_stopping` said so.
    """
    rules, scan = await _scanned(table, mapping, schema=schema, folder=folder, how=how)
    began, tally = time.monotonic(), Tally()
    tally.add_problems(table.problems)
    settle = _settler(tally, scan, how.listener)

    def unsent(outcomes: Sequence[Outcome]) -> None:
        settle(outcomes)
        plan.write(unsent_lines(outcomes))

    comparison = _comparison(rules, scan, schema=schema, client=client, folder=folder, salt=table.name)
    try:
        await comparison.prepare(scan.rows)
        async for compared in comparison.changes(how.selection.of(table.frames()), unsent=unsent):
            settle(foreseen_outcomes(compared.changes))
            plan.write(lines_of(compared, entity=schema.entity(compared.changes.entity)))
            if how.is_stopping():
                raise Interrupted
    except RequestFailed as error:
        raise ServerUnreachable(client.url, reason=str(error)) from error
    return Carried(tally, scan, time.monotonic() - began, None)


async def _scanned(
    table: Table, mapping: Mapping, *, schema: Schema, folder: Path, how: HowToImport
) -> tuple[Rules, Scan]:
    rules = bind(mapping, header=table.header, schema=schema)
    scan = await asyncio.to_thread(
        scan_table,
        how.selection.of(table.frames()),
        rules,
        digests=folder / DIGESTS,
        on_duplicate=mapping.on_duplicate,
        listener=how.listener,
        rows_total=table.rows_total,
    )
    return rules, scan


DIGESTS, JOURNAL = "scan.arrow", "journal.db"
"""Names in the folder of a run."""


@dataclass(slots=True)
class Passage:
    """The second pass: what an import knows while its rows are under way."""

    comparison: Comparison
    rows: int
    """Of the source, all of them."""
    client: Client
    journal: Journal
    limits: Limits
    clock: RetryClock
    settle: Callable[[Iterable[Outcome]], None]
    """Takes the outcomes as they come."""
    is_stopping: Callable[[], bool]
    created_before: frozenset[str] = frozenset()
    """Ids that a stopped part of this run sent as creates without an answer."""
    batches_made: int = field(default=0, init=False)
    """Requests that were made ready so far; 0: nothing can have been sent."""

    async def run(self, frames: Iterator[Frame]) -> None:
        """Carry all rows of `frames` to the server.

        Raises:
            Stopped: after something was sent; what is known by then has been settled.
            RequestFailed, NoAccess: the server could not be asked; nothing is half done.
        """
        await self.comparison.prepare(self.rows)
        outcomes_of_batches = deliver(
            self._batches(frames),
            self.client,
            journal=self.journal,
            limits=self.limits,
            clock=self.clock,
            is_stopping=self.is_stopping,
        )
        async for outcomes in outcomes_of_batches:
            self.comparison.refuse(outcomes)
            self.settle(outcomes)

    async def _batches(self, frames: Iterator[Frame]) -> AsyncIterator[Batch | None]:
        async for compared in self.comparison.changes(frames, unsent=self._settle_unsent):
            self._settle_unsent(unsent_outcomes(compared.changes, created_before=self.created_before))
            for batch in self._requests(compared.changes):
                yield batch
            if compared.is_needed:
                yield None

    def _requests(self, changes: Changes) -> Iterator[Batch]:
        for batch in make_batches(
            changes,
            max_rows=self.limits.batch_rows,
            max_bytes=self.limits.batch_bytes,
            first_number=self.batches_made + 1,
        ):
            self.batches_made = batch.number
            yield batch

    def _settle_unsent(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self.journal.noted(outcomes)
            self.settle(outcomes)


def _comparison(
    rules: Rules, scan: Scan, *, schema: Schema, client: Client, folder: Path, salt: str
) -> Comparison:
    return Comparison(
        rules.entity,
        rules.mapping.write,
        RecordFinder(
            client,
            rules.entity.name,
            key_fields=rules.key_fields,
            select=rules.payload_keys,
            folder=folder,
            salt=salt,
        ),
        LinkFinder(client, (*rules.links, *rules.further_links), schema=schema),
        _understanding(rules, scan),
        client,
        schema,
    )


def _understanding(rules: Rules, scan: Scan) -> Understands:
    entity, key = rules.entity.name, ", ".join(rules.mapping.key)

    def understand(frames: Iterator[Frame]) -> tuple[Payloads, list[Outcome]] | None:
        frame = next(frames, None)
        if frame is None:
            return None
        outcomes = unreadable_outcomes(frame, entity=entity)
        frame, doubled = without_duplicates(frame, scan, rules, entity=entity, field=key)
        payloads = rules.translate(frame)
        return payloads, [*outcomes, *doubled, *invalid_outcomes(payloads)]

    return understand


async def _ended_by(passage: Passage, frames: Iterator[Frame]) -> EtlError | None:
    """Run the passage; return why it stopped half way, None where it came to its end.

    Raises:
        NoAccess: the server could not be asked before anything was sent.
    """
    url = passage.client.url
    try:
        await passage.run(frames)
    except (Stopped, RequestFailed, NoAccess) as error:
        if isinstance(error, Stopped):
            return error
        if passage.batches_made:
            return ServerGone(url, reason=str(error))
        raise (error if isinstance(error, NoAccess) else ServerUnreachable(url, reason=str(error))) from error
    return None


def _not_done(frames: Iterator[Frame], journal: Journal, tally: Tally) -> Iterator[Frame]:
    """Leave out the rows whose outcome a stopped part of this run knows already, and count them."""
    for outcomes in journal.outcomes():
        tally.add(outcomes)
    done = journal.done_rows()
    if not done:
        return frames
    return (_without(frame, done) for frame in frames)


def _without(frame: Frame, done: dict[tuple[str, str | None], RowNumbers]) -> Frame:
    rows = done.get((frame.file, frame.sheet))
    if rows is None:
        return frame
    is_new = ~np.isin(np.asarray(frame.numbers), rows, assume_unique=True)
    left = tuple(one for one in frame.unreadable if one.row not in rows)
    return dataclasses.replace(kept(frame, is_new), unreadable=left)


def _created_before(journal: Journal) -> frozenset[str]:
    return frozenset(one.record_id for one in journal.unanswered() if one.kind is ChangeKind.CREATE)


def _settler(
    tally: Tally, scan: Scan, listener: ProgressListener | None
) -> Callable[[Iterable[Outcome]], None]:
    """Count outcomes as they come, and tell how far the run is."""

    def settle(outcomes: Iterable[Outcome]) -> None:
        tally.add(outcomes)
        if listener is not None:
            listener(Progress("send", tally.rows.read, scan.rows, tally.bad))

    return settle
