"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods): typed cells, read through calamine.

Rules: a row's number is the one the spreadsheet shows. Rows without any content are no rows. A column of a
frame has the narrowest type that holds its cells; where they are mixed, frames are cut so that each has one.
An error cell is read as its text (`#N/A`), a formula without a stored value as `=...`, a number with leading
zeros by its format as it is shown: the fast reader gives these as empty or shortened.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from etl.errors import FormatTooSmall, SourceEmpty, SourceUnreadable
from etl.model import Problem
from etl.tables.columns import letters, position_of, tell_apart
from etl.tables.origin import digest_of, read_bytes
from etl.tables.sheet import SheetFacts, refuse_bomb, scan_sheet
from etl.tables.sheetxml import SheetFile
from etl.tables.table import Dialect, ReadOptions, Table
from etl.tables.typed import typed_frames
from etl.tables.values import to_text, to_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from python_calamine import CalamineSheet

    from etl.model import Frame
    from etl.tables.values import Cell

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
HEADER_WITHIN_ROWS = 50
"""The header is looked for in so many rows, unless it is given."""

# What a sheet takes. Source: Microsoft, "Excel specifications and limits".
MOST_ROWS = 1_048_576
LONGEST_TEXT = 32_767
WIDTH_ROWS = 100


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
    with _workbook(path) as book:
        title = _choose(book, options, path)
        sheets = tuple(book.sheet_names)

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
        sheets=sheets,
        first_column=first,
        sheet_facts=facts,
        fingerprint=lambda: digest_of(path),
        problems=tuple(problems),
        is_partial="_run" in names,
    )


@contextmanager
def _workbook(path: Path) -> Iterator[CalamineWorkbook]:
    try:
        source = read_bytes(path)
        refuse_bomb(path, source)
        if not isinstance(source, Path):
            source.seek(0)
        with CalamineWorkbook.from_object(source) as book:
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


class XlsxWriter:
    """Writes rows as a workbook of one sheet, streaming: typed cells, frozen header, filter, widths.

    A text stays a text: no number, formula or link is made out of it. Numbers of more digits than a sheet
    keeps (15) are written as text. More letters than a cell takes (32,767) are a Problem, never a cut.
    """

    def __init__(self, path: Path, *, name: str, header: Sequence[str], sheet: str) -> None:
        self.problems: list[Problem] = []
        self._path, self._name, self._sheet, self._header = path, name, sheet_name(sheet), list(header)
        self._file: SheetFile | None = None

    def write(self, rows: pa.Table) -> None:
        """Add rows; each column in its own type.

        Raises:
            FormatTooSmall: more rows than a sheet has.
        """
        file = self._opened(rows)
        if file.rows + len(rows) > MOST_ROWS:
            raise FormatTooSmall(self._name, rows=file.rows + len(rows) - 1, most=MOST_ROWS - 1)
        columns = [self._fitting(column, at, file.rows) for at, column in enumerate(rows.columns)]
        file.write(pa.table(columns, names=[str(at) for at in range(len(columns))]))

    def close(self) -> None:
        """Write what is left of the workbook."""
        names = [str(at) for at in range(len(self._header))]
        self._opened(pa.table([pa.array([], pa.string()) for _ in names], names=names)).close()

    def _opened(self, rows: pa.Table) -> SheetFile:
        if self._file is None:
            widths = [
                column_width(name, column.slice(0, WIDTH_ROWS).to_pylist())
                for name, column in zip(self._header, rows.columns, strict=True)
            ]
            self._file = SheetFile(self._path, title=self._sheet, header=self._header, widths=widths)
        return self._file

    def _fitting(self, column: pa.ChunkedArray, at: int, rows: int) -> pa.ChunkedArray:
        """Return the column as the sheet can hold it: texts that are too long are left out and told."""
        kind = column.type
        is_plain = pa.types.is_primitive(kind) and not pa.types.is_duration(kind)
        if is_plain and not (pa.types.is_timestamp(kind) and kind.tz is not None):
            return column
        if pa.types.is_decimal(kind):
            return column
        column = to_texts(column)
        lengths = pc.utf8_length(column)
        if (pc.max(lengths).as_py() or 0) * 2 <= LONGEST_TEXT:
            return column
        cells = column.to_pylist()
        for position in np.flatnonzero((pc.fill_null(lengths, 0).to_numpy() * 2) > LONGEST_TEXT).tolist():
            text = cells[position]
            # A letter beyond the first 65,536 of Unicode counts twice.
            if len(text.encode("utf-16-le")) // 2 > LONGEST_TEXT:
                self.problems.append(
                    too_long(
                        text,
                        name=self._name,
                        sheet=self._sheet,
                        row=rows + position + 1,
                        column=self._header[at],
                    )
                )
                cells[position] = None
        return pa.chunked_array([pa.array(cells, pa.string())])


def too_long(text: str, *, name: str, sheet: str, row: int, column: str) -> Problem:
    """Return the Problem of a text that is longer than a cell takes."""
    facts = {"length": f"{len(text):,}", "maximum": f"{LONGEST_TEXT:,}"}
    return Problem("cell_too_long", name, sheet, row, column, value=text[:200], facts=facts)


def column_width(name: str, cells: Sequence[Cell]) -> int:
    """Return a width in letters that shows a header and its first cells, within reason."""
    longest = max((len(str(cell)) for cell in cells if cell is not None), default=0)
    return min(max(len(name), longest, 6) + 2, 60)


def sheet_name(name: str) -> str:
    """Return a name that a spreadsheet takes for a sheet: at most 31 letters, no brackets, slashes, `:*?`."""
    return re.sub(r"[\[\]:*?/\\]", "_", name).strip("'")[:31] or "Sheet1"
