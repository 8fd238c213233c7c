"""Changes -> batches, bounded by rows and bytes. JSON is made here and nowhere else, column by column.

A body is cut out of one Arrow buffer that holds the items of a whole frame one behind the other, so that no
object is made per row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.model import Batch, ChangeKind, Changes
from etl.model.letters import letters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# What JSON strings may not contain as it is. Source: RFC 8259, section 7.
SPACE, QUOTE, BACKSLASH = 0x20, 0x22, 0x5C
CONTROL = r"[\x00-\x1f]"
SHORT_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))
SENT_KINDS = frozenset({ChangeKind.CREATE, ChangeKind.UPDATE})


def make_batches(changes: Changes, *, max_rows: int, max_bytes: int, first_number: int) -> Iterator[Batch]:
    """Yield the creates and updates among `changes` as requests, in their order.

    Args:
        max_rows: items per batch, at most.
        max_bytes: bytes of a body, at most; an item that is larger alone goes alone.
        first_number: number of the first batch.
    """
    return paced_batches(changes, bounds=lambda: (max_rows, max_bytes), first_number=first_number)


def paced_batches(
    changes: Changes, *, bounds: Callable[[], tuple[int, int]], first_number: int
) -> Iterator[Batch]:
    """Yield what `make_batches` yields, each batch within the bounds of the moment it is asked for.

    Args:
        bounds: rows and bytes of the next batch, at most.
    """
    if not set(changes.kinds) <= SENT_KINDS:
        changes = take(changes, [i for i, kind in enumerate(changes.kinds) if kind in SENT_KINDS])
    if not len(changes):
        return
    items = _items(changes)
    ends = _ends(items)
    start, number = 0, first_number
    while start < len(changes):
        max_rows, max_bytes = bounds()
        stop = _cut(ends, start, max_rows=max_rows, max_bytes=max_bytes)
        yield Batch(number, changes.entity, _body(items, start, stop), slice_of(changes, start, stop))
        start, number = stop, number + 1


def make_deletions(changes: Changes, *, max_rows: int, first_number: int) -> Iterator[Batch]:
    """Yield the deletes among `changes`, in their order; their batches have no body: they go one by one."""
    if ChangeKind.DELETE not in changes.kinds:
        return
    wanted = [i for i, kind in enumerate(changes.kinds) if kind is ChangeKind.DELETE]
    for number, start in enumerate(range(0, len(wanted), max_rows), first_number):
        yield Batch(number, changes.entity, b"", take(changes, wanted[start : start + max_rows]))


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """Split a batch of two or more items in two, in order; both keep its number."""
    middle = len(batch) // 2
    first, second = slice_of(batch.changes, 0, middle), slice_of(batch.changes, middle, len(batch))
    return (
        dataclasses.replace(batch, body=_body(_items(first), 0, len(first)), changes=first),
        dataclasses.replace(batch, body=_body(_items(second), 0, len(second)), changes=second),
    )


def slice_of(changes: Changes, start: int, stop: int) -> Changes:
    """Return positions `[start, stop)`; no copy."""
    length = stop - start
    return dataclasses.replace(
        changes,
        numbers=changes.numbers.slice(start, length),
        keys=changes.keys.slice(start, length),
        ids=changes.ids.slice(start, length),
        kinds=changes.kinds[start:stop],
        columns=_Slices(changes.columns, start, length),
        clears=_Slices(changes.clears, start, length),
        old=_Slices(changes.old, start, length),
    )


class _Slices(Mapping[str, pa.Array]):
    """The same stretch of some columns. Most requests ask for none of theirs: the body was made before."""

    def __init__(self, columns: Mapping[str, pa.Array], start: int, length: int) -> None:
        self._columns, self._start, self._length = columns, start, length

    def __getitem__(self, key: str) -> pa.Array:
        return self._columns[key].slice(self._start, self._length)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def take(changes: Changes, positions: list[int]) -> Changes:
    """Return the given positions, in the given order."""
    index = pa.array(positions, pa.int64())
    return dataclasses.replace(
        changes,
        numbers=changes.numbers.take(index),
        keys=changes.keys.take(index),
        ids=changes.ids.take(index),
        kinds=[changes.kinds[i] for i in positions],
        columns={key: column.take(index) for key, column in changes.columns.items()},
        clears={key: column.take(index) for key, column in changes.clears.items()},
        old={key: column.take(index) for key, column in changes.old.items()},
    )


def to_json(column: pa.Array) -> pa.StringArray:
    """Return every value of a column as JSON text; null stays null (it is not sent).

    Text, whole numbers, floats, booleans, lists of text, and `pa.json_()` (passed through) are understood.

    Raises:
        TypeError: a column of another type; what the schema types never is.
    """
    kind = column.type
    if isinstance(kind, pa.JsonType):
        return column.storage.cast(pa.string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _quoted(column.cast(pa.string()))
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_floating(kind):
        return _joined(*_floats(column))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _lists(column)
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    raise TypeError(f"no JSON form for a column of {kind}")


def append_key(key: str) -> str:
    """Return the sibling that makes ids be added to a multi-link: `categoriesIds` -> `categoriesAddOnlyMode`.

    Source: observations of 1.10 and 2.1, "The way of writing": it works on create too and is idempotent.
    """
    return f"{key.removesuffix('Ids')}AddOnlyMode"


def _items(changes: Changes) -> pa.Array:
    """One JSON item and a comma behind it per record, in one string column without nulls."""
    parts = [f'{{"entity":{_name(changes.entity)},"payload":{{"id":', *_json_of(changes.ids)]
    for key, column in changes.columns.items():
        member = [f",{_name(key)}:", *_json_of(column)]
        if key in changes.appends:
            member.append(f',"{append_key(key)}":1')
        clear = changes.clears.get(key)
        if clear is not None or any(isinstance(one, pa.Array) and one.null_count for one in member):
            # A member that some records do not have is put together first, to be left out there as a whole.
            member = [_joined(*member)]
        if clear is not None:
            member = [_cleared(key, clear, member[0])]
        parts += member
    for key, clear in changes.clears.items():
        if key not in changes.columns:
            parts.append(_cleared(key, clear, pa.scalar(None, pa.string())))
    parts += [*_old_values(changes), "}},"]
    return pc.binary_join_element_wise(*_merged(parts), "", null_handling="replace", null_replacement="")


def _merged(parts: Sequence[pa.Array | str]) -> Iterator[pa.Array | str]:
    """Yield the parts, texts that follow each other as one."""
    for is_text, some in groupby(parts, key=lambda one: isinstance(one, str)):
        run = list(some)
        yield from ["".join(run)] if is_text else run


def _cleared(key: str, clear: pa.BooleanArray, member: pa.Array | pa.Scalar) -> pa.Array:
    return pc.if_else(pc.fill_null(clear, fill_value=False), f",{_name(key)}:null", member)


def _old_values(changes: Changes) -> list[pa.Array]:
    """The old values of what an update changes, for the server to compare. Source: api-contract §3.4."""
    old = [
        _joined(f",{_name(key)}:", column) for key, column in changes.old.items() if key in changes.prev_keys
    ]
    if not old:
        return []
    # A join that skips nulls leaves rows out where all are null (Arrow 26): so nulls are replaced by nothing.
    inner = pc.binary_join_element_wise(*old, "", null_handling="replace", null_replacement="")
    inner = pc.utf8_slice_codeunits(inner, 1)
    has_none = pc.equal(inner, "")
    return [pc.if_else(has_none, pa.scalar(None, pa.string()), _joined(',"_prev":{', inner, "}"))]


def _json_of(column: pa.Array) -> list[pa.Array | str]:
    """Return what `to_json` returns in parts, to be joined with others: each join copies all of the text."""
    if pa.types.is_string(column.type):
        return ['"', _escaped_where_needed(column), '"']
    return _floats(column) if pa.types.is_floating(column.type) else [to_json(column)]


def _floats(column: pa.Array) -> list[pa.Array]:
    """The server judges by JSON type: `3` in a float field counts as a change. Source: observations, 4."""
    text = pc.cast(column, pa.string())
    is_float = pc.or_(pc.match_substring(text, "."), pc.match_substring(text, "e"))
    return [text] if pc.all(is_float).as_py() else [text, pc.if_else(is_float, "", ".0")]


def _name(text: str) -> str:
    return orjson.dumps(text).decode()


def _joined(*parts: pa.Array | str) -> pa.Array:
    """Put texts and columns of text behind each other, row by row; null where one of them is null."""
    return pc.binary_join_element_wise(*parts, "")


def _quoted(column: pa.StringArray) -> pa.StringArray:
    return _joined('"', _escaped_where_needed(column), '"')


def _escaped_where_needed(column: pa.StringArray) -> pa.StringArray:
    letters = letters_of(column)
    is_needed = (letters < SPACE).any() or (letters == QUOTE).any() or (letters == BACKSLASH).any()
    return _escaped(column) if is_needed else column


def _escaped(column: pa.StringArray) -> pa.StringArray:
    for plain, escaped in SHORT_ESCAPES:
        column = pc.replace_substring(column, plain, escaped)
    rest = pc.match_substring_regex(column, CONTROL)
    if not pc.any(rest).as_py():
        return column
    # Other control characters are so rare that the values which have them are gone through one by one.
    values = column.to_pylist()
    for i, is_needy in enumerate(rest.to_pylist()):
        if is_needy:
            values[i] = "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in values[i])
    return pa.array(values, pa.string())


def _lists(column: pa.Array) -> pa.StringArray:
    values = column.flatten()
    lengths = pc.fill_null(pc.list_value_length(column), 0).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    text = pc.binary_join(pa.ListArray.from_arrays(offsets, to_json(values)), ",")
    return pc.if_else(pc.is_null(column), pa.scalar(None, pa.string()), _joined("[", text, "]"))


def _ends(items: pa.Array) -> list[int]:
    """Where each item ends, in bytes from the first, its comma included."""
    lengths: list[int] = pc.cumulative_sum(pc.binary_length(items).cast(pa.int64())).to_pylist()
    return lengths


def _cut(ends: list[int], start: int, *, max_rows: int, max_bytes: int) -> int:
    before = ends[start - 1] if start else 0
    stop = min(start + max_rows, len(ends))
    # The two brackets weigh one byte more than the last comma that is cut off.
    while stop > start + 1 and ends[stop - 1] - before + 1 > max_bytes:
        stop -= 1
    return stop


def _body(items: pa.Array, start: int, stop: int) -> bytes:
    part = items.slice(start, stop - start)
    _, offsets, data = part.buffers()
    width = 8 if pa.types.is_large_string(part.type) else 4
    view = memoryview(offsets).cast("q" if width == 8 else "i")  # noqa: PLR2004  bytes per offset
    first, last = view[part.offset], view[part.offset + len(part)]
    return b"[" + memoryview(data)[first : last - 1] + b"]"
