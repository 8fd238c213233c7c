"""The second pass over a source, up to where something would be sent: what shall become of each record."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from etl.batching import take
from etl.model import ChangeKind, LinkTexts, Outcomes, Status
from etl.planning.changes import plan_changes
from etl.planning.phases import in_phases
from etl.planning.relating import existing_pairs, plan_relation
from etl.planning.rights import permitted
from etl.resolving import Found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

    from etl.api import Client
    from etl.model import Changes, Frame, Outcome, Payloads
    from etl.planning.attributing import Attributing
    from etl.planning.changes import Unwanted, WriteMode
    from etl.planning.objects import LinkedObjects
    from etl.resolving import LinkFinder, RecordFinder
    from etl.resolving.keys import Record
    from etl.resolving.links import LinkIds
    from etl.schema import EntitySchema, Schema

T = TypeVar("T")
STANDS = (ChangeKind.CREATE, ChangeKind.UPDATE, ChangeKind.UNCHANGED)
"""Kinds of records that are there once the change is made."""


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
    is_needed: bool = False
    """True: what comes next needs these records to stand."""


@dataclass(slots=True)
class Comparison:
    """Payloads compared with what stands on the server, frame by frame. Sends nothing."""

    entity: EntitySchema
    write: WriteMode
    records: RecordFinder
    links: LinkFinder
    understand: Understands
    client: Client
    schema: Schema
    block: str = ""
    """Of the mapping: the part of a row that its records are; empty where it has no blocks."""
    unwanted: Mapping[str, Unwanted] = field(default_factory=dict)
    """Of rows whose records `write` must not touch; see `plan_changes`."""
    attributes: Attributing | None = None
    """None: the mapping gives no attributes."""
    objects: LinkedObjects | None = None
    """None: the mapping sends no linked objects."""
    asks_rights: bool = False
    """True: records that the user may not change are blocked; else the server refuses them when they come."""
    failed: set[int] = field(default_factory=set)
    """Source rows of records that were sent and do not stand as they should; `refuse` fills it."""

    def refuse(self, outcomes: Iterable[Outcome]) -> None:
        """Learn what became of what was sent: nothing is built on records that failed."""
        told = Outcomes.of(outcomes).told
        self.links.refuse(told)
        self.failed.update(one.row for one in told if one.status is Status.FAILED and one.part == self.block)

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
        """Yield what shall be done: of a frame the missing link targets, its records, then what joins them.

        The records of a frame are compared when they are asked for, not before: what became of the targets
        (`LinkFinder.refuse`) counts for them. The next frame is looked up meanwhile.

        Args:
            unsent: takes the outcomes of rows that are in no change.

        Raises:
            RequestFailed, NoAccess: the server could not be asked.
        """
        async for payloads, found, pairs in _one_ahead(self._resolved(frames, unsent)):
            for link in _all_links(payloads):
                for creates in self.links.creates(link):
                    yield Compared(creates, None, is_needed=True)
            names = {link.target.key: self.links.names(link.target) for link in payloads.links}
            changes, after = in_phases(await self._own(payloads, found), self.entity)
            self._expect(changes)
            if payloads.attributes and self.attributes is not None:
                async for step in self.attributes.steps(changes, payloads, found):
                    compared = _of(step.changes, changes, found)
                    yield Compared(step.changes, compared, names, is_needed=step.is_needed or bool(after))
            else:
                is_needed = after is not None or bool(payloads.relations)
                async for part in self._tried(changes):
                    yield Compared(
                        part, _of(part, changes, found), names, is_needed=is_needed or len(part) == 1
                    )
            if after is not None:
                stands = [i for i, row in enumerate(after.numbers.to_pylist()) if row not in self.failed]
                yield Compared(take(after, stands), None, names)
            for relation, known in zip(payloads.relations, pairs, strict=True):
                joined = plan_relation(
                    payloads,
                    relation,
                    owner_ids=found.ids,
                    usable=self.usable(changes),
                    links=self.links,
                    pairs=known,
                    entity=self.schema.entity(relation.entity),
                )
                if joined is not None:
                    yield Compared(joined, None)

    async def _resolved(
        self, frames: Iterator[Frame], unsent: Callable[[Sequence[Outcome]], None]
    ) -> AsyncIterator[tuple[Payloads, Found, list[Mapping[str, Record]]]]:
        while (understood := await asyncio.to_thread(self.understand, frames)) is not None:
            payloads, outcomes = understood
            unsent(outcomes)
            found = await self.records.find(payloads)
            for link in _all_links(payloads):
                await self.links.ask(link)
            owners = [str(record["id"]) for record in found.records if record is not None]
            pairs = [
                await existing_pairs(self.client, one, owners=owners, entity=self.schema.entity(one.entity))
                for one in payloads.relations
            ]
            yield payloads, found, pairs

    async def _tried(self, changes: Changes) -> AsyncIterator[Changes]:
        """Yield the changes, one record ahead of the others where something has to be tried."""
        first = self.objects.first(changes) if self.objects is not None else None
        if self.objects is None or first is None:
            yield changes
            return
        yield take(changes, [first])
        await self.objects.look(changes, position=first)
        yield take(changes, [i for i in range(len(changes)) if i != first])

    async def _own(self, payloads: Payloads, found: Found) -> Changes:
        own = dataclasses.replace(self._compared(payloads, found), part=self.block)
        return await permitted(own, self.client) if self.asks_rights else own

    def _expect(self, changes: Changes) -> None:
        """Let links find the records of this run: parents in the same file, records of an earlier block."""
        ids = zip(changes.keys.to_pylist(), changes.ids.to_pylist(), changes.kinds, strict=True)
        known = [(key, one) for key, one, kind in ids if kind in STANDS]
        self.links.expect(self.entity.name, self.records.key_fields, records=known)

    def usable(self, changes: Changes) -> list[bool]:
        """Tell of each record whether it stands, or will, as far as that is known."""
        return [
            kind is not ChangeKind.BLOCKED and row not in self.failed
            for kind, row in zip(changes.kinds, changes.numbers.to_pylist(), strict=True)
        ]

    def _compared(self, payloads: Payloads, found: Found) -> Changes:
        links = [self._ids(payloads, link) for link in payloads.links]
        return plan_changes(
            payloads,
            found,
            links=links,
            entity=self.entity,
            write=self.write,
            unwanted=self.unwanted,
        )

    def _ids(self, payloads: Payloads, link: LinkTexts) -> LinkIds:
        return self.links.ids(link, file=payloads.file, sheet=payloads.sheet, numbers=payloads.numbers)


def _all_links(payloads: Payloads) -> list[LinkTexts]:
    of_relations = [link for relation in payloads.relations for link in relation.links]
    of_attributes = [
        LinkTexts(one.link, one.column, one.values) for one in payloads.attributes if one.link is not None
    ]
    return [*payloads.links, *of_relations, *of_attributes]


def _of(step: Changes, changes: Changes, found: Found) -> Found | None:
    """What stands on the server of the records of a step; None where it is about other records."""
    if step.entity != changes.entity or step.part != changes.part:
        return None
    records = dict(zip(changes.ids.to_pylist(), found.records, strict=True))
    ids = step.ids.to_pylist()
    return Found(ids, [records[one] for one in ids], {})


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
