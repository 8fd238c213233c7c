"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods): typed cells, read through calamine.

Rules: a row's number is the one the spreadsheet shows. Rows without any content are no rows. A column of a
frame has the narrowest type that holds its cells; where they are mixed, frames are cut so that each has one.
An error cell is read as its text (`#N/A`), a formula without a stored value as `=...`, a number with leading
zeros by its format as it is shown: the fast reader gives these as empty or shortened.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from etl.errors import FormatTooSmall, SourceEmpty, SourceUnreadable
from etl.model import Problem
from etl.tables.columns import letters, position_of, tell_apart
from etl.tables.origin import digest_of, read_bytes
from etl.tables.sheet import SheetFacts, refuse_bomb, scan_sheet
from etl.tables.table import Dialect, ReadOptions, Table
from etl.tables.typed import typed_frames
from etl.tables.values import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from python_calamine import CalamineSheet
    from xlsxwriter.format import Format

    from etl.model import Frame
    from etl.tables.values import Cell

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
HEADER_WITHIN_ROWS = 50
"""The header is looked for in so many rows, unless it is given."""

# What a sheet takes. Source: Microsoft, "Excel specifications and limits".
MOST_ROWS = 1_048_576
LONGEST_TEXT = 32_767
DIGITS = 15

MOST_COMMENTS = 20_000
"""Excel takes 65,530 per sheet and becomes slow long before."""
COMMENT_SHAPE = {"x_scale": 2.5, "y_scale": 1.2, "author": "atro-etl"}
RED = "#FFC7CE"

