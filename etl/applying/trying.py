"""Attribute values of a plan: how they travel, and whether this server keeps them so.

Source: observations, "Attributes": what a server keeps is seen by reading it back, never from its version.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from etl.errors import AttributesNotKept
from etl.model import ChangeKind
from etl.planning.attributes import ASSIGN, REMOVE
from etl.planning.attributing import ATTRIBUTES
from etl.planning.diff import differs, is_filled

if TYPE_CHECKING:
    from etl.applying.reading import LiveReader
    from etl.model import Changes
    from etl.schema import EntitySchema


def attributes_beside(changes: Changes, live: LiveReader, entity: EntitySchema) -> Changes:
    """Return the changes with what says how their attribute values travel."""
    known = live.attributes(changes.entity)
    keys = {*changes.columns, *changes.clears}
    if not keys & {*known, ASSIGN, REMOVE}:
        return changes
    if changes.part != ATTRIBUTES:
        return dataclasses.replace(changes, carries_attributes=True)
    reader = live.reader(entity)
    names = {
        key: (one.target.attribute_id, f"value{reader.ending(one.target)}")
        for key, one in known.items()
        if key in keys
    }
    return dataclasses.replace(changes, attribute_keys=names, old={}, prev_keys=frozenset())


def first_with_attributes(changes: Changes, live: LiveReader) -> int | None:
    """Return the first record that is sent with attribute values beside its fields; None: there is none."""
    if not changes.carries_attributes:
        return None
    known = live.attributes(changes.entity)
    for position, kind in enumerate(changes.kinds):
        if kind in (ChangeKind.CREATE, ChangeKind.UPDATE) and any(
            column[position].is_valid for key, column in changes.columns.items() if key in known
        ):
            return position
    return None


async def look_at_attributes(
    changes: Changes, position: int, *, live: LiveReader, entity: EntitySchema
) -> None:
    """Read back the record that went alone.

    Raises:
        AttributesNotKept: one of its attribute values does not stand there; nothing else was sent.
        RequestFailed, NoAccess: the server could not be asked.
    """
    known = live.attributes(changes.entity)
    keys = [key for key in (*changes.columns, *changes.clears) if key in known]
    record_id = changes.ids[position].as_py()
    found = await live.reader(entity).read([record_id], [known[key].target for key in keys])
    for key in keys:
        now = [found.values.get(record_id, {}).get(key)]
        column, clear = changes.columns.get(key), changes.clears.get(key)
        is_other = (
            column is not None
            and differs(column.slice(position, 1), now, field=None, appends=False)[0].as_py()
        )
        is_left = clear is not None and clear[position].as_py() and pc.any(is_filled(now)).as_py()
        if is_other or is_left:
            raise AttributesNotKept(known[key].target.address, changes.entity)
