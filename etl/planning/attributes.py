"""Attribute values compared with what stands there, and the two ways in which they travel in a bulk upsert.

Beside the fields of the record (`__attributes` assigns, `__attributesToRemove` takes off), or as records of
their own. Sources: AtroCore REST API, "Working with Attributes"; observations, "Attributes".
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.model import ChangeKind, Changes, Payloads
from etl.planning.changes import plan_changes
from etl.planning.diff import differs, is_filled, old_values
from etl.resolving import Found, own_id
from etl.resolving.attribute_values import MAIN_LANGUAGE, RowKey
from etl.resolving.keys import PART_SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.model import AttributeValues
    from etl.resolving.attribute_values import AttributeReader, LiveValues
    from etl.resolving.keys import Record
    from etl.schema import EntitySchema

ASSIGN, REMOVE = "__attributes", "__attributesToRemove"
LISTS = pa.list_(pa.string())


def beside_fields(changes: Changes, attributes: Sequence[AttributeValues], *, live: LiveValues) -> Changes:
    """Return the changes with the attribute values that differ, and what assigns and removes attributes.

    Args:
        attributes: their links resolved; as long as the changes.
    """
    ids = changes.ids.to_pylist()
    is_open = pa.array([kind in OPEN for kind in changes.kinds], pa.bool_())
    columns, clears, old = dict(changes.columns), dict(changes.clears), dict(changes.old)
    assign: list[list[str]] = [[] for _ in ids]
    remove: list[list[str]] = [[] for _ in ids]
    touched = pa.array([False] * len(ids), pa.bool_())
    for one in attributes:
        key, attribute_id = one.target.key, one.target.attribute_id
        values = [live.values.get(record_id, {}).get(key) for record_id in ids]
        is_new = pa.array([attribute_id not in live.assigned.get(i, ()) for i in ids], pa.bool_())
        said = pc.and_(is_open, pc.is_valid(one.values))
        changed = pc.and_(said, pc.or_(is_new, differs(one.values, values, field=None, appends=False)))
        columns[key] = pc.if_else(changed, one.values, pa.scalar(None, one.values.type))
        if one.clears is not None:
            clears[key] = pc.and_(pc.and_(is_open, one.clears), is_filled(values))
            touched = pc.or_(touched, clears[key])
        old[key] = old_values(values, where=pc.and_not(changed, is_new))
        for position in pc.indices_nonzero(pc.and_(changed, is_new)).to_pylist():
            assign[position].append(attribute_id)
        if one.unassigns is not None:
            off = pc.and_(pc.and_(is_open, one.unassigns), pc.invert(is_new))
            for position in pc.indices_nonzero(off).to_pylist():
                # 2.2 looks for the flattened name, the documentation says ids; what is neither is ignored.
                # Source: quirks, 10.
                remove[position] += [attribute_id, key]
            touched = pc.or_(touched, off)
        touched = pc.or_(touched, changed)
    for key, lists in ((ASSIGN, assign), (REMOVE, remove)):
        if any(lists):
            columns[key] = pa.array([list(dict.fromkeys(each)) or None for each in lists], LISTS)
    kinds = [
        ChangeKind.UPDATE if kind is ChangeKind.UNCHANGED and is_touched else kind
        for kind, is_touched in zip(changes.kinds, touched.to_pylist(), strict=True)
    ]
    return dataclasses.replace(
        changes, columns=columns, clears=clears, old=old, kinds=kinds, carries_attributes=True
    )


OPEN = (ChangeKind.CREATE, ChangeKind.UPDATE, ChangeKind.UNCHANGED)
"""Kinds of changes that may get attribute values."""


def as_rows(
    payloads: Payloads,
    attributes: Sequence[AttributeValues],
    *,
    owner_ids: Sequence[str],
    usable: Sequence[bool],
    live: LiveValues,
    reader: AttributeReader,
    rows: EntitySchema,
) -> list[Changes]:
    """Return the records of values to be created, changed and deleted; an attribute's parts share a record.

    Args:
        attributes: their links resolved.
        owner_ids: the id of each record of `payloads`.
        usable: whether it stands.
        rows: the entity of the records of values.
    """
    groups: dict[tuple[str, str, str], list[AttributeValues]] = {}
    for one in attributes:
        language = one.target.language or MAIN_LANGUAGE
        groups.setdefault((one.target.attribute_id, language, one.target.channel), []).append(one)
    made = []
    for (attribute_id, language, _), parts in groups.items():
        named = [RowKey(owner, attribute_id, language) for owner in owner_ids]
        made.append(
            _rows_of(payloads, parts, named=named, usable=usable, live=live, reader=reader, rows=rows)
        )
    return [one for one in made if one is not None]


def _rows_of(
    payloads: Payloads,
    parts: Sequence[AttributeValues],
    *,
    named: Sequence[RowKey],
    usable: Sequence[bool],
    live: LiveValues,
    reader: AttributeReader,
    rows: EntitySchema,
) -> Changes | None:
    said, removed = set(), set()
    for one in parts:
        said |= set(pc.indices_nonzero(pc.is_valid(one.values)).to_pylist())
        said |= set(pc.indices_nonzero(one.clears).to_pylist()) if one.clears is not None else set()
        removed |= set(pc.indices_nonzero(one.unassigns).to_pylist()) if one.unassigns is not None else set()
    removed = {position for position in removed if named[position] in live.rows}
    positions = sorted(position for position in said | removed if usable[position])
    if not positions:
        return None
    index = pa.array(positions, pa.int64())
    columns: dict[str, pa.Array] = {
        reader.owner_key: pa.array([named[i].record_id for i in positions], pa.string()),
        "attributeId": pa.array([named[i].attribute_id for i in positions], pa.string()),
        "language": pa.array([named[i].language for i in positions], pa.string()),
    }
    clears = {}
    for one in parts:
        place = reader.place(one.target)
        columns[place] = one.values.take(index)
        if one.clears is not None:
            clears[place] = one.clears.take(index)
    marks = [_mark(named[i]) for i in positions]
    records: list[Record | None] = [_live_row(named[i], parts, live, reader) for i in positions]
    fields = (reader.owner_key, "attributeId", "language", "channelId")
    found = Found(
        [live.rows.get(named[i]) or own_id(rows.name, fields, key=_mark(named[i])) for i in positions],
        records,
        {},
    )
    of_values = Payloads(
        rows.name,
        payloads.file,
        payloads.sheet,
        numbers=payloads.numbers.take(index),
        keys=pa.array(marks, pa.string()),
        key_columns={},
        columns=columns,
        clears=clears,
        commands=pa.array(["delete" if i in removed else None for i in positions], pa.string()),
    )
    changes = plan_changes(of_values, found, links=(), entity=rows, write="upsert")
    return dataclasses.replace(changes, part=parts[0].target.address, members={})


def _live_row(
    key: RowKey, parts: Sequence[AttributeValues], live: LiveValues, reader: AttributeReader
) -> dict[str, object] | None:
    if key not in live.rows:
        return None
    values = live.values.get(key.record_id, {})
    there: dict[str, object] = {
        "id": live.rows[key],
        reader.owner_key: key.record_id,
        "attributeId": key.attribute_id,
        "language": key.language,
    }
    return there | {reader.place(one.target): values.get(one.target.key) for one in parts}


def _mark(key: RowKey) -> str:
    return PART_SEPARATOR.join((key.record_id, key.attribute_id, key.language, key.channel_id))
