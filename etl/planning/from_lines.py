"""Lines of a plan -> the changes they were made from: the way back of `lines`, some thousand at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.batching import take
from etl.model import ChangeKind, Changes
from etl.planning.attributing import ATTRIBUTES
from etl.planning.changes import prev_keys_of
from etl.planning.lines import LAYOUT
from etl.planning.phases import RELATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from etl.schema import EntitySchema

MOST_LINES = 20_000
"""Of one group; a record is never cut."""
TOGETHER = ("step", "entity", "part", "file", "sheet")
"""What the lines of a group have in common."""
SENT = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Intended:
    """What lines say shall be done with some records of one entity, position by position."""

    changes: Changes
    removals: Mapping[str, pa.Array]
    """Payload key of a multi-link -> ids to be taken out of it; null: none. Not among the changes."""
    modified: list[str | None]
    """`modifiedAt` of each record when it was looked at; None: not known, or it is new."""
    is_restored: list[bool]
    """True: it was deleted, and is put back where the server can do that."""


def groups_of(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield lines that can be sent together, in their order."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) < MOST_LINES:
            continue
        lines = _one(held)
        starts = _starts(lines, TOGETHER)
        # The last group may go on in the next batch; where it alone is too long, its last record may.
        end = starts[-1] or _starts(lines, (*TOGETHER, *RECORD))[-1]
        for start, stop in _pairs(starts, end):
            yield lines.slice(start, stop - start)
        held = [lines.slice(end)]
    lines = _one(held)
    if len(lines):
        for start, stop in _pairs(_starts(lines, TOGETHER), len(lines)):
            yield lines.slice(start, stop - start)


RECORD = ("kind", "row", "id", "key")
RESTORED = "restored"
"""The code of a create that puts back what was deleted."""


def changes_from(lines: pa.RecordBatch, entity: EntitySchema) -> Intended:
    """Return what a group of lines says shall be sent; kinds that are not sent must not be among them."""
    starts = _starts(lines, RECORD)
    marks = np.zeros(len(lines), np.int64)
    marks[starts[1:]] = 1
    record_of = np.cumsum(marks)
    heads = lines.take(pa.array(starts))
    part = heads["part"][0].as_py() or ""
    columns: dict[str, pa.Array] = {}
    clears: dict[str, pa.BooleanArray] = {}
    old: dict[str, pa.Array] = {}
    removals: dict[str, pa.Array] = {}
    appends = set()
    modes = lines["mode"].to_pylist()
    keys = lines["payload_key"].to_pylist()
    kinds = heads["kind"].to_pylist()
    has_values = [
        mode is not None and kinds[at] != "delete" for mode, at in zip(modes, record_of, strict=True)
    ]
    for key in dict.fromkeys(one for one, is_one in zip(keys, has_values, strict=True) if is_one):
        mine = [i for i, one in enumerate(keys) if one == key and has_values[i]]
        for mode in dict.fromkeys(modes[i] for i in mine):
            at = np.array([i for i in mine if modes[i] == mode], np.int64)
            place = _places(record_of[at], at, len(heads))
            if mode == "clear":
                clears[key] = pc.is_valid(place)
            elif mode == "remove":
                removals[key] = typed(lines["new"].take(place))
            else:
                columns[key] = typed(lines["new"].take(place))
                if mode == "add":
                    appends.add(key)
        at = np.array(mine, np.int64)
        before = lines["old"].take(_places(record_of[at], at, len(heads)))
        if before.null_count < len(before):
            old[key] = before
    changes = Changes(
        heads["entity"][0].as_py(),
        heads["file"][0].as_py() or "",
        heads["sheet"][0].as_py(),
        numbers=heads["row"],
        keys=pc.fill_null(heads["key"], ""),
        ids=heads["id"],
        # Of a new child the relations follow in a request of their own, which changes it.
        kinds=[ChangeKind.UPDATE if part in (RELATIONS, ATTRIBUTES) else ChangeKind(one) for one in kinds],
        columns=columns,
        clears=clears,
        appends=frozenset(appends),
        old=old,
        members=_members(heads),
        part=part,
        prev_keys=prev_keys_of(old, entity),
    )
    is_restored = [code == RESTORED for code in heads["code"].to_pylist()]
    return Intended(changes, removals, heads["modified_at"].to_pylist(), is_restored)


def taken(intended: Intended, positions: list[int]) -> Intended:
    """Return some of the records, in the order given."""
    if len(positions) == len(intended.changes):
        return intended
    index = pa.array(positions, pa.int64())
    return Intended(
        take(intended.changes, positions),
        {key: column.take(index) for key, column in intended.removals.items()},
        [intended.modified[i] for i in positions],
        [intended.is_restored[i] for i in positions],
    )


def typed(texts: pa.StringArray) -> pa.Array:
    """Return JSON texts as values of the type they were made from; what has none of these stays JSON."""
    valid = texts.drop_null().to_pylist()
    values = orjson.loads(f"[{','.join(valid)}]")
    kind = _kind(values)
    if kind is None:
        return pa.ExtensionArray.from_storage(pa.json_(), texts)
    found = iter(values)
    return pa.array([next(found) if is_one else None for is_one in texts.is_valid().to_pylist()], kind)


def _kind(values: list[object]) -> pa.DataType | None:
    kinds = {type(value) for value in values}
    plain = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    if len(kinds) == 1 and (only := next(iter(kinds))) in plain:
        return plain[only]
    is_texts = kinds == {list} and all(
        isinstance(one, str) for value in values if isinstance(value, list) for one in value
    )
    return pa.list_(pa.string()) if is_texts else None


def members_of(text: str | None, row: int) -> tuple[int, ...]:
    """Return all rows of the record that begins in `row`."""
    return tuple(map(int, text.split())) if text else (row,)


def _members(heads: pa.RecordBatch) -> dict[int, tuple[int, ...]]:
    if heads["members"].null_count == len(heads):
        return {}
    rows = zip(heads["row"].to_pylist(), heads["members"].to_pylist(), strict=True)
    return {row: members_of(text, row) for row, text in rows if text}


def _places(
    records: np.ndarray[tuple[int], np.dtype[np.int64]],
    lines: np.ndarray[tuple[int], np.dtype[np.int64]],
    count: int,
) -> pa.Int64Array:
    """The line of each record; null where it has none."""
    found = np.full(count, -1, np.int64)
    found[records] = lines
    return pa.array(found, mask=found < 0)


def _starts(lines: pa.RecordBatch, names: tuple[str, ...]) -> list[int]:
    """Where a line differs from the one before in one of some columns; 0 among them."""
    other = np.zeros(max(len(lines) - 1, 0), np.bool_)
    for name in names:
        column = lines[name]
        texts = pc.fill_null(column.cast(pa.string()), "\x00")
        differing = pc.not_equal(texts.slice(1), texts.slice(0, len(lines) - 1))
        other |= np.asarray(differing.to_numpy(zero_copy_only=False), np.bool_)
    return [0, *(np.flatnonzero(other) + 1).tolist()]


def _pairs(starts: list[int], end: int) -> Iterator[tuple[int, int]]:
    inner = [start for start in starts if start < end]
    yield from zip(inner, [*inner[1:], end], strict=True)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.Table.from_batches(batches, schema=LAYOUT).combine_chunks()
    found = table.to_batches()
    return found[0] if found else pa.RecordBatch.from_pylist([], schema=LAYOUT)
