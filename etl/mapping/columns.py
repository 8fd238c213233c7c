"""The columns of a frame as a mapping sees them: short names, empty cells, markers, chosen rows."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text, blanked, without

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.mapping.parts import DateRule, NumberRule
    from etl.mapping.table_parts import MarkersDoc
    from etl.model import Frame


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What `columns:` says of one column."""

    header: str | None
    """Its name in this source; None: it is optional and not there."""
    blank: tuple[str, ...] = ()
    number: NumberRule | None = None
    date: DateRule | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the cells of a column are markers; None: nowhere."""

    clear: pa.BooleanArray | None = None
    skip: pa.BooleanArray | None = None
    unassign: pa.BooleanArray | None = None

    @property
    def any(self) -> pa.BooleanArray | None:
        """Where a cell is a marker of any kind."""
        given = [one for one in (self.clear, self.skip, self.unassign) if one is not None]
        if not given:
            return None
        found = given[0]
        for one in given[1:]:
            found = pc.or_(found, one)
        return found


@dataclass(frozen=True, slots=True)
class Layout:
    """What a mapping says about the columns of its source."""

    names: Mapping[str, ColumnRule] = field(default_factory=dict)
    markers: MarkersDoc | None = None
    fill_within: tuple[str, ...] = ()
    fill_columns: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()

    def header(self, name: str) -> str | None:
        """Return what a column is called in the source; None where it is optional and not there."""
        return self.names[name].header if name in self.names else name


@dataclass(slots=True)
class Columns:
    """The columns of one frame, each taken out once."""

    frame: Frame
    layout: Layout = field(default_factory=Layout)
    chosen: pa.Int64Array | None = None
    """Positions of the rows that count, any of them as often as it is wanted; None: all."""
    further: Sequence[Mapping[str, object]] = ()
    """Per row, what expressions see besides `row`: `item`. Empty: nothing."""
    _cells: dict[str, pa.Array] = field(default_factory=dict)
    _marks: dict[str, Marks] = field(default_factory=dict)

    def __len__(self) -> int:
        """Rows that count."""
        return len(self.frame) if self.chosen is None else len(self.chosen)

    @property
    def numbers(self) -> pa.Int64Array:
        """Row number of each row that counts."""
        return self.frame.numbers if self.chosen is None else self.frame.numbers.take(self.chosen)

    def only(self, rows: pa.BooleanArray) -> Columns:
        """Return the columns of the rows where `rows` is true."""
        if not pc.any(pc.invert(rows)).as_py():
            return self
        return self.at(pc.cast(pc.indices_nonzero(rows), pa.int64()), ())

    def at(self, positions: pa.Array, further: Sequence[Mapping[str, object]]) -> Columns:
        """Return the columns of these rows of the rows that count, one after the other."""
        chosen = positions if self.chosen is None else self.chosen.take(positions)
        return dataclasses.replace(self, chosen=chosen, further=further, _cells={}, _marks={})

    def cells(self, name: str) -> pa.Array:
        """Return the cells of one column; null where they are empty or markers."""
        if name not in self._cells:
            self._take(name)
        return self._cells[name]

    def marks(self, name: str) -> Marks:
        """Return where the cells of one column are markers."""
        if name not in self._cells:
            self._take(name)
        return self._marks[name]

    def _take(self, name: str) -> None:
        cells, marks = self._tidied(name)
        header = self.layout.header(name)
        if header in self.layout.fill_columns or name in self.layout.fill_columns:
            within = [self._tidied(one)[0] for one in self.layout.fill_within]
            cells = filled_down(cells, within)
        if self.chosen is not None:
            cells = cells.take(self.chosen)
            marks = Marks(*(one.take(self.chosen) if one is not None else None for one in _of(marks)))
        self._cells[name], self._marks[name] = cells, marks

    def _tidied(self, name: str) -> tuple[pa.Array, Marks]:
        rule = self.layout.names.get(name)
        header = self.layout.header(name)
        if header is None:
            return pa.nulls(len(self.frame), pa.string()), Marks()
        cells = self.frame.column(header)
        if pa.types.is_dictionary(cells.type) or pa.types.is_large_string(cells.type):
            cells = pc.cast(cells, pa.string())
        marks = Marks()
        markers = self.layout.markers
        if markers is not None:
            marks = Marks(
                _equal(cells, markers.clear), _equal(cells, markers.skip), _equal(cells, markers.unassign)
            )
            if marks.any is not None:
                cells = without(cells, marks.any)
        if rule is not None and rule.blank and (blank := _equal(cells, rule.blank)) is not None:
            cells = without(cells, blank)
        return blanked(cells), marks


def _of(marks: Marks) -> tuple[pa.BooleanArray | None, ...]:
    return marks.clear, marks.skip, marks.unassign


def _equal(cells: pa.Array, texts: Sequence[str]) -> pa.BooleanArray | None:
    """Where the trimmed cells are one of the texts; None where none is."""
    if not texts:
        return None
    tidy = pc.fill_null(pc.utf8_trim_whitespace(as_text(cells)), "")
    found = pc.is_in(tidy, value_set=pa.array(texts, pa.string()))
    return found if pc.any(found).as_py() else None


def group_starts(keys: Sequence[pa.Array], count: int) -> np.ndarray:
    """Return the position of the first row of each run of rows that are equal in all `keys`.

    An empty cell belongs to the run above it: many feeds write the name of a group once.
    """
    is_start = np.zeros(count, np.bool_)
    if count:
        is_start[0] = True
    for cells in keys:
        texts = as_text(cells)
        down = pc.fill_null(pc.fill_null_forward(texts), "")
        if count > 1:
            is_start[1:] |= pc.not_equal(down[1:], down[:-1]).to_numpy(zero_copy_only=False)
    return np.flatnonzero(is_start)


def filled_down(cells: pa.Array, within: Sequence[pa.Array]) -> pa.Array:
    """Return the cells with empty ones filled from above, never across the start of a run of `within`."""
    count = len(cells)
    starts = group_starts(within, count) if within else np.zeros(min(count, 1), np.int64)
    filled = np.where(cells.is_valid().to_numpy(zero_copy_only=False), np.arange(count), -1)
    last = np.maximum.accumulate(filled) if count else filled
    sizes = np.diff(np.append(starts, count))
    own = np.repeat(starts, sizes)
    take = np.where(last >= own, last, -1)
    return cells.take(pa.array(take, mask=take < 0))
