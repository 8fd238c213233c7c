"""What cannot travel in one request with the record: the relations of a child that is created under a parent.

The server gives a new child its parent's relations and drops those that were sent with it, so they follow in
a second request. Source: quirks, 7; api-contract §8.4.
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

PARENT_KEYS = ("parentsIds", "parentId")
RELATIONS = "relations"
"""The part of a row that is sent after its record."""


def in_phases(changes: Changes, entity: EntitySchema) -> tuple[Changes, Changes | None]:
    """Split what must be sent after the records have been created; None: nothing must."""
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
