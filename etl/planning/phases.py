"""What cannot travel in one request with the record: the relations of a child that is created under a parent.

The server gives a new child its parent's relations and drops those that were sent with it, so they follow in
a second request. Source: quirks, 7; api-contract §8.4. Where a new record takes a single parent only, the
others follow too.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.batching import take
from etl.model import ChangeKind

if TYPE_CHECKING:
    from etl.model import Changes
    from etl.schema import EntitySchema

PARENT, PARENTS = "parentId", "parentsIds"
PARENT_KEYS = (PARENTS, PARENT)
RELATIONS = "relations"
"""The part of a row that is sent after its record."""


def in_phases(
    changes: Changes, entity: EntitySchema, *, takes_parents_ids: bool = True
) -> tuple[Changes, Changes | None]:
    """Split what must be sent after the records have been created; None: nothing must.

    Args:
        takes_parents_ids: False: a new record's parent is sent as `parentId`.
    """
    if not takes_parents_ids and PARENTS in changes.columns and PARENT not in changes.columns:
        return _with_single_parents(changes, entity)
    return _relations_apart(changes, entity)


def _with_single_parents(changes: Changes, entity: EntitySchema) -> tuple[Changes, Changes | None]:
    """Name the first parent of new records by `parentId`; where there are several, all follow later."""
    all_of = changes.columns[PARENTS]
    is_create = pa.array([kind is ChangeKind.CREATE for kind in changes.kinds], pa.bool_())
    count = pc.fill_null(pc.list_value_length(all_of), 0)
    is_below = pc.and_(is_create, pc.greater(count, 0))
    first = pa.array([ids[0] if ids else None for ids in all_of.to_pylist()], pa.string())
    nothing = pa.scalar(None, all_of.type)
    columns = {
        **changes.columns,
        PARENTS: pc.if_else(is_create, nothing, all_of),
        PARENT: pc.if_else(is_below, first, pa.scalar(None, pa.string())),
    }
    now, after = _relations_apart(dataclasses.replace(changes, columns=columns), entity)
    several = pc.and_(is_create, pc.greater(count, 1))
    if not pc.any(several).as_py():
        return now, after
    return now, _with_parents(after, changes, pc.if_else(several, all_of, nothing))


def _with_parents(after: Changes | None, changes: Changes, parents: pa.Array) -> Changes:
    """Put the parents of some records into what follows; they go before the relations of the same request."""
    ids = set(after.ids.to_pylist()) if after is not None else set()
    positions = [
        at
        for at, (record_id, own) in enumerate(zip(changes.ids.to_pylist(), parents.is_valid(), strict=True))
        if own.as_py() or record_id in ids
    ]
    columns = {PARENTS: parents}
    if after is not None:
        columns |= {key: changes.columns[key] for key in after.columns}
    rest = dataclasses.replace(changes, columns=columns, clears={}, old={}, problems=())
    return dataclasses.replace(
        take(rest, positions), kinds=[ChangeKind.UPDATE] * len(positions), part=RELATIONS
    )


def _relations_apart(changes: Changes, entity: EntitySchema) -> tuple[Changes, Changes | None]:
    parents = [key for key in PARENT_KEYS if key in changes.columns]
    relations = [
        key
        for key in changes.columns
        if key not in PARENT_KEYS
        and (field := entity.by_payload_key(key)) is not None
        and field.kind == "links"
    ]
    if not parents or not relations:
        return changes, None
    is_create = pa.array([kind is ChangeKind.CREATE for kind in changes.kinds], pa.bool_())
    has_parent, has_relation = (_any_valid(changes, keys) for keys in (parents, relations))
    later = pc.and_(is_create, pc.and_(has_parent, has_relation))
    if not pc.any(later).as_py():
        return changes, None
    now = dict(changes.columns)
    for key in relations:
        column = changes.columns[key]
        now[key] = pc.if_else(later, pa.scalar(None, column.type), column)
    positions = pc.indices_nonzero(later).to_pylist()
    rest = dataclasses.replace(
        changes, columns={key: changes.columns[key] for key in relations}, clears={}, old={}, problems=()
    )
    after = dataclasses.replace(
        take(rest, positions), kinds=[ChangeKind.UPDATE] * len(positions), part=RELATIONS
    )
    return dataclasses.replace(changes, columns=now), after


def _any_valid(changes: Changes, keys: list[str]) -> pa.BooleanArray:
    valid = pc.is_valid(changes.columns[keys[0]])
    for key in keys[1:]:
        valid = pc.or_(valid, pc.is_valid(changes.columns[key]))
    return valid


def new_children(changes: Changes) -> list[str]:
    """Return the ids of the records that are created under a parent."""
    parents = [key for key in PARENT_KEYS if key in changes.columns]
    if not parents:
        return []
    both = zip(changes.ids.to_pylist(), changes.kinds, _any_valid(changes, parents).to_pylist(), strict=True)
    return [one for one, kind, is_child in both if is_child and kind is ChangeKind.CREATE]
