"""What is known of records that the lines of a plan touch: written down before the first of them is sent.

Such a record was not made from its row any more, so the next import compares it; of its own fields and
attribute values is remembered what the plan writes, so that nobody takes that for an edit of somebody else.
Whatever becomes of the plan, no other record is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from etl.planning.attributing import ATTRIBUTES
from etl.planning.conflicts import EMPTY, NOTHING, print_of
from etl.planning.known import (
    BROKEN,
    LAYOUT,
    About,
    damaged,
    is_damage,
    layout_of,
    read_known,
    to_plain,
)
from etl.planning.known_journal import KnownJournal
from etl.planning.known_writing import mended, write_known
from etl.planning.phases import RELATIONS
from etl.planning.value_conflicts import ATTRIBUTE
from etl.resolving.keys import PART_SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from etl.planning.ground import PartGround
    from etl.planning.known import Known, Marks
    from etl.schema import EntitySchema

Hashes: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint64]]"
CHANGING = ("create", "update", "delete")
OF_RECORDS = frozenset({RELATIONS, ATTRIBUTES})
"""Parts besides the block whose lines are about the rows' own records."""


@dataclass(slots=True)
class _Touched:
    """A record that lines are about."""

    text: str
    record_id: str
    is_deleted: bool
    modified_at: str | None
    prints: dict[str, int] = field(default_factory=dict)


def note_touched(
    state: Path,
    lines: Callable[[], Iterable[pa.RecordBatch]],
    *,
    ground: Sequence[PartGround],
    mapping: str,
    url: str,
    absent: str,
    entity_of: Callable[[str], EntitySchema],
) -> int:
    """Write down what the lines of a plan do to what is known; return how many records they touch.

    Holds eight bytes for each record that is joined with others, and a part of the known lines.

    Args:
        state: the state folder.
        lines: yields the lines of the plan; called more than once.
        mapping: its file, as `About.mapping` names it.
        url: of the instance.
        absent: the part that records are in that a source does not have.
    """
    count = 0
    for part in ground:
        if not part.is_own or not part.key_fields:
            continue
        about = About(
            url=url, mapping=mapping, block=part.part, entity=part.entity, key_fields=part.key_fields
        )
        known = mended(read_known(state, about))
        if not known.lines:
            continue
        names = _remembered(known, part, entity_of(part.entity))
        try:
            marks = _joined(known, _owners(lines(), part, absent))
        except BROKEN as error:
            if not is_damage(error):
                raise
            known, marks = damaged(known), None
        journal = KnownJournal(known.journal, header=to_plain(known.header))
        for touched in _touched(lines(), part, absent, names):
            journal.append(_lines_of(touched, known.fields))
            count += len(touched)
        journal.close()
        write_known(known, known.header, forgotten=marks, unwritten=marks)
        count += int(marks.sum()) if marks is not None else 0
    return count


@dataclass(frozen=True, slots=True)
class _Name:
    """Under what name a value is remembered."""

    remembered: str
    is_ordered: bool


def _remembered(known: Known, part: PartGround, entity: EntitySchema) -> Mapping[str, _Name]:
    """The payload keys whose values are remembered."""
    attributes = {one.target.key: one.type == "array" for one in part.attributes}
    names = {key: _Name(f"{ATTRIBUTE}{key}", ordered) for key, ordered in attributes.items()}
    for key in known.fields:
        if not key.startswith(ATTRIBUTE):
            one = entity.by_payload_key(key)
            names[key] = _Name(key, one is not None and one.kind == "array")
    return {key: name for key, name in names.items() if name.remembered in known.fields}


def _touched(
    batches: Iterable[pa.RecordBatch], part: PartGround, absent: str, names: Mapping[str, _Name]
) -> Iterator[list[_Touched]]:
    """Yield the rows' own records that lines are about, some thousand at a time."""
    parts = {part.part, absent, *OF_RECORDS}
    for batch in batches:
        found: dict[str, _Touched] = {}
        for line in _changing(batch).to_pylist():
            where = line["part"] or ""
            if line["entity"] != part.entity or where not in parts or not line["key"]:
                continue
            if where == absent and line["kind"] == "create":
                # The source does not have it: what is put back is nobody's to delete again.
                continue
            one = found.setdefault(
                line["id"],
                _Touched(line["key"], line["id"], line["kind"] == "delete", line["modified_at"]),
            )
            if (name := names.get(line["payload_key"] or "")) is not None and line["mode"] in (
                "set",
                "clear",
            ):
                one.prints[name.remembered] = _print(line, is_ordered=name.is_ordered)
        if found:
            yield list(found.values())


def _print(line: Mapping[str, object], *, is_ordered: bool) -> int:
    new = line["new"]
    if line["mode"] == "clear" or not isinstance(new, str):
        return EMPTY
    return print_of(orjson.loads(new), is_ordered=is_ordered)


def _lines_of(touched: Sequence[_Touched], fields: Sequence[str]) -> pa.RecordBatch:
    texts = [one.text for one in touched]
    columns = [
        pa.array([xxhash.xxh3_128_digest(text.encode()) for text in texts], LAYOUT.field("key").type),
        pa.array(texts, pa.string()),
        pa.array([None if one.is_deleted else one.record_id for one in touched], pa.string()),
        pa.nulls(len(touched), LAYOUT.field("made_from").type),
        pa.array([one.modified_at for one in touched], pa.string()),
        *(pa.array([one.prints.get(name, NOTHING) for one in touched], pa.uint32()) for name in fields),
    ]
    return pa.record_batch(columns, schema=layout_of(fields))


def _changing(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.filter(pc.is_in(batch["kind"], pa.array(CHANGING)))


def _owners(batches: Iterable[pa.RecordBatch], part: PartGround, absent: str) -> Hashes:
    """Hashes of the ids of other parts' records, as far as they are of the entity, and of what they join."""
    own = {part.part, absent, *OF_RECORDS}
    found: list[Hashes] = [np.empty(0, np.uint64)]
    for batch in batches:
        lines = _changing(batch)
        ids: dict[str, None] = {}
        columns = (lines[name].to_pylist() for name in ("entity", "part", "key", "id"))
        for entity, where, key, record_id in zip(*columns, strict=True):
            if entity != part.entity:
                ids |= dict.fromkeys((key or "").split(PART_SEPARATOR))
            elif (where or "") not in own:
                # A record of another block may be the same one.
                ids |= dict.fromkeys((*(key or "").split(PART_SEPARATOR), record_id or ""))
        found.append(_hashes(ids))
    return np.unique(np.concatenate(found))


def _joined(known: Known, owners: Hashes) -> Marks:
    """Tell of each known line whether its record is among the owners."""
    marks = [np.empty(0, np.bool_)]
    for lines in known.parts(("id",)):
        is_one = np.zeros(len(lines), np.bool_)
        if len(owners):
            is_one = np.isin(_hashes(lines["id"].to_pylist()), owners)
        marks.append(is_one)
    return np.concatenate(marks)


def _hashes(texts: Iterable[str]) -> Hashes:
    return np.fromiter((xxhash.xxh3_64_intdigest(text.encode()) for text in texts), np.uint64)