SHOWN_AS = {"": "", "date": "yyyy-mm-dd", "datetime": "yyyy-mm-dd hh:mm:ss", "time": "hh:mm:ss"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows of one sheet lie."""

    name: str
    sheet: str
    header: tuple[str, ...]
    first_row: int
    """1-based row of the first data."""
    first_column: int
    """0-based column of the first of `header`."""
    cells: Callable[[], CalamineSheet]
    """The sheet as calamine holds it: read once, for all passes."""
    facts: Callable[[], SheetFacts]
    """What only the sheet's XML tells; looked for once, when it is first asked for."""


def read_xlsx(path: Path, options: ReadOptions, *, name: str, frame_rows: int) -> Table:
    """Return the table of one sheet of a workbook; the sheet is held in memory while it is looked at.

    Raises:
        SourceEmpty: the sheet has no cell.
        SourceUnreadable: no workbook, one with a password, or no such sheet.
    """
    refuse_bomb(path)
    with _workbook(path) as book:
        title = _choose(book, options, path)

    @lru_cache(maxsize=1)
    def load() -> CalamineSheet:
        with _workbook(path) as book:
            return book.get_sheet_by_name(title)

    sheet = load()
    if sheet.start is None or sheet.end is None:
        raise SourceEmpty(f"{path}, sheet {title}")
    offset, rows_total = sheet.start[1], sheet.end[0]
    head = [
        _clean(row) for row in islice(sheet.iter_rows(), max(HEADER_WITHIN_ROWS, options.header_row or 0))
    ]
    at = options.header_row - 1 if options.header_row is not None else _header_position(head)
    if at >= len(head):
        raise SourceUnreadable(
            str(path), reason=f'sheet "{title}" has no row {at + 1}.', advice="Correct source.header_row."
        )
    first, width = _columns(head[at], offset, options.first_column)
    cells = [
        "" if cell is None else to_text(cell) for cell in head[at][first - offset : first - offset + width]
    ]
    problems: list[Problem] = []
    if options.has_header is False:
        names = tuple(letters(first + position) for position in range(width))
        first_row = at + 1
    else:
        header = tell_apart(cells, name=name, sheet=title, row=at + 1)
        names, first_row = header.names, at + 2
        problems.extend(header.problems)
        if options.header_row is None and any(cell is not None for row in head[:at] for cell in row):
            problems.append(Problem("header_not_first", name, title, row=at + 1))
    facts = lru_cache(maxsize=1)(lambda: scan_sheet(path, title))
    layout = Layout(name, title, names, first_row, first, load, facts)
    return Table(
        name=name,
        sheet=title,
        header=names,
        dialect=Dialect("xlsx", sheet=title),
        rows_total=max(rows_total + 2 - first_row, 0),
        path=path,
        passes=lambda: _frames(layout, frame_rows),
        header_row=first_row - 1,
        first_column=first,
        sheet_facts=facts,
        fingerprint=lambda: digest_of(path),
        problems=tuple(problems),
        is_partial="_run" in names,
    )


@contextmanager
def _workbook(path: Path) -> Iterator[CalamineWorkbook]:
    try:
        with CalamineWorkbook.from_object(read_bytes(path)) as book:
            yield book
    except PasswordError:
        raise SourceUnreadable(
            str(path), reason="the workbook has a password.", advice="Save it without one and name that file."
        ) from None
    except CalamineError as error:
        raise SourceUnreadable(
            str(path), reason=f"this is no readable workbook ({error}).", advice=_advice(path)
        ) from None


def _advice(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(512)
    if start.startswith(b"%PDF"):
        return "It is a PDF: ask for the table itself, as a workbook or CSV."
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        return "It has a password or is an old .xls: save it as .xlsx without a password."
    if start.lstrip().lower().startswith((b"<html", b"<!doc", b"<table", b"<?xml")):
        return "It is a web page with a table: open it in a spreadsheet and save it as .xlsx."
    if b"\0" not in start and not start.startswith(b"PK"):
        return "It is a text file: give it the suffix .csv."
    return "Was it sent completely? Open it in a spreadsheet and save it anew."


def _choose(book: CalamineWorkbook, options: ReadOptions, path: Path) -> str:
    names = book.sheet_names
    if isinstance(options.sheet, int) and 1 <= options.sheet <= len(names):
        return names[options.sheet - 1]
    if isinstance(options.sheet, str) and options.sheet in names:
        return options.sheet
    if options.sheet is not None:
        raise SourceUnreadable(
            str(path),
            reason=f'there is no sheet "{options.sheet}".',
            advice=f"Sheets there: {', '.join(names)}.",
        )
    shown = [one.name for one in book.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
    return (shown or names)[0]


def _clean(row: Sequence[Cell]) -> list[Cell]:
    return [None if cell == "" else cell for cell in row]


def _header_position(rows: list[list[Cell]]) -> int:
    """Return the position of the first row about as wide as most rows are: titles above it are narrow."""
    filled = [sum(cell is not None for cell in row) for row in rows]
    first = next((at for at, count in enumerate(filled) if count), 0)
    usual, times = Counter(count for count in filled if count).most_common(1)[0] if any(filled) else (0, 0)
    if usual < 3 or times < 2:  # noqa: PLR2004  in two columns a title cannot be told from a row
        return first
    return next((at for at, count in enumerate(filled) if count * 2 > usual), first)


def _columns(row: list[Cell], offset: int, first_column: str | int | None) -> tuple[int, int]:
    """Return the 0-based first column of the header and how many columns it has."""
    filled = [at + offset for at, cell in enumerate(row) if cell is not None]
    leftmost = filled[0] if filled else offset
    first = position_of(first_column) if first_column is not None else leftmost
    last = max(filled[-1] if filled else first, first)
    return first, last - first + 1


def _frames(layout: Layout, frame_rows: int) -> Iterator[Frame]:
    texts = layout.facts().texts()
    sheet = layout.cells()
    offset = sheet.start[1] if sheet.start is not None else 0
    start = layout.first_column - offset
    rows = islice(sheet.iter_rows(), layout.first_row - 1, None)
    number = layout.first_row
    while chunk := list(islice(rows, frame_rows)):
        numbers = np.arange(number, number + len(chunk), dtype=np.int64)
        for row in texts.keys() & range(number, number + len(chunk)):
            for column, text in texts[row].items():
                if 0 <= column - offset < len(chunk[row - number]):
                    chunk[row - number][column - offset] = text
        number += len(chunk)
        by_column = list(zip(*chunk, strict=True))
        blank: list[Cell] = [None] * len(chunk)
        columns = [
            _clean(by_column[at]) if 0 <= at < len(by_column) else blank
            for at in range(start, start + len(layout.header))
        ]
        yield from typed_frames(columns, layout.header, numbers, name=layout.name, sheet=layout.sheet)


@dataclass(frozen=True, slots=True)
class Layer:
    """Where a table stands in its sheet, and which of its cells are marked."""

    header_row: int = 1
    """1-based."""
    first_column: int = 0
    """0-based."""
    marks: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    """Row of the sheet -> position in the header -> what is wrong: such cells are red, with a comment."""


class XlsxWriter:
    """Writes rows as a workbook of one sheet, in constant memory: typed cells, frozen header, filter, widths.

    A text stays a text: no number, formula or link is made out of it. Numbers of more digits than a sheet
    keeps (15) are written as text. More letters than a cell takes (32,767) are a Problem, never a cut.
    """

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
            facts = {"length": f"{len(text):,}", "maximum": f"{LONGEST_TEXT:,}"}
            column, row = self._header[at], self._row + 1
            self.problems.append(
                Problem("cell_too_long", self._name, self._sheet, row, column, value=text[:200], facts=facts)
            )
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


def sheet_name(name: str) -> str:
    """Return a name that a spreadsheet takes for a sheet: at most 31 letters, no brackets, slashes, `:*?`."""
    return re.sub(r"[\[\]:*?/\\]", "_", name).strip("'")[:31] or "Sheet1"


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
