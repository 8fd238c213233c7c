"""What a plan intends, held against what stands on the server now: done, drifted, or still to be sent.

The old values travel along as well (`_prev`), but a server compares neither links nor attributes nor deletes.
Source: observations, "The way of writing".
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.model import ChangeKind
from etl.planning.attributes import ASSIGN, REMOVE
from etl.planning.changes import prev_keys_of
from etl.planning.diff import differs, is_filled, missing_ids, sent_where
from etl.planning.from_lines import typed
from etl.planning.phases import RELATIONS
from etl.resolving import Found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from etl.delivery import OnDrift
    from etl.model import Changes
    from etl.planning.from_lines import Intended
    from etl.resolving.keys import Record
    from etl.schema import EntitySchema, FieldSchema

DELETED, THERE = "it was deleted", "it is there already"


@dataclass(frozen=True, slots=True)
class Live:
    """What stands on the server of the records of a group."""

    records: Mapping[str, Record]
    """By id; with attribute values under their flattened keys."""
    assigned: Mapping[str, frozenset[str]]
    """Record id -> ids of the attributes it has."""
    others: Mapping[str, str]
    """Canonical key of a record to be created -> id of another record that has it."""


@dataclass(frozen=True, slots=True)
class Faced:
    """What is left to be done."""

    changes: Changes
    found: Found
    """What stands there, position by position."""
    reasons: Mapping[int, str]
    """Why records are blocked, by position."""


def face(
    intended: Intended,
    live: Live,
    *,
    entity: EntitySchema,
    on_drift: OnDrift,
    ours: AbstractSet[str],
) -> Faced:
    """Return the changes without what stands already; records that somebody changed since are blocked.

    Args:
        ours: ids that this very run may have written before it was stopped.
    """
    changes = intended.changes
    ids: list[str] = changes.ids.to_pylist()
    records = [live.records.get(one) for one in ids]
    kinds = list(changes.kinds)
    columns, clears, drifted = _left(intended, live, entity=entity)
    reasons: dict[int, str] = {}
    for position, (kind, record) in enumerate(zip(changes.kinds, records, strict=True)):
        is_free = ids[position] in ours or intended.is_restored[position] or on_drift == "overwrite"
        if kind is ChangeKind.CREATE:
            why = _of_create(record, live.others.get(changes.keys[position].as_py()), is_free=is_free)
            kinds[position] = kind if record is None else ChangeKind.UPDATE
        elif kind is ChangeKind.DELETE:
            why = None if is_free else _of_delete(record, intended.modified[position])
            kinds[position] = ChangeKind.UNCHANGED if record is None else kind
        elif changes.part == RELATIONS:
            why = None
        else:
            why = DELETED if record is None else None if is_free else drifted.get(position)
        if why is not None:
            reasons[position] = why
    changed = _any(columns, clears, len(changes))
    for position, kind in enumerate(kinds):
        if position in reasons:
            kinds[position] = ChangeKind.BLOCKED
        elif kind is ChangeKind.UPDATE and not changed[position]:
            kinds[position] = ChangeKind.UNCHANGED
    old = _old(columns, clears, records)
    left = dataclasses.replace(
        changes,
        kinds=kinds,
        columns=columns,
        clears=clears,
        old=old,
        prev_keys=prev_keys_of(old, entity),
    )
    return Faced(left, Found(ids, records, {}), reasons)


def _of_create(record: Record | None, other: str | None, *, is_free: bool) -> str | None:
    """Return why a record is not to be created; None: it may be, or it stands and is ours to write."""
    if record is None:
        return f"another record has this key now, with id {other}" if other is not None else None
    return None if is_free else THERE


def _of_delete(record: Record | None, then: str | None) -> str | None:
    now = record.get("modifiedAt") if record is not None else then
    return f"it was changed at {now}" if then is not None and now != then else None


def _left(
    intended: Intended, live: Live, *, entity: EntitySchema
) -> tuple[dict[str, pa.Array], dict[str, pa.BooleanArray], dict[int, str]]:
    """Null out what stands already; tell of each record the first field that holds neither old nor new."""
    changes = intended.changes
    ids = changes.ids.to_pylist()
    records = [live.records.get(one) for one in ids]
    is_there = pa.array([record is not None for record in records], pa.bool_())
    columns: dict[str, pa.Array] = {}
    clears: dict[str, pa.BooleanArray] = {}
    drifted: dict[int, str] = {}
    for key in dict.fromkeys((*changes.columns, *changes.clears, *intended.removals)):
        values = [None if record is None else record.get(key) for record in records]
        still = pa.array([False] * len(changes), pa.bool_())
        does_append = key in changes.appends
        if key in (ASSIGN, REMOVE):
            columns[key] = _attributes_left(changes.columns[key], key, ids, live)
            continue
        if (column := changes.columns.get(key)) is not None:
            field = entity.by_payload_key(key) or entity.fields.get(key)
            changed = differs(column, values, field=field, appends=does_append)
            if does_append:
                column = missing_ids(column, values)
            columns[key] = sent_where(column, pc.or_(pc.invert(is_there), changed))
            still = changed
        if (clear := changes.clears.get(key)) is not None:
            clears[key] = pc.and_(clear, is_filled(values))
            still = pc.or_(still, clears[key])
        if (removal := intended.removals.get(key)) is not None:
            columns[key] = _without(removal, values)
        if does_append:
            # Ids that others linked or took out meanwhile do not concern those that are added.
            continue
        other = _is_other(changes.old.get(key), values, field=entity.by_payload_key(key))
        for position in pc.indices_nonzero(pc.and_(pc.and_(still, is_there), other)).to_pylist():
            there = orjson.dumps(values[position], default=str).decode()[:80]
            drifted.setdefault(position, f"{key} is {there} now")
    return columns, clears, drifted


def _is_other(
    old: pa.StringArray | None, values: Sequence[object], *, field: FieldSchema | None
) -> pa.BooleanArray:
    """Tell per position whether something else stands there than the plan found; compared by meaning."""
    if old is None:
        return is_filled(values)
    before = typed(pc.if_else(pc.equal(old, "null"), pa.scalar(None, pa.string()), old))
    return pc.if_else(
        before.is_valid(), differs(before, values, field=field, appends=False), is_filled(values)
    )


def _attributes_left(column: pa.Array, key: str, ids: Sequence[str], live: Live) -> pa.Array:
    """Assignments that are not there yet, or attributes that still are."""
    left = []
    for record_id, wanted in zip(ids, column.to_pylist(), strict=True):
        has = live.assigned.get(record_id, frozenset())
        is_done = wanted is None or (set(wanted) <= has if key == ASSIGN else not set(wanted) & has)
        left.append(None if is_done else wanted)
    return pa.array(left, column.type)


def _without(removal: pa.Array, values: Sequence[object]) -> pa.Array:
    """The ids that stay linked; null where none of those to be taken out is linked."""
    left = []
    for taken, there in zip(removal.to_pylist(), values, strict=True):
        linked = [str(one) for one in there] if isinstance(there, list) else []
        is_hit = taken is not None and not set(linked).isdisjoint(taken)
        left.append([one for one in linked if one not in set(taken)] if is_hit else None)
    return pa.array(left, pa.list_(pa.string()))


def _old(
    columns: Mapping[str, pa.Array],
    clears: Mapping[str, pa.BooleanArray],
    records: Sequence[Record | None],
) -> dict[str, pa.Array]:
    """What stands there of what is sent: what the server compares, and what is kept for an undo."""
    old = {}
    for key in dict.fromkeys((*columns, *clears)):
        sent = columns[key].is_valid() if key in columns else pa.array([False] * len(records), pa.bool_())
        sent = pc.or_(sent, clears[key]) if key in clears else sent
        texts = [
            orjson.dumps(record.get(key)).decode()
            if is_sent and record is not None and key in record
            else None
            for is_sent, record in zip(sent.to_pylist(), records, strict=True)
        ]
        if any(text is not None for text in texts):
            old[key] = pa.array(texts, pa.string())
    return old


def _any(columns: Mapping[str, pa.Array], clears: Mapping[str, pa.BooleanArray], length: int) -> list[bool]:
    changed = pa.array([False] * length, pa.bool_())
    for column in columns.values():
        changed = pc.or_(changed, column.is_valid())
    for clear in clears.values():
        changed = pc.or_(changed, clear)
    found: list[bool] = changed.to_pylist()
    return found
