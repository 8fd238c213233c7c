"""Fields that somebody edited in AtroCore since they were last written, and that would be written again.

What was last written is remembered as a print of four bytes for each field of each record: enough to tell
whether it still stands there.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from etl.model import ChangeKind, Problem
from etl.model.letters import letters_of
from etl.planning.diff import sent_where
from etl.planning.known import WROTE, layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.model import Changes
    from etl.planning.known import Marks
    from etl.resolving import Found

OnConflict: TypeAlias = Literal["report", "source", "server"]
Prints: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint32]]"
Kept: TypeAlias = "Mapping[str, Marks]"
"""Payload key -> records of which the edit of a person stays; the others are missing."""

NOTHING, EMPTY = 0, 1
"""Prints of what was not written, and of what was written empty: null, "" and [] show alike."""
RETURN = 0x0D
SMALLEST_PLAIN, LARGEST_PLAIN = 1e-4, 1e9
"""Between these, and of 0, Arrow and Python write the same digits, of whole numbers without a point; beyond
them each has exponents of its own."""
LOOKED_AT = 256
"""Values of a column that tell whether it repeats itself."""
SHOWN = 60
"""Characters of a value in a message."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was known of records, position by position."""

    lines: pa.Table
    """Known lines; some may stand for several positions of none."""
    at: np.ndarray[tuple[int], np.dtype[np.int64]]
    """Position in `lines`; -1: nothing was known."""


def nothing_before(count: int) -> Before:
    """Return that nothing was known of so many records."""
    return Before(layout_of(()).empty_table(), np.full(count, -1))


def any_of(kept: Kept, count: int) -> Marks:
    """Tell of so many records whether any of their fields keeps what somebody wrote."""
    found = np.zeros(count, np.bool_)
    for one in kept.values():
        found |= one
    return found


def prints_of(column: pa.Array, clears: pa.BooleanArray | None, *, is_ordered: bool) -> Prints:
    """Return a print for each value that is sent; `NOTHING` where none is.

    Args:
        clears: where the field is cleared; None: nowhere.
        is_ordered: True: the order of a list means something.
    """
    if pa.types.is_string(column.type):
        made = _each_once(column, _prints_of_texts) if _repeats(column) else _prints_of_texts(column)
    elif pa.types.is_primitive(column.type):
        made = _each_once(column, _prints_of_plain)
    else:
        made = _prints_of_lists(column, is_ordered=is_ordered)
    if clears is not None:
        made[pc.fill_null(clears, False).to_numpy(zero_copy_only=False)] = EMPTY  # noqa: FBT003  a value
    return made


def _prints_of_texts(column: pa.StringArray) -> Prints:
    """As `print_of` makes them, without a call for each: most of a source is text."""
    if (letters_of(column) == RETURN).any():
        column = pc.replace_substring(column, "\r\n", "\n")
    texts = column.drop_null()
    digests = b"".join(map(xxhash.xxh32_digest, texts.cast(pa.binary()).to_pylist()))
    prints = np.maximum(np.frombuffer(digests, ">u4"), EMPTY + 1)
    prints[pc.binary_length(texts).to_numpy() == 0] = EMPTY
    made = np.full(len(column), NOTHING, np.uint32)
    made[column.is_valid().to_numpy(zero_copy_only=False)] = prints
    return made


def _repeats(column: pa.Array) -> bool:
    first = column.slice(0, LOOKED_AT)
    return len(pc.unique(first)) * 4 < len(first)


def _each_once(column: pa.Array, prints: Callable[[pa.Array], Prints]) -> Prints:
    """Values that come again and again are looked at once; a column of none of these loses little."""
    encoded = column.dictionary_encode()
    distinct = prints(encoded.dictionary)
    at = encoded.indices
    if at.null_count:
        distinct = np.append(distinct, np.uint32(NOTHING))
        at = at.fill_null(len(distinct) - 1)
    made: Prints = distinct[at.to_numpy()]
    return made


def _prints_of_plain(column: pa.Array) -> Prints:
    """Of numbers, truths and days without nulls among them, as `print_of` makes them."""
    if pa.types.is_integer(column.type):
        return _prints_of_texts(column.cast(pa.string()))
    if pa.types.is_floating(column.type):
        numbers = column.to_numpy() + 0.0  # -0.0 becomes 0.0
        size = np.abs(numbers)
        if ((size == 0) | ((size >= SMALLEST_PLAIN) & (size < LARGEST_PLAIN))).all():
            return _prints_of_texts(pa.array(numbers).cast(pa.string()))
    made = [print_of(value, is_ordered=False) for value in column.to_pylist()]
    return np.array(made, np.uint32)


def _prints_of_lists(column: pa.Array, *, is_ordered: bool) -> Prints:
    if isinstance(column.type, pa.JsonType):
        listed = [None if value is None else orjson.loads(value) for value in column.storage.to_pylist()]
    else:
        listed = column.to_pylist()
    return np.fromiter(
        (NOTHING if value is None else print_of(value, is_ordered=is_ordered) for value in listed),
        np.uint32,
        len(listed),
    )


def print_of(value: object, *, is_ordered: bool) -> int:
    """Return the print of a value, as it is sent or as it is shown: equal where they mean the same."""
    if isinstance(value, str):
        text = value.replace("\r\n", "\n") if "\r" in value else value
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int | float):
        text = repr(int(value)) if float(value).is_integer() else repr(float(value))
    elif isinstance(value, list):
        # What stands twice is stored once. Source: quirks, 17.
        parts = [*dict.fromkeys(one if isinstance(one, str) else orjson.dumps(one).decode() for one in value)]
        text = "\x1f".join(parts if is_ordered else sorted(parts))
    elif isinstance(value, dict):
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode() if value else ""
    else:
        text = "" if value is None else str(value)
    return max(xxhash.xxh32_intdigest(text.encode()), EMPTY + 1) if text else EMPTY


