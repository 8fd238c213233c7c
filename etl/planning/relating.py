"""Records of relation entities (`ProductFile`, `AssociatedProduct`): found by what they join, then planned.

A second record of the same pair is refused or doubled, depending on the server, so pairs are always looked up
first. Source: observations, "Bulk upsert" 14 and "Files".
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.model import Payloads
from etl.planning.changes import plan_changes
from etl.resolving import Found, own_id
from etl.resolving.keys import PART_SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import Client
    from etl.model import Changes, RelationRecords
    from etl.resolving import LinkFinder
    from etl.resolving.keys import Record
    from etl.resolving.links import LinkIds
    from etl.schema import EntitySchema


async def existing_pairs(
    client: Client, relation: RelationRecords, *, owners: Sequence[str], entity: EntitySchema
) -> Mapping[str, Record]:
    """Return the relation records of some owners, by what they join: owner and other ends, U+001F between.

    Args:
        owners: ids of records that stand on the server.
        entity: the relation entity.

    Raises:
        RequestFailed, NoAccess: the server could not be asked.
    """
    if not owners:
        return {}
    ends = [link.target.key for link in relation.links]
    select = tuple(
        dict.fromkeys(
            ("id", relation.owner_key, *ends, *(k for k in relation.columns if entity.by_payload_key(k)))
        )
    )
    records = await client.look_up(relation.entity, relation.owner_key, sorted(set(owners)), select=select)
    return {
        PART_SEPARATOR.join(str(record.get(key)) for key in (relation.owner_key, *ends)): record
        for record in records
    }


def plan_relation(
    payloads: Payloads,
    relation: RelationRecords,
    *,
    owner_ids: Sequence[str],
    usable: Sequence[bool],
    links: LinkFinder,
    pairs: Mapping[str, Record],
    entity: EntitySchema,
) -> Changes | None:
    """Return what shall be done with the relation records of some payloads; None where there are none.

    Args:
        owner_ids: the id of each record of `payloads`.
        usable: whether it stands, or will.
        pairs: relation records that are there, as `existing_pairs` returns them.
        entity: the relation entity.
    """
    owners = relation.owners.to_pylist()
    kept = pa.array([i for i, owner in enumerate(owners) if usable[owner]], pa.int64())
    if not len(kept):
        return None
    numbers = relation.numbers.take(kept)
    owner_column = pa.array([owner_ids[owners[i]] for i in kept.to_pylist()], pa.string())
    ends = [
        links.ids(
            dataclasses.replace(link, texts=link.texts.take(kept)),
            file=payloads.file,
            sheet=payloads.sheet,
            numbers=numbers,
        )
        for link in relation.links
    ]
    marks = _marks(owner_column, ends)
    is_first = _firsts(marks)
    keys = [relation.owner_key, *(end.target.key for end in ends)]
    made = Payloads(
        relation.entity,
        payloads.file,
        payloads.sheet,
        numbers=numbers.filter(is_first),
        keys=pa.array(marks, pa.string()).filter(is_first),
        key_columns={},
        columns={
            relation.owner_key: owner_column.filter(is_first),
            **{key: column.take(kept).filter(is_first) for key, column in relation.columns.items()},
        },
        members=payloads.members,
    )
    marks = made.keys.to_pylist()
    found = Found(
        [
            str(pairs[mark]["id"]) if mark in pairs else own_id(relation.entity, keys, key=mark)
            for mark in marks
        ],
        [pairs.get(mark) for mark in marks],
        {},
    )
    left = [_only(end, is_first) for end in ends]
    changes = plan_changes(made, found, links=left, entity=entity, write="upsert")
    return dataclasses.replace(changes, part=relation.field, members={})


def _marks(owners: pa.StringArray, ends: Sequence[LinkIds]) -> list[str]:
    columns = [owners.to_pylist(), *(end.ids.to_pylist() for end in ends)]
    return [PART_SEPARATOR.join(str(value) for value in pair) for pair in zip(*columns, strict=True)]


def _firsts(marks: Sequence[str]) -> pa.BooleanArray:
    """The same pair twice in a cell or group is one record; its first mention counts."""
    first = {mark: i for i, mark in reversed(list(enumerate(marks)))}
    return pa.array([first[mark] == i for i, mark in enumerate(marks)], pa.bool_())


def _only(end: LinkIds, mask: pa.BooleanArray) -> LinkIds:
    positions = pc.indices_nonzero(mask).to_pylist()
    moved = {old: new for new, old in enumerate(positions)}
    return dataclasses.replace(
        end,
        ids=end.ids.filter(mask),
        failed=frozenset(moved[position] for position in end.failed if position in moved),
    )
