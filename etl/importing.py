"""A table into a server: the whole way of a row, from the file to what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from etl.batching import make_batches
from etl.delivery import deliver, invalid_outcomes, unsent_outcomes
from etl.planning import plan_changes
from etl.scanning import unreadable_outcomes, without_duplicates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

    from etl.api import Client, RetryClock
    from etl.journal import Journal
    from etl.mapping import Rules
    from etl.model import Batch, Changes, Frame, Limits, Outcome, Payloads
    from etl.resolving import Found, LinkFinder, RecordFinder
    from etl.scanning import Scan

T = TypeVar("T")


@dataclass(slots=True)
class Import:
    """The second pass: everything that an import knows while its rows are under way."""

    rules: Rules
    scan: Scan
    client: Client
    journal: Journal
    records: RecordFinder
    links: LinkFinder
    limits: Limits
    clock: RetryClock
    settle: Callable[[Iterable[Outcome]], None]
    """Takes the outcomes as they come."""
    is_stopping: Callable[[], bool] = lambda: False
    created_before: frozenset[str] = frozenset()
    """Ids that a stopped part of this run sent as creates without an answer."""
    batches_made: int = field(default=0, init=False)

    async def run(self, frames: Iterator[Frame]) -> None:
        """Carry all rows of `frames` to the server.

        Raises:
            Stopped: after something was sent; what is known by then has been settled.
            RequestFailed, NoAccess: the server could not be asked; nothing is half done.
        """
        outcomes_of_batches = deliver(
            self._batches(frames),
            self.client,
            journal=self.journal,
            limits=self.limits,
            clock=self.clock,
            is_stopping=self.is_stopping,
        )
        async for outcomes in outcomes_of_batches:
            self.links.refuse(outcomes)
            self.settle(outcomes)

    async def _batches(self, frames: Iterator[Frame]) -> AsyncIterator[Batch | None]:
        async for payloads, found in _one_ahead(self._resolved(frames)):
            for creates in self._missing_targets(payloads):
                for batch in self._requests(creates):
                    yield batch
                # Rows point to these records: they must stand before the rows leave.
                yield None
            changes = self._changes(payloads, found)
            self._settle_unsent(unsent_outcomes(changes, created_before=self.created_before))
            for batch in self._requests(changes):
                yield batch

    async def _resolved(self, frames: Iterator[Frame]) -> AsyncIterator[tuple[Payloads, Found]]:
        while (understood := await asyncio.to_thread(self._understand, frames)) is not None:
            payloads, outcomes = understood
            self._settle_unsent(outcomes)
            found = await self.records.find(payloads)
            for link in payloads.links:
                await self.links.ask(link)
            yield payloads, found

    def _understand(self, frames: Iterator[Frame]) -> tuple[Payloads, list[Outcome]] | None:
        """Read and translate one frame; with the outcomes of its rows that are not sent. In a thread."""
        frame = next(frames, None)
        if frame is None:
            return None
        entity, key = self.rules.entity.name, ", ".join(self.rules.mapping.key)
        outcomes = unreadable_outcomes(frame, entity=entity)
        frame, doubled = without_duplicates(frame, self.scan, self.rules, entity=entity, field=key)
        payloads = self.rules.translate(frame)
        return payloads, [*outcomes, *doubled, *invalid_outcomes(payloads)]

    def _missing_targets(self, payloads: Payloads) -> Iterator[Changes]:
        for link in payloads.links:
            if (creates := self.links.creates(link)) is not None:
                yield creates

    def _changes(self, payloads: Payloads, found: Found) -> Changes:
        links = [
            self.links.ids(link, file=payloads.file, sheet=payloads.sheet, numbers=payloads.numbers)
            for link in payloads.links
        ]
        write = self.rules.mapping.write
        return plan_changes(payloads, found, links=links, entity=self.rules.entity, write=write)

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


async def _one_ahead(source: AsyncIterator[T]) -> AsyncIterator[T]:
    """Yield what `source` yields, the next one being made while the last one is used."""
    upcoming = asyncio.create_task(_next(source))
    try:
        while (item := await upcoming) is not None:
            upcoming = asyncio.create_task(_next(source))
            yield item
    finally:
        upcoming.cancel()


async def _next(source: AsyncIterator[T]) -> T | None:
    return await anext(source, None)
