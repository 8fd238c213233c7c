"""Several rows that make one record: which they are, and how their cells become one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.columns import Columns, Layout, group_starts
from etl.mapping.convert.cells import as_text
from etl.mapping.convert.pieces import rebuilt
from etl.model import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Groups:
    """Runs of rows, in their order, covering all of them."""

    starts: np.ndarray
    """Position of the first row of each."""
    count: int
    """Rows."""

    def __len__(self) -> int:
        """Records."""
        return len(self.starts)

    @property
    def sizes(self) -> np.ndarray:
        """Rows of each."""
        return np.diff(np.append(self.starts, self.count))

    @property
    def of_rows(self) -> np.ndarray:
        """Which group each row belongs to, 0-based."""
        return np.repeat(np.arange(len(self.starts)), self.sizes)

    def first_filled(self, cells: pa.Array) -> np.ndarray:
        """Return the position of each group's first row whose cell is not empty, else of its first row."""
        if not len(self.starts):
            return self.starts
        filled = cells.is_valid().to_numpy(zero_copy_only=False)
        first = np.minimum.reduceat(np.where(filled, np.arange(self.count), self.count), self.starts)
        return np.where(first == self.count, self.starts, first)

    def merged(self, lists: pa.ListArray) -> pa.ListArray:
        """Return the pieces of all rows of each group as one list; null where there is none."""
        if not len(self.starts):
            return lists
        counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
        return rebuilt(lists.flatten(), np.add.reduceat(counts, self.starts))


def groups_of(columns: Columns) -> Groups | None:
    """Return the groups of the rows that count; None where the mapping groups nothing."""
    names = columns.layout.group_by
    if not names:
        return None
    return Groups(group_starts([columns.cells(name) for name in names], len(columns)), len(columns))


def whole_groups(frames: Iterable[Frame], layout: Layout) -> Iterator[Frame]:
    """Yield the same rows in frames that end where a group ends; the same frames where nothing is grouped.

    Holds one group and one frame in memory.
    """
    names = layout.group_by or layout.fill_within
    if not names:
        yield from frames
        return
    held: Frame | None = None
    for frame in frames:
        joined = frame if held is None else _joined(held, frame)
        if not len(joined):
            held = joined
            continue
        keys = [Columns(joined, layout).cells(name) for name in names]
        last = int(group_starts(keys, len(joined))[-1])
        if last:
            yield _cut(joined, 0, last)
        held = _cut(joined, last, len(joined))
    if held is not None:
        yield held


def _joined(first: Frame, second: Frame) -> Frame:
    columns = {name: _both(first.column(name), second.column(name)) for name in map(str, first.data.columns)}
    data = pd.DataFrame({name: pd.array(cells, pd.ArrowDtype(cells.type)) for name, cells in columns.items()})
    numbers = pa.concat_arrays([first.numbers, second.numbers])
    return Frame(data, numbers, second.file, second.sheet, first.unreadable + second.unreadable)


def _both(first: pa.Array, second: pa.Array) -> pa.Array:
    """Put cells behind each other; a workbook may have typed the two parts of a column differently."""
    if first.type == second.type:
        return pa.concat_arrays([first, second])
    for one, other in ((first, second), (second, first)):
        if one.null_count == len(one):
            empty = pa.nulls(len(one), other.type)
            return pa.concat_arrays([empty, other] if one is first else [other, empty])
    if all(pa.types.is_integer(one.type) or pa.types.is_floating(one.type) for one in (first, second)):
        return pa.concat_arrays([pc.cast(first, pa.float64()), pc.cast(second, pa.float64())])
    return pa.concat_arrays([_unmistakable(first), _unmistakable(second)])


def _unmistakable(cells: pa.Array) -> pa.StringArray:
    """Return cells as text; a typed 1.234 as `1.2340`, which no rule for texts reads as 1234."""
    texts = as_text(cells)
    if not pa.types.is_floating(cells.type):
        return texts
    return pc.replace_substring_regex(texts, r"^(-?[0-9]{1,3}\.[0-9]{3})$", r"\10")


def _cut(frame: Frame, begin: int, end: int) -> Frame:
    numbers = frame.numbers[begin:end]
    limit = frame.numbers[end].as_py() if end < len(frame) else None
    start = frame.numbers[begin].as_py() if begin else 0
    unreadable = tuple(
        one for one in frame.unreadable if one.row >= start and (limit is None or one.row < limit)
    )
    return Frame(frame.data.iloc[begin:end], numbers, frame.file, frame.sheet, unreadable)
