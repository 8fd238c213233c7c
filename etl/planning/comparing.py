"""The second pass over a source, up to where something would be sent: what shall become of each record."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from etl.planning.changes import plan_changes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from etl.model import Changes, Frame, LinkTexts, Outcome, Payloads
    from etl.planning.changes import WriteMode
    from etl.resolving import Found, LinkFinder, RecordFinder
    from etl.resolving.links import LinkIds
    from etl.schema import EntitySchema

T = TypeVar("T")


class Understands(Protocol):
    """Reads and translates frames."""

    def __call__(self, frames: Iterator[Frame]) -> tuple[Payloads, list[Outcome]] | None:
        """Return the payloads of the next frame, and the outcomes of its rows that go no further.

        None where there is no frame any more. Called in a thread.
        """
        ...


@dataclass(frozen=True, slots=True)
class Compared:
    """Changes of records of one entity, and what they were compared with."""

    changes: Changes
    found: Found | None
    """What stands on the server, position by position; None: link targets that are not there."""
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Payload key of a link -> ids of its targets -> what people call them, as far as that is known."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Payloads compared with what stands on the server, frame by frame. Sends nothing."""

    entity: EntitySchema
    write: WriteMode
    records: RecordFinder
    links: LinkFinder
    understand: Understands

    async def prepare(self, rows: int) -> None:
        """Read whole what is cheaper read whole, for a source of `rows` rows.

        Raises:
            RequestFailed, NoAccess: the server could not be asked.
        """
        await self.records.prepare(rows)
        await self.links.prepare()

    async def changes(
        self, frames: Iterator[Frame], *, unsent: Callable[[Sequence[Outcome]], None]
    ) -> AsyncIterator[Compared]:
        """Yield what shall be done: of each frame the link targets that are missing, then its own records.

        The records of a frame are compared when they are asked for, not before: what became of the targets
        (`LinkFinder.refuse`) counts for them. The next frame is looked up meanwhile.

        Args:
            unsent: takes the outcomes of rows that are in no change.

        Raises:
            RequestFailed, NoAccess: the server could not be asked.
        """
        async for payloads, found in _one_ahead(self._resolved(frames, unsent)):
            for link in payloads.links:
                for creates in self.links.creates(link):
                    yield Compared(creates, None)
            names = {link.target.key: self.links.names(link.target) for link in payloads.links}
            yield Compared(self._compared(payloads, found), found, names)

    async def _resolved(
        self, frames: Iterator[Frame], unsent: Callable[[Sequence[Outcome]], None]
    ) -> AsyncIterator[tuple[Payloads, Found]]:
        while (understood := await asyncio.to_thread(self.understand, frames)) is not None:
            payloads, outcomes = understood
            unsent(outcomes)
            found = await self.records.find(payloads)
            for link in payloads.links:
                await self.links.ask(link)
            yield payloads, found

    def _compared(self, payloads: Payloads, found: Found) -> Changes:
        links = [self._ids(payloads, link) for link in payloads.links]
        return plan_changes(payloads, found, links=links, entity=self.entity, write=self.write)

    def _ids(self, payloads: Payloads, link: LinkTexts) -> LinkIds:
        return self.links.ids(link, file=payloads.file, sheet=payloads.sheet, numbers=payloads.numbers)


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
