"""A workbook with marked cells, for a person to correct: through XlsxWriter, which can comment."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import xlsxwriter

from etl.errors import FormatTooSmall
from etl.tables.values import to_text
from etl.tables.xlsx import LONGEST_TEXT, MOST_ROWS, sheet_name, too_long

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from xlsxwriter.format import Format

    from etl.model import Problem
    from etl.tables.values import Cell

DIGITS = 15
MOST_COMMENTS = 20_000
"""Excel takes 65,530 per sheet and becomes slow long before."""
COMMENT_SHAPE = {"x_scale": 2.5, "y_scale": 1.2, "author": "atro-etl"}
RED = "#FFC7CE"

SHOWN_AS = {"": "", "date": "yyyy-mm-dd", "datetime": "yyyy-mm-dd hh:mm:ss", "time": "hh:mm:ss"}


@dataclass(frozen=True, slots=True)
class Layer:
    """Where a table stands in its sheet, and which of its cells are marked."""

    header_row: int = 1
    """1-based."""
    first_column: int = 0
    """0-based."""
    marks: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    """Row of the sheet -> position in the header -> what is wrong: such cells are red, with a comment."""


class MarkedWriter:
    """Writes rows as `xlsx.XlsxWriter` does, at given places, and marks cells: red, with a comment."""

    def __init__(
        self, path: Path, *, name: str, header: Sequence[str], sheet: str, layer: Layer | None = None
    ) -> None:
        self.problems: list[Problem] = []
        self._name, self._sheet, self._header = name, sheet_name(sheet), list(header)
        self._layer = layer or Layer()
        self.book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "strings_to_numbers": False,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "nan_inf_to_errors": False,
            },
        )
        self._page = self.book.add_worksheet(self._sheet)
        self._plain = {
            kind: self.book.add_format({"num_format": shown} if shown else {})
            for kind, shown in SHOWN_AS.items()
        }
        self._red = {
            kind: self.book.add_format({"bg_color": RED} | ({"num_format": shown} if shown else {}))
            for kind, shown in SHOWN_AS.items()
        }
        bold = self.book.add_format({"bold": True})
        self._row = self._layer.header_row - 1
        self._left = self._layer.first_column
        for at, text in enumerate(self._header):
            self._page.write_string(self._row, self._left + at, text, bold)
        self._page.freeze_panes(self._row + 1, 0)
        self._widths = [len(text) for text in self._header]
        self._comments = 0

    def write(self, rows: pa.Table, *, numbers: Sequence[int] | None = None) -> None:
        """Add rows; each column in its own type.

        Args:
            numbers: rows of the sheet they go to, 1-based and rising; None: below what is there.

        Raises:
            FormatTooSmall: more rows than a sheet has.
        """
        end = numbers[-1] if numbers else self._row + 1 + len(rows)
        if end > MOST_ROWS:
            raise FormatTooSmall(self._name, rows=end - 1, most=MOST_ROWS - 1)
        puts = [self._putter(column.type, self._plain) for column in rows.columns]
        columns = [_as_cells(column) for column in rows.columns]
        for at, cells in enumerate(columns):
            longest = max((len(str(cell)) for cell in cells[:100] if cell is not None), default=0)
            self._widths[at] = max(self._widths[at], longest)
        for position, row in enumerate(zip(*columns, strict=True)):
            self._row = numbers[position] - 1 if numbers is not None else self._row + 1
            for at, cell in enumerate(row):
                if cell is not None:
                    puts[at](at, cell)
            if marks := self._layer.marks.get(self._row + 1):
                for at, text in marks.items():
                    self._mark(at, row[at], rows.schema.types[at], text)

    def _mark(self, at: int, cell: Cell, kind: pa.DataType, text: str) -> None:
        if cell is None:
            self._page.write_blank(self._row, self._left + at, None, self._red[""])
        else:
            self._putter(kind, self._red)(at, cell)
        if self._comments < MOST_COMMENTS:
            self._comments += 1
            self._page.write_comment(self._row, self._left + at, text[:LONGEST_TEXT], COMMENT_SHAPE)

    def _putter(self, kind: pa.DataType, forms: Mapping[str, Format]) -> Callable[[int, Cell], None]:
        page, left, form = self._page, self._left, forms[_shown(kind)]
        if pa.types.is_boolean(kind):
            return lambda at, cell: page.write_boolean(self._row, left + at, cell, form)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            return lambda at, cell: self._put_number(at, cell, form)
        if _shown(kind):
            return lambda at, cell: self._put_moment(at, cell, form)
        return lambda at, cell: self._put_text(at, cell, form)

    def _put_number(self, at: int, cell: Cell, form: Format) -> None:
        if isinstance(cell, float):
            if math.isfinite(cell):
                self._page.write_number(self._row, self._left + at, cell, form)
            return
        # A spreadsheet keeps 15 digits: an identifier with more would come back as another one.
        if isinstance(cell, int | Decimal) and len(str(abs(cell)).replace(".", "")) <= DIGITS:
            self._page.write_number(self._row, self._left + at, cell, form)
        else:
            self._put_text(at, cell, form)

    def _put_moment(self, at: int, cell: Cell, form: Format) -> None:
        # Spreadsheets count days from 1900 and hold 1900 for a leap year: what is earlier is written as text.
        if isinstance(cell, dt.date) and (cell.year, cell.month) < (1900, 3):
            self._put_text(at, cell, form)
        else:
            self._page.write_datetime(self._row, self._left + at, cell, form)

    def _put_text(self, at: int, cell: Cell, form: Format) -> None:
        text = to_text(cell)
        if len(text) > LONGEST_TEXT // 2 and len(text.encode("utf-16-le")) // 2 > LONGEST_TEXT:
            column, row = self._header[at], self._row + 1
            self.problems.append(too_long(text, name=self._name, sheet=self._sheet, row=row, column=column))
        elif text:
            self._page.write_string(self._row, self._left + at, text, form)

    def close(self) -> None:
        """Set filter and widths and write the workbook."""
        first = self._layer.header_row - 1
        if self._header:
            right = self._left + len(self._header) - 1
            self._page.autofilter(first, self._left, max(self._row, first + 1), right)
        for at, width in enumerate(self._widths):
            self._page.set_column(self._left + at, self._left + at, min(max(width + 2, 8), 60))
        self.book.close()


def _shown(kind: pa.DataType) -> str:
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_timestamp(kind) and kind.tz is None:
        return "datetime"
    return "time" if pa.types.is_time(kind) else ""


def _as_cells(column: pa.ChunkedArray) -> list[Cell]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz))
    cells: list[Cell] = column.to_pylist()
    return cells
