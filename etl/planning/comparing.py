"""The second pass over a source, up to where something would be sent: what shall become of each record."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from etl.batching import take
from etl.model import ChangeKind, LinkTexts, Outcomes, Status
from etl.planning.changes import plan_changes, will_stand
from etl.planning.ends import Ends
from etl.planning.phases import in_phases
from etl.planning.relating import (
    Pairs,
    existing_pairs,
    joined,
    left_out,
    place_of,
    plan_relation,
    take_over,
)
from etl.planning.rights import permitted
from etl.planning.settling import Settled, settled, wanted_files
from etl.resolving import Found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

    from etl.api import Client
    from etl.model import Changes, Frame, Outcome, Payloads
    from etl.planning.attributing import Attributing
    from etl.planning.changes import Unwanted, WriteMode
    from etl.planning.ends import FileIds
    from etl.planning.knowing import Knowing
    from etl.planning.objects import LinkedObjects
    from etl.resolving import LinkFinder, RecordFinder
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
    files: FileIds | None = None
    """None: no cell of the mapping is a file."""
    asks_rights: bool = False
    """True: records that the user may not change are blocked; else the server refuses them when they come."""
    knowing: Knowing | None = None
    """Learns of the rows, and settles the conflicts of their fields; None: nobody does."""
    failed: set[int] = field(default_factory=set)
    """Source rows of records that were sent and do not stand as they should; `refuse` fills it."""

    @property
    def ends(self) -> Ends:
        """Where the ids of links come from."""
        return Ends(self.links, self.files)

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
        async for settled_, found, pairs in _one_ahead(self._resolved(frames, unsent)):
            payloads = settled_.payloads
            for link in _all_links(payloads):
                if link.target.files is not None:
                    continue
                for creates in self.links.creates(link):
                    yield Compared(creates, None, is_needed=True)
            names = {link.target.key: self.ends.names(link.target) for link in payloads.links}
            own = await self._own(payloads, found)
            changes, after = in_phases(
                own,
                self.entity,
                takes_parents_ids=self.client.generation.takes_parents_ids,
            )
            self._expect(changes)
            told = left_out(payloads, self.ends)
            changes = dataclasses.replace(changes, problems=(*changes.problems, *told)) if told else changes
            is_needed = after is not None or bool(payloads.relations)
            if payloads.attributes and self.attributes is not None:
                async for step in self.attributes.steps(changes, payloads, found, knowing=self.knowing):
                    self._block(step.changes)
                    compared = _of(step.changes, changes, found)
                    yield Compared(step.changes, compared, names, is_needed=step.is_needed or is_needed)
            else:
                async for part in self._tried(changes):
                    yield Compared(
                        part, _of(part, changes, found), names, is_needed=is_needed or len(part) == 1
                    )
            if after is not None:
                stands = [i for i, row in enumerate(after.numbers.to_pylist()) if row not in self.failed]
                yield Compared(take(after, stands), None, names)
            await take_over(self.client, payloads.relations, pairs, own=own, schema=self.schema)
            for joining in self._relations(payloads, found, pairs, usable=self._meant(changes, settled_)):
                yield joining
            self._close(payloads)

    def _block(self, changes: Changes) -> None:
        """Learn which records are blocked for an attribute value: nothing else of their rows is sent."""
        if changes.entity == self.entity.name and changes.part == self.block:
            rows = zip(changes.kinds, changes.numbers.to_pylist(), strict=True)
            self.failed.update(row for kind, row in rows if kind is ChangeKind.BLOCKED)

    def _meant(self, changes: Changes, settled_: Settled) -> list[bool]:
        """Tell of which records relations may be made; empty where there are none."""
        if not settled_.payloads.relations:
            return []
        both = zip(self.usable(changes), settled_.stands, strict=True)
        return [will and is_meant for will, is_meant in both]

    def _close(self, payloads: Payloads) -> None:
        if self.knowing is not None:
            self.knowing.closed(payloads)

    def _relations(
        self,
        payloads: Payloads,
        found: Found,
        pairs: Mapping[tuple[str, ...], Pairs],
        *,
        usable: Sequence[bool],
    ) -> Iterator[Compared]:
        """Yield what shall be done with the relation records of payloads, relation by relation."""
        made = [
            joined(payloads, one, owner_ids=found.ids, usable=usable, ends=self.ends)
            for one in payloads.relations
        ]
        places = [place_of(one) for one in payloads.relations]
        for at, one in enumerate(made):
            known = pairs[places[at]]
            others = frozenset(
                mark
                for other, place in zip(made, places, strict=True)
                if other is not one and place == places[at]
                for mark in other.marks
            )
            entity = self.schema.entity(one.relation.entity)
            names = {link.target.key: self.ends.names(link.target) for link in one.relation.links}
            for changes in plan_relation(payloads, one, pairs=known, entity=entity, others=others):
                known.learn(changes)
                # The same pair may stand in the next relation too: then it is changed, not made again.
                yield Compared(changes, None, names, is_needed=places[at] in places[at + 1 :])

    async def _resolved(
        self, frames: Iterator[Frame], unsent: Callable[[Sequence[Outcome]], None]
    ) -> AsyncIterator[tuple[Settled, Found, dict[tuple[str, ...], Pairs]]]:
        while (understood := await asyncio.to_thread(self.understand, frames)) is not None:
            payloads, outcomes = understood
            unsent(outcomes)
            found = await self.records.find(payloads)
            stands = will_stand(payloads, found, write=self.write)
            for link in _all_links(payloads):
                if link.target.files is None:
                    await self.links.ask(link)
            whole = Settled(payloads, stands)
            if self.files is not None:
                await self.files.ask(wanted_files(_all_links(payloads), payloads, stands))
                whole, found = settled(payloads, found, self.files, stands=stands)
            owners = [str(record["id"]) for record in found.records if record is not None]
            pairs = await existing_pairs(self.client, payloads.relations, owners=owners, schema=self.schema)
            yield whole, found, pairs

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
        entity, fields = self.entity.name, self.records.key_fields
        if self.links.expects(entity, fields):
            ids = zip(changes.keys.to_pylist(), changes.ids.to_pylist(), changes.kinds, strict=True)
            known = [(key, one) for key, one, kind in ids if kind in STANDS]
            self.links.expect(entity, fields, records=known)

    def usable(self, changes: Changes) -> list[bool]:
        """Tell of each record whether it stands, or will, as far as that is known."""
        return [
            kind is not ChangeKind.BLOCKED and row not in self.failed
            for kind, row in zip(changes.kinds, changes.numbers.to_pylist(), strict=True)
        ]

    def _compared(self, payloads: Payloads, found: Found) -> Changes:
        links = [self._ids(payloads, link) for link in payloads.links]
        changes = plan_changes(
            payloads,
            found,
            links=links,
            entity=self.entity,
            write=self.write,
            unwanted=self.unwanted,
        )
        if self.knowing is None:
            return changes
        self.knowing.looks_once = self.records.is_whole
        has_values = bool(payloads.attributes) and self.attributes is not None
        return self.knowing.weigh(changes, payloads, found, links=links, has_values=has_values)

    def _ids(self, payloads: Payloads, link: LinkTexts) -> LinkIds:
        return self.ends.ids(link, file=payloads.file, sheet=payloads.sheet, numbers=payloads.numbers)


def _all_links(payloads: Payloads) -> list[LinkTexts]:
    of_relations = [link for relation in payloads.relations for link in relation.links]
    of_attributes = [
        LinkTexts(one.link, one.column, one.values) for one in payloads.attributes if one.link is not None
    ]
    return [*payloads.links, *of_relations, *of_attributes]


def _of(step: Changes, changes: Changes, found: Found) -> Found | None:
    """What stands on the server of the records of a step; None where it is about other records."""
    if step is changes:
        return found
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
