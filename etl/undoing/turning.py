"""Lines of what was kept -> lines of a plan that undoes it. The order: put back, change back, delete.

What a run changed is changed back field by field; a field that holds another value now is drift, as in any
plan. Deleted records are put back with the fields they had.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import orjson
import pyarrow as pa

from etl.planning import read_kept
from etl.planning.attributes import ASSIGN, REMOVE
from etl.planning.from_lines import RESTORED
from etl.planning.lines import LAYOUT
from etl.undoing.happened import created_backwards

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from etl.journal import Journal
    from etl.model import Outcome
    from etl.planning import PartGround, PlanWriter
    from etl.schema import Schema
    from etl.undoing.happened import Happened

Line: TypeAlias = dict[str, object]
Stamp: TypeAlias = "Callable[[Sequence[Outcome]], Awaitable[Mapping[str, str]]]"
"""Takes created records of one entity; returns by id the `modifiedAt` that tells that nobody touched them."""
AT_ONCE = 1000


@dataclass(slots=True)
class Turned:
    """What was seen while lines were turned round; what of it cannot be undone is told before."""

    entities: set[str] = field(default_factory=set)
    """Of the records that are changed back."""
    keys: set[str] = field(default_factory=set)
    """Payload keys that are changed back."""
    restored: int = 0
    """Deleted records that are put back."""
    kept: int = 0
    """Records that the run created and that stay."""
    lost: Counter[str] = field(default_factory=Counter)
    """What cannot be put back -> how often."""


async def turn_round(
    folder: Path,
    plan: PlanWriter,
    *,
    happened: Happened,
    journal: Journal,
    schema: Schema,
    deletes_created: bool,
    stamp: Stamp,
) -> Turned:
    """Write the plan that undoes a run.

    Args:
        folder: of the run that is undone.
        deletes_created: records that it created are deleted too.
        stamp: see `Stamp`.
    """
    turned = Turned()
    for kind in ("delete", "update"):
        for lines in _turned_back(folder, kind, happened=happened, schema=schema, turned=turned):
            plan.write(lines)
        plan.step += 1
    await _delete_created(
        plan, turned, happened=happened, journal=journal, deletes_created=deletes_created, stamp=stamp
    )
    return turned


def _turned_back(
    folder: Path, kind: str, *, happened: Happened, schema: Schema, turned: Turned
) -> Iterator[pa.RecordBatch]:
    """Yield the lines of one kind turned round, those of a record together."""
    record: list[Line] = []
    made: list[Line] = []
    for batch in read_kept(folder):
        for line in batch.to_pylist():
            if line["kind"] != kind or not happened.changed(line["entity"], line["id"]):
                continue
            if record and (record[0]["entity"], record[0]["part"], record[0]["id"]) != (
                line["entity"],
                line["part"],
                line["id"],
            ):
                made += _back(record, happened.ground, schema, turned)
                record = []
            record.append(line)
        if len(made) > AT_ONCE:
            yield pa.RecordBatch.from_pylist(made, schema=LAYOUT)
            made = []
    made += _back(record, happened.ground, schema, turned)
    if made:
        yield pa.RecordBatch.from_pylist(made, schema=LAYOUT)


def _back(record: list[Line], ground: Sequence[PartGround], schema: Schema, turned: Turned) -> list[Line]:
    if not record:
        return []
    if record[0]["kind"] == "delete":
        turned.restored += 1
        return [_restored(line) for line in record]
    assigned = next((_ids(line["new"]) for line in record if line["payload_key"] == ASSIGN), [])
    keys = _keys_of(assigned, ground, str(record[0]["entity"]))
    made = [_changed_back(line, keys=keys, ids=assigned, schema=schema, turned=turned) for line in record]
    found = [line for line in made if line is not None]
    if found:
        turned.entities.add(str(record[0]["entity"]))
        turned.keys.update(str(line["payload_key"]) for line in found)
    return found


def _restored(line: Line) -> Line:
    back = {**line, "kind": "create", "code": RESTORED, "message": None, "modified_at": None, "old": None,
            "old_text": None, "new_text": None}  # fmt: skip
    return back if line["payload_key"] is None else {**back, "mode": "set", "new": line["old"]}


def _changed_back(
    line: Line, *, keys: Sequence[str], ids: Sequence[str], schema: Schema, turned: Turned
) -> Line | None:
    """Return the line that undoes a changed field; None where another one does, or nothing can."""
    key, mode = str(line["payload_key"]), line["mode"]
    back = {**line, "old": line["new"], "new": line["old"], "old_text": line["new_text"],
            "new_text": line["old_text"], "code": None, "message": None, "modified_at": None}  # fmt: skip
    if key == ASSIGN:
        taken = orjson.dumps([*ids, *keys]).decode()
        return {**back, "field": REMOVE, "payload_key": REMOVE, "mode": "set", "old": None, "new": taken}
    if key in keys:
        # The attribute was new to the record: it goes as a whole.
        return None
    if key == REMOVE:
        turned.lost["attributes that were taken off records"] += 1
        return None
    if mode == "add":
        return {**back, "mode": "remove", "old": None, "new": line["new"], "new_text": line["new_text"]}
    entity = schema.entity(str(line["entity"]))
    is_object = entity.by_payload_key(key) is None and key in entity.fields
    if is_object or line["old"] is None:
        turned.lost["links that were sent as objects" if is_object else "attribute values that were new"] += 1
        return None
    is_empty = line["old"] == "null"
    return {**back, "mode": "clear" if is_empty else "set"}


async def _delete_created(
    plan: PlanWriter,
    turned: Turned,
    *,
    happened: Happened,
    journal: Journal,
    deletes_created: bool,
    stamp: Stamp,
) -> None:
    """Write deletes of what was created: links before the records they join, those before their targets."""
    some: list[Outcome] = []
    for one in created_backwards(journal):
        is_link = happened.is_link(one)
        if not deletes_created and not is_link:
            turned.kept += 1
            continue
        if some and (len(some) == AT_ONCE or (some[0].entity, some[0].part) != (one.entity, one.part)):
            await _write_deletes(plan, some, stamp)
            some = []
        some.append(one)
    if some:
        await _write_deletes(plan, some, stamp)


async def _write_deletes(plan: PlanWriter, some: list[Outcome], stamp: Stamp) -> None:
    stamps = await stamp(some)
    lines = [
        {
            "file": one.file,
            "sheet": one.sheet,
            "row": one.row,
            "entity": one.entity,
            "part": one.part,
            "key": one.key,
            "id": one.record_id,
            "kind": "delete",
            "modified_at": stamps.get(one.record_id),
        }
        for one in some
    ]
    plan.write(pa.RecordBatch.from_pylist(lines, schema=LAYOUT))
    plan.step += 1


def _ids(text: object) -> list[str]:
    found = orjson.loads(text) if isinstance(text, str) else []
    return [str(one) for one in found] if isinstance(found, list) else []


def _keys_of(ids: Sequence[str], ground: Sequence[PartGround], entity: str) -> list[str]:
    """The payload keys of attributes."""
    return [
        one.target.key
        for part in ground
        if part.entity == entity
        for one in part.attributes
        if one.target.attribute_id in ids
    ]