def settle_conflicts(
    changes: Changes,
    found: Found,
    *,
    before: Before,
    prints: Mapping[str, Prints],
    policies: Mapping[str, OnConflict],
    ordered: frozenset[str],
) -> tuple[Changes, Kept]:
    """Return the changes as the mapping wants them where somebody edited a field that they would write.

    And the fields that keep what somebody wrote. For the arguments see `find_conflicts`.
    """
    kept, problems = find_conflicts(
        changes, found, before=before, prints=prints, policies=policies, ordered=ordered
    )
    return (with_told(_without(changes, kept), problems) if problems else changes), kept


def find_conflicts(
    changes: Changes,
    found: Found,
    *,
    before: Before,
    prints: Mapping[str, Prints],
    policies: Mapping[str, OnConflict],
    ordered: frozenset[str],
    remembered: str = WROTE,
) -> tuple[Kept, Mapping[int, Problem]]:
    """Return the fields that keep what somebody wrote, and by position what is to be told of records.

    Args:
        found: what stands on the server.
        before: what was known of the records.
        prints: payload key -> prints of what the source says; keys that are missing have no conflicts.
        policies: payload key -> what happens.
        ordered: payload keys of lists whose order means something.
        remembered: what the columns of `before` begin with that hold what was written.
    """
    suspects = _moved(found, before)
    kept: dict[str, Marks] = {}
    problems: dict[int, Problem] = {}
    if not suspects.any():
        return kept, problems
    for key, ours in prints.items():
        policy = policies.get(key, "report")
        if policy == "source" or f"{remembered}{key}" not in before.lines.column_names:
            continue
        wrote = before.lines[f"{remembered}{key}"].to_numpy()
        for at in np.flatnonzero(suspects & _is_sent(changes, key)).tolist():
            last = int(wrote[before.at[at]])
            record = found.records[at]
            there = None if record is None else record.get(key)
            if last in (NOTHING, print_of(there, is_ordered=key in ordered)):
                continue
            if policy == "server":
                kept.setdefault(key, np.zeros(len(changes), np.bool_))[at] = True
                problems.setdefault(at, _problem(changes, at, key, there=there, code="edit_kept"))
            elif int(ours[at]) != last:
                problems[at] = _problem(changes, at, key, there=there, code="edited_in_both")
    return kept, problems


def _moved(found: Found, before: Before) -> Marks:
    """Records that are the ones we knew, and were changed since."""
    moved = np.zeros(len(found.ids), np.bool_)
    ids, moments = before.lines["id"].to_pylist(), before.lines["modified_at"].to_pylist()
    for position in np.flatnonzero(before.at >= 0).tolist():
        at, record = before.at[position], found.records[position]
        if record is not None and str(record["id"]) == ids[at]:
            moved[position] = moments[at] is None or record.get("modifiedAt") != moments[at]
    return moved


def _is_sent(changes: Changes, key: str) -> Marks:
    is_update = np.array([kind is ChangeKind.UPDATE for kind in changes.kinds], np.bool_)
    sent = np.zeros(len(changes), np.bool_)
    if (column := changes.columns.get(key)) is not None:
        sent |= pc.is_valid(column).to_numpy(zero_copy_only=False)
    if (clear := changes.clears.get(key)) is not None:
        sent |= clear.to_numpy(zero_copy_only=False)
    both: Marks = is_update & sent
    return both


def _without(changes: Changes, kept: Kept) -> Changes:
    """Leave out fields; an update of which nothing is left changes nothing."""
    if not kept:
        return changes
    columns, clears, old = dict(changes.columns), dict(changes.clears), dict(changes.old)
    for key, mask in kept.items():
        wanted = pa.array(~mask)
        if key in columns:
            columns[key] = sent_where(columns[key], wanted)
        if key in clears:
            clears[key] = pc.and_(clears[key], wanted)
        if key in old:
            old[key] = sent_where(old[key], wanted)
    left = dataclasses.replace(changes, columns=columns, clears=clears, old=old)
    is_left = np.zeros(len(changes), np.bool_)
    for key in (*columns, *clears):
        is_left |= _is_sent(left, key)
    touched = np.any(list(kept.values()), axis=0)
    kinds = [
        ChangeKind.UNCHANGED if is_touched and not has_more else kind
        for kind, is_touched, has_more in zip(changes.kinds, touched, is_left, strict=True)
    ]
    return dataclasses.replace(left, kinds=kinds)


def without_kept(made: Prints, kept: Marks | None) -> Prints:
    """Fields that keep the edit of a person were not written: what was written before stays remembered."""
    return made if kept is None else np.where(kept, NOTHING, made).astype(np.uint32)


def with_told(changes: Changes, problems: Mapping[int, Problem]) -> Changes:
    """Return the changes with what is told of them, by position; edits on both sides are not overwritten."""
    kinds = [
        ChangeKind.BLOCKED if at in problems and problems[at].code == "edited_in_both" else kind
        for at, kind in enumerate(changes.kinds)
    ]
    told = tuple(problems[at] for at in sorted(problems))
    return dataclasses.replace(changes, kinds=kinds, problems=(*told, *changes.problems))


def _problem(changes: Changes, at: int, key: str, *, there: object, code: str) -> Problem:
    column = changes.columns.get(key)
    ours = None if column is None else column[at].as_py()
    return Problem(
        code,
        changes.file,
        changes.sheet,
        changes.numbers[at].as_py(),
        field=key,
        value=_shown(ours),
        facts={"there": _shown(there)},
    )


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
