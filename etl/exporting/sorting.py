"""Rows in an order of one's own, after reading: sorted in pieces on disk, then merged, in flat memory."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

PIECE_ROWS = 200_000
MERGED_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column to sort by."""

    header: str
    is_descending: bool = False


def read_sort(text: str, headers: Sequence[str]) -> tuple[SortKey, ...]:
    """Return what `--sort brand.name,-price` means: headers of the export, a minus for the greatest first.

    Raises:
        ConfigurationInvalid: one of them is no column of the export.
    """
    keys = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        key = SortKey(part.removeprefix("-"), part.startswith("-"))
        if key.header not in headers:
            listed = ", ".join(headers[:20])
            raise ConfigurationInvalid(
                "--sort", what=f'"{key.header}" is no column of this export.', advice=f"Columns are {listed}."
            )
        keys.append(key)
    return tuple(keys)


def sorted_rows(
    tables: Iterable[pa.Table], keys: Sequence[SortKey], *, folder: Path, piece_rows: int = PIECE_ROWS
) -> Iterator[pa.Table]:
    """Yield all rows in order; equal ones stay in the order in which they came, empty cells come last.

    Texts go by code points. Holds `piece_rows` rows in memory, and of each piece some rows while merging.

    Args:
        folder: for the pieces; they are gone at the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces: list[Path] = []
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= piece_rows:
            pieces.append(
                _spill(_in_order(pa.concat_tables(held), keys), folder / f"{len(pieces):06}.sorted")
            )
            held = []
    last = [_in_order(pa.concat_tables(held), keys)] if held else []
    try:
        if pieces:
            yield from _merged(pieces, last, keys)
        else:
            yield from last
    finally:
        for path in pieces:
            path.unlink()


def _in_order(table: pa.Table, keys: Sequence[SortKey]) -> pa.Table:
    numbered = table.append_column("", pa.array(range(len(table)), pa.int64()))
    order = [(one.header, "descending" if one.is_descending else "ascending") for one in keys]
    sortable = numbered
    for one in keys:
        column = numbered[one.header]
        if pa.types.is_list(column.type):
            first = pc.binary_join(column.combine_chunks(), "\x1f")
            sortable = sortable.set_column(sortable.column_names.index(one.header), one.header, first)
    at = pc.sort_indices(sortable, sort_keys=[*order, ("", "ascending")])
    return table.take(at)


def _spill(table: pa.Table, path: Path) -> Path:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=MERGED_ROWS)
    return path


def _merged(pieces: Sequence[Path], last: Sequence[pa.Table], keys: Sequence[SortKey]) -> Iterator[pa.Table]:
    sources = [_batches_of(path) for path in pieces] + [iter(one.to_batches(MERGED_ROWS)) for one in last]
    streams = [_rows_of(source, keys, number) for number, source in enumerate(sources)]
    taken: list[tuple[pa.RecordBatch, int]] = []
    for _, batch, row in heapq.merge(*streams, key=lambda one: one[0]):
        taken.append((batch, row))
        if len(taken) == MERGED_ROWS:
            yield _gathered(taken)
            taken = []
    if taken:
        yield _gathered(taken)


def _batches_of(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path), "rb") as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _rows_of(
    batches: Iterator[pa.RecordBatch], keys: Sequence[SortKey], number: int
) -> Iterator[tuple[tuple[object, ...], pa.RecordBatch, int]]:
    for batch in batches:
        columns = [_sortable(batch.column(one.header)) for one in keys]
        for row, cells in enumerate(zip(*columns, strict=True)):
            rank = tuple(_Ranked(cell, one.is_descending) for cell, one in zip(cells, keys, strict=True))
            yield (*rank, number), batch, row  # pieces came in order, so their number decides


def _sortable(column: pa.Array) -> list[object]:
    cells: list[object] = column.to_pylist()
    return ["\x1f".join(map(str, one)) if isinstance(one, list) else one for one in cells]


@dataclass(frozen=True, slots=True)
class _Ranked:
    cell: object
    is_descending: bool

    def __lt__(self, other: _Ranked) -> bool:
        if self.cell is None or other.cell is None:
            return self.cell is not None
        low, high = (other.cell, self.cell) if self.is_descending else (self.cell, other.cell)
        return bool(low < high)  # type: ignore[operator]  # cells of one column have one type


def _gathered(taken: Sequence[tuple[pa.RecordBatch, int]]) -> pa.Table:
    """Return single rows of several batches as one table, in their order."""
    by_batch: dict[int, int] = {}
    batches: list[pa.RecordBatch] = []
    starts: list[int] = []
    at = 0
    rows = []
    for batch, row in taken:
        if id(batch) not in by_batch:
            by_batch[id(batch)] = len(batches)
            batches.append(batch)
            starts.append(at)
            at += len(batch)
        rows.append(starts[by_batch[id(batch)]] + row)
    return pa.Table.from_batches(batches).take(pa.array(rows, pa.int64()))
