"""Attribute values that somebody edited in AtroCore since they were last written; see `conflicts`.

Told like those of fields, by the record's `modifiedAt`. Where values are records of their own (1.10, 2.1) an
edit counts once the moment of the record has moved as well.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.planning.attributes import beside_fields
from etl.planning.conflicts import any_of, find_conflicts, prints_of, with_told, without_kept
from etl.planning.known import WROTE
from etl.resolving import Found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.model import AttributeValues, Changes
    from etl.planning.conflicts import Before, Kept, Prints
    from etl.planning.known import Marks
    from etl.resolving.attribute_values import LiveValues
    from etl.resolving.keys import Record

ATTRIBUTE = "attribute:"
"""What the names of remembered attribute values begin with; their flattened key follows."""


@dataclass(frozen=True, slots=True)
class SettledValues:
    """Records and their attribute values as the mapping wants them where both sides were edited."""

    own: Changes
    attributes: Sequence[AttributeValues]
    whole: Changes
    """The records with those values that differ beside their fields."""
    prints: Mapping[str, Prints]
    """Of what will stand there, by remembered name."""
    is_edited: Marks
    """True where a value keeps what a person wrote."""


def settle_values(
    own: Changes,
    attributes: Sequence[AttributeValues],
    *,
    found: Found,
    live: LiveValues,
    before: Before,
) -> SettledValues:
    """Return what is sent of the records of a frame and of their attribute values.

    Args:
        attributes: links resolved; as long as `own`.
        found: the records as they stand; `live`: their values.
        before: what was known of the records.
    """
    whole = beside_fields(own, attributes, live=live)
    gone = {one.target.key: _either(one.clears, one.unassigns) for one in attributes}
    ordered = frozenset(one.target.key for one in attributes if one.is_ordered)
    prints = {
        one.target.key: prints_of(one.values, gone[one.target.key], is_ordered=one.is_ordered)
        for one in attributes
    }
    # What is taken off is overwritten as well.
    clears = {key: mask for key in gone if (mask := _either(whole.clears.get(key), gone[key])) is not None}
    ids = own.ids.to_pylist()
    there: list[Record | None] = [
        None if record is None else {**record, **live.values.get(record_id, {})}
        for record_id, record in zip(ids, found.records, strict=True)
    ]
    kept, problems = find_conflicts(
        dataclasses.replace(whole, clears={**whole.clears, **clears}),
        Found(ids, there, {}),
        before=before,
        prints=prints,
        policies={one.target.key: one.on_conflict for one in attributes},
        ordered=ordered,
        remembered=f"{WROTE}{ATTRIBUTE}",
    )
    if problems:
        names = {one.target.key: one.target.address for one in attributes}
        told = {at: dataclasses.replace(one, field=names[one.field]) for at, one in problems.items()}
        own = with_told(own, told)
        attributes = [_without(one, kept) for one in attributes]
        whole = beside_fields(own, attributes, live=live)
    remembered = {f"{ATTRIBUTE}{key}": without_kept(made, kept.get(key)) for key, made in prints.items()}
    return SettledValues(own, attributes, whole, remembered, any_of(kept, len(own)))


def _either(one: pa.BooleanArray | None, other: pa.BooleanArray | None) -> pa.BooleanArray | None:
    return other if one is None else one if other is None else pc.or_(one, other)


def _without(one: AttributeValues, kept: Kept) -> AttributeValues:
    """Leave out the values of records that keep what a person wrote."""
    if (mask := kept.get(one.target.key)) is None:
        return one
    wanted = pa.array(~mask)
    return dataclasses.replace(
        one,
        values=pc.if_else(wanted, one.values, pa.scalar(None, one.values.type)),
        clears=None if one.clears is None else pc.and_(one.clears, wanted),
        unassigns=None if one.unassigns is None else pc.and_(one.unassigns, wanted),
    )
