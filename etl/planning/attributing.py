"""How attribute values reach this server: tried on one record and read back before the others are sent.

The server's version does not tell. Source: observations, "Attributes".
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from etl.batching import take
from etl.errors import AttributesNotKept
from etl.model import ChangeKind, LinkTexts
from etl.planning.attributes import as_rows, beside_fields
from etl.planning.diff import differs, is_filled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from etl.model import AttributeValues, Changes, Payloads, Problem
    from etl.planning.ends import Ends
    from etl.planning.knowing import Knowing
    from etl.resolving import Found
    from etl.resolving.attribute_values import AttributeReader, LiveValues

Way = Literal["flattened", "records", "endpoints"]
"""Beside the fields of the record, as records of their own, or through the simple endpoints."""
SENT = (ChangeKind.CREATE, ChangeKind.UPDATE)


@dataclass(frozen=True, slots=True)
class Step:
    """Changes of records or of their values, in the order in which they are made."""

    changes: Changes
    is_needed: bool
    """What comes next needs these to stand."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """The records of a frame, and what is known of their attributes."""

    own: Changes
    """Without attribute values."""
    whole: Changes
    """With those that differ, beside the fields."""
    payloads: Payloads
    attributes: Sequence[AttributeValues]
    """As long as the payloads, links resolved."""
    live: LiveValues
    all_ids: Sequence[str] = ()
    """Ids of all records of the payloads."""

    def __post_init__(self) -> None:
        """Remember the ids before records are taken out."""
        if not self.all_ids:
            object.__setattr__(self, "all_ids", self.own.ids.to_pylist())

    @property
    def ids(self) -> frozenset[str]:
        """Ids of the records that are left."""
        return frozenset(self.own.ids.to_pylist())

    def without(self, position: int) -> _Frame:
        """Return the frame without a record that was sent."""
        rest = [i for i in range(len(self.own)) if i != position]
        return dataclasses.replace(
            self, own=take(self.own, rest), whole=take(self.whole, rest), all_ids=self.all_ids
        )


@dataclass(slots=True)
class Attributing:
    """Puts attribute values to the records of one entity."""

    reader: AttributeReader
    links: Ends
    way: Way | None
    """None: to be found out."""
    is_trying: bool
    """False: nothing is sent, so nothing can be tried."""
    usable: Callable[[Changes], list[bool]] = field(default=lambda changes: [True] * len(changes))
    """Tells of each record whether it stands, or will."""

    async def steps(
        self, own: Changes, payloads: Payloads, found: Found, *, knowing: Knowing | None
    ) -> AsyncIterator[Step]:
        """Yield the changes of records with their attribute values, then values that travel by themselves.

        Args:
            knowing: settles the conflicts of values; None: nobody does.

        Raises:
            AttributesNotKept: the server keeps them in none of the ways.
            RequestFailed, NoAccess: the server could not be asked.
        """
        attributes: Sequence[AttributeValues]
        attributes, own = self._resolved(own, payloads)
        there = [str(one["id"]) for one in found.records if one is not None]
        live = await self.reader.read(there, [one.target for one in attributes])
        if knowing is None:
            whole = beside_fields(own, attributes, live=live)
        else:
            settled = knowing.weigh_values(own, attributes, payloads, found, live=live)
            own, attributes, whole = settled.own, settled.attributes, settled.whole
        frame = _Frame(own, whole, payloads, attributes, live)
        first = _first_touched(whole, own) if self.way is None else None
        if first is not None and not self.is_trying:
            self.way = "records" if self.reader.has_whole_values else "flattened"
        elif first is not None:
            async for step in self._tries(frame, first):
                yield step
            frame = frame.without(first)
        if self.way in (None, "flattened"):
            yield Step(frame.whole, is_needed=bool(payloads.relations))
            return
        yield Step(frame.own, is_needed=True)
        for changes in self._apart(frame, self.way, mask=self.usable(own)):
            yield Step(changes, is_needed=bool(payloads.relations))

    async def _tries(self, frame: _Frame, first: int) -> AsyncIterator[Step]:
        """Send one record in one way after the other, until its values stand; what was found out is `way`."""
        yield Step(take(frame.whole, [first]), is_needed=True)
        self.way = "flattened"
        wrong = await self._wrong_after(frame, first)
        only = [i == first for i in range(len(frame.own))]
        has_rows = self.reader.rows is not None and "attribute" in self.reader.rows.fields
        for way in ("records", "endpoints") if has_rows else ("endpoints",):
            if wrong is None:
                return
            self.way = way
            for changes in self._apart(frame, way, mask=only):
                yield Step(changes, is_needed=True)
            wrong = await self._wrong_after(frame, first)
        if wrong is not None:
            raise AttributesNotKept(wrong, frame.own.entity)

    def _apart(self, frame: _Frame, way: Way, *, mask: Sequence[bool]) -> list[Changes]:
        """The values of records, to be sent after them."""
        if way == "endpoints":
            return _through_endpoints(frame, self.reader, mask)
        if self.reader.rows is None:
            return []
        return as_rows(
            frame.payloads,
            frame.attributes,
            owner_ids=frame.all_ids,
            usable=[wanted and one in frame.ids for wanted, one in zip(mask, frame.all_ids, strict=True)],
            live=frame.live,
            reader=self.reader,
            rows=self.reader.rows,
        )

    async def _wrong_after(self, frame: _Frame, position: int) -> str | None:
        """Look at the one record that was sent; return an attribute that does not stand as it was sent."""
        record_id = frame.all_ids[position]
        stands = await self.reader.read([record_id], [one.target for one in frame.attributes])
        for one in frame.attributes:
            now = [stands.values.get(record_id, {}).get(one.target.key)]
            is_other = differs(one.values.slice(position, 1), now, field=None, appends=False)[0].as_py()
            is_left = _is_set(one.clears, position) and is_filled(now)[0].as_py()
            has_it = one.target.attribute_id in stands.assigned.get(record_id, ())
            if is_other or is_left or (_is_set(one.unassigns, position) and has_it):
                return one.target.address
        return None

    def _resolved(self, own: Changes, payloads: Payloads) -> tuple[list[AttributeValues], Changes]:
        """Turn texts of lists, units and links into ids; records that lack one are blocked."""
        problems: list[Problem] = []
        failed: set[int] = set()
        resolved = []
        for one in payloads.attributes:
            if one.link is None:
                resolved.append(one)
                continue
            found = self.links.ids(
                LinkTexts(one.link, one.column, one.values),
                file=payloads.file,
                sheet=payloads.sheet,
                numbers=payloads.numbers,
            )
            resolved.append(dataclasses.replace(one, values=found.ids))
            problems += found.problems
            failed |= found.failed
        if not problems:
            return resolved, own
        kinds = [ChangeKind.BLOCKED if i in failed else kind for i, kind in enumerate(own.kinds)]
        return resolved, dataclasses.replace(own, kinds=kinds, problems=(*own.problems, *problems))


def _is_set(mask: pa.BooleanArray | None, position: int) -> bool:
    return mask is not None and bool(mask[position].as_py())


def _first_touched(whole: Changes, own: Changes) -> int | None:
    """The first record that is sent with attribute values."""
    touched = pa.array([False] * len(whole), pa.bool_())
    for key, column in whole.columns.items():
        if key not in own.columns:
            touched = pc.or_(touched, pc.is_valid(column))
    sent = pa.array([kind in SENT for kind in whole.kinds], pa.bool_())
    positions = pc.indices_nonzero(pc.and_(touched, sent)).to_pylist()
    return positions[0] if positions else None


def _through_endpoints(frame: _Frame, reader: AttributeReader, mask: Sequence[bool]) -> list[Changes]:
    """Changes that hold attribute values alone, for records where there are any."""
    whole = frame.whole
    keys = [key for key in whole.columns if key not in frame.own.columns]
    wanted = dict(zip(frame.all_ids, mask, strict=True))
    touched = pa.array([False] * len(whole), pa.bool_())
    for key in keys:
        touched = pc.or_(touched, pc.is_valid(whole.columns[key]))
    clears = {key: mask for key, mask in whole.clears.items() if key not in frame.own.clears}
    for clear in clears.values():
        touched = pc.or_(touched, clear)
    ids = whole.ids.to_pylist()
    positions = [i for i in pc.indices_nonzero(touched).to_pylist() if wanted.get(ids[i])]
    if not positions:
        return []
    names = {
        one.target.key: (one.target.attribute_id, f"value{reader.ending(one.target)}")
        for one in frame.attributes
    }
    values = dataclasses.replace(
        whole,
        columns={key: whole.columns[key] for key in keys},
        clears=clears,
        old={key: old for key, old in whole.old.items() if key not in frame.own.old},
        problems=(),
    )
    return [
        dataclasses.replace(
            take(values, positions),
            kinds=[ChangeKind.UPDATE] * len(positions),
            part=ATTRIBUTES,
            attribute_keys=names,
        )
    ]


ATTRIBUTES = "attributes"
"""The part of a row whose values go through the simple endpoints."""
