"""Records of relation entities (`ProductFile`, `AssociatedProduct`): found by what they join, then planned.

A second record of the same pair is refused or doubled, depending on the server, so pairs are always looked up
first. Source: observations, "Bulk upsert" 14 and "Files".
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.model import ChangeKind, Changes, Missing, Payloads
from etl.planning.changes import plan_changes
from etl.planning.phases import new_children
from etl.resolving import Found, own_id
from etl.resolving.keys import PART_SEPARATOR
from etl.resolving.links import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import Client
    from etl.model import Problem, RelationRecords
    from etl.planning.ends import Ends
    from etl.resolving.keys import Record
    from etl.resolving.links import LinkIds
    from etl.schema import EntitySchema, Schema


@dataclass(slots=True)
class Pairs:
    """The relation records of some owners: those on the server, and those that were planned since."""

    keys: tuple[str, ...]
    """Payload keys of what is joined: the owner first, then the other ends."""
    records: dict[str, Record] = field(default_factory=dict)
    """By what they join, U+001F between."""
    planned: set[str] = field(default_factory=set)
    """Those that are not on the server yet, by what they join: of these only what was sent is known."""

    def learn(self, changes: Changes) -> None:
        """Take note of what will stand there after these changes."""
        columns = {key: values.to_pylist() for key, values in changes.columns.items()}
        for at, (mark, record_id) in enumerate(
            zip(changes.keys.to_pylist(), changes.ids.to_pylist(), strict=True)
        ):
            if changes.kinds[at] is ChangeKind.DELETE:
                self.records.pop(mark, None)
            elif changes.kinds[at] is not ChangeKind.BLOCKED:
                joins = zip(self.keys, mark.split(PART_SEPARATOR), strict=True)
                sent = {key: values[at] for key, values in columns.items() if values[at] is not None}
                if changes.kinds[at] is ChangeKind.CREATE:
                    self.planned.add(mark)
                self.records[mark] = {**self.records.get(mark, {}), **dict(joins), "id": record_id, **sent}


def keys_of(relation: RelationRecords) -> tuple[str, ...]:
    """Return the payload keys of what the records of a relation join: the owner first."""
    return (relation.owner_key, *(link.target.key for link in relation.links))


async def existing_pairs(
    client: Client, relations: Sequence[RelationRecords], *, owners: Sequence[str], schema: Schema
) -> dict[tuple[str, ...], Pairs]:
    """Return what stands on the server of some relations, by entity and the keys that it joins.

    Args:
        owners: ids of records that stand on the server.

    Raises:
        RequestFailed, NoAccess: the server could not be asked.
    """
    found: dict[tuple[str, ...], Pairs] = {}
    select: dict[tuple[str, ...], dict[str, None]] = {}
    for one in relations:
        place = place_of(one)
        entity = schema.entity(one.entity)
        found.setdefault(place, Pairs(keys_of(one)))
        known = [key for key in one.columns if entity.by_payload_key(key)]
        select.setdefault(place, {}).update(dict.fromkeys(("id", *keys_of(one), *known)))
    for place, pairs in found.items():
        if not owners:
            continue
        records = await client.look_up(
            place[0], pairs.keys[0], sorted(set(owners)), select=tuple(select[place])
        )
        for record in records:
            pairs.records[PART_SEPARATOR.join(str(record.get(key)) for key in pairs.keys)] = record
    return found


async def take_over(
    client: Client,
    relations: Sequence[RelationRecords],
    pairs: Mapping[tuple[str, ...], Pairs],
    *,
    own: Changes,
    schema: Schema,
) -> None:
    """Take note of the relation records that new children were given by their parents, once they stand.

    Args:
        pairs: what is known of the relations; gets those records.
        own: what was sent of the owners.

    Raises:
        RequestFailed, NoAccess: the server could not be asked.
    """
    # Source: quirks, 7.
    children = new_children(own) if relations else []
    if not children:
        return
    for place, found in (await existing_pairs(client, relations, owners=children, schema=schema)).items():
        for mark, record in found.records.items():
            pairs[place].records.setdefault(mark, record)


def place_of(relation: RelationRecords) -> tuple[str, ...]:
    """Return what tells one kind of pairs from others: the entity, and the keys that it joins."""
    return (relation.entity, *keys_of(relation))


@dataclass(frozen=True, slots=True)
class Joined:
    """The relation records of some payloads, their ends known."""

    relation: RelationRecords
    kept: pa.Int64Array
    """Positions of those whose owner stands, or will."""
    owners: pa.StringArray
    """The id of the owner of each."""
    ends: Sequence[LinkIds]
    marks: Sequence[str]
    """What each joins, U+001F between."""
    emptied: Mapping[str, int]
    """Ids of the owners that lose their other pairs, and the source row of each."""


def joined(
    payloads: Payloads,
    relation: RelationRecords,
    *,
    owner_ids: Sequence[str],
    usable: Sequence[bool],
    ends: Ends,
) -> Joined:
    """Find the ends of the relation records of some payloads.

    Args:
        owner_ids: the id of each record of `payloads`.
        usable: whether it stands, or will.
    """
    owners = relation.owners.to_pylist()
    kept = pa.array([i for i, owner in enumerate(owners) if usable[owner]], pa.int64())
    numbers = relation.numbers.take(kept)
    owner_column = pa.array([owner_ids[owners[i]] for i in kept.to_pylist()], pa.string())
    found = [
        ends.ids(
            dataclasses.replace(link, texts=link.texts.take(kept)),
            file=payloads.file,
            sheet=payloads.sheet,
            numbers=numbers,
        )
        for link in relation.links
    ]
    failed = {owners[kept[at].as_py()] for end in found for at in end.failed}
    is_whole = _whole(found, len(kept))
    failed |= {owners[at] for at in kept.filter(pc.invert(is_whole)).to_pylist()}
    kept, owner_column = kept.filter(is_whole), owner_column.filter(is_whole)
    found = [_only(end, is_whole) for end in found]
    emptied = {}
    if relation.replaced is not None:
        rows = payloads.numbers.to_pylist()
        for at in pc.indices_nonzero(relation.replaced).to_pylist():
            # Where an end is missing nobody knows which pair it would have been.
            if usable[at] and at not in failed:
                emptied[owner_ids[at]] = rows[at]
    return Joined(relation, kept, owner_column, found, _marks(owner_column, found), emptied)


def plan_relation(
    payloads: Payloads, one: Joined, *, pairs: Pairs, entity: EntitySchema, others: frozenset[str]
) -> list[Changes]:
    """Return what shall be done with relation records: new and changed ones, then those that go.

    Args:
        pairs: relation records that are there.
        entity: the relation entity.
        others: what the other relations of the same payloads join: it stays.
    """
    changes = [_records(payloads, one, pairs, entity), _removals(payloads, one, pairs, others)]
    return [each for each in changes if each is not None]


def _records(payloads: Payloads, one: Joined, pairs: Pairs, entity: EntitySchema) -> Changes | None:
    if not len(one.kept):
        return None
    relation, marks = one.relation, one.marks
    is_first = _firsts(marks)
    made = Payloads(
        relation.entity,
        payloads.file,
        payloads.sheet,
        numbers=relation.numbers.take(one.kept).filter(is_first),
        keys=pa.array(marks, pa.string()).filter(is_first),
        key_columns={},
        columns={
            relation.owner_key: one.owners.filter(is_first),
            **{key: column.take(one.kept).filter(is_first) for key, column in relation.columns.items()},
        },
        members=payloads.members,
    )
    marks = made.keys.to_pylist()
    known = pairs.records
    found = Found(
        [
            str(known[mark]["id"]) if mark in known else own_id(relation.entity, pairs.keys, key=mark)
            for mark in marks
        ],
        [known.get(mark) for mark in marks],
        {},
    )
    left = [_only(end, is_first) for end in one.ends]
    changes = plan_changes(made, found, links=left, entity=entity, write="upsert")
    old = {
        key: pc.if_else(pa.array([_is_read(pairs, mark, key) for mark in marks], pa.bool_()), values, None)
        for key, values in changes.old.items()
    }
    return dataclasses.replace(changes, part=relation.field, members={}, old=old)


def _is_read(pairs: Pairs, mark: str, key: str) -> bool:
    """Tell whether it is known what stands in a field: of a new record the server may fill in the others."""
    return mark not in pairs.planned or key in pairs.records[mark]


def _removals(payloads: Payloads, one: Joined, pairs: Pairs, others: frozenset[str]) -> Changes | None:
    relation, wanted = one.relation, {*one.marks, *others}
    going = [
        (row, mark, record)
        for mark, record in pairs.records.items()
        if (row := one.emptied.get(str(record.get(relation.owner_key)))) is not None
        and mark not in wanted
        and (not relation.unmarks or record.get(relation.unmarks))
    ]
    if not going:
        return None
    is_unmarked, key = bool(relation.unmarks), relation.unmarks
    kind = ChangeKind.UPDATE if is_unmarked else ChangeKind.DELETE
    return Changes(
        relation.entity,
        payloads.file,
        payloads.sheet,
        numbers=pa.array([row for row, _, _ in going], pa.int64()),
        keys=pa.array([mark for _, mark, _ in going], pa.string()),
        ids=pa.array([str(record["id"]) for _, _, record in going], pa.string()),
        kinds=[kind] * len(going),
        columns={key: pa.array([False] * len(going))} if is_unmarked else {},
        old={key: pa.array([orjson.dumps(r.get(key)).decode() for _, _, r in going])} if is_unmarked else {},
        prev_keys=frozenset({key} if is_unmarked else ()),
        part=relation.field,
    )


def left_out(payloads: Payloads, ends: Ends) -> list[Problem]:
    """Return what is told of relation records that are left out for a missing end, or go with a warning.

    It goes with the rows' own records: what is left out has no outcome of its own.
    """
    told = []
    for relation in payloads.relations:
        for link in relation.links:
            may_tell = link.target.missing is Missing.REPORT or link.target.leaf == "warn"
            if link.target.files is None and may_tell:
                found = ends.ids(link, file=payloads.file, sheet=payloads.sheet, numbers=relation.numbers)
                told += [problem for problem in found.problems if problem.code in LEFT_OUT]
    return told


def _whole(ends: Sequence[LinkIds], count: int) -> pa.BooleanArray:
    """Where no end is missing, or one failed and the record is blocked for it."""
    is_whole = pa.array([True] * count, pa.bool_())
    for end in ends:
        is_failed = pa.array([at in end.failed for at in range(count)], pa.bool_())
        is_whole = pc.and_(is_whole, pc.or_(end.ids.is_valid(), is_failed))
    return is_whole


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
        problems=tuple(problem for problem in end.problems if problem.code not in LEFT_OUT),
        failed=frozenset(moved[position] for position in end.failed if position in moved),
    )
