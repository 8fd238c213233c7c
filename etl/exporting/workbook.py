"""The workbook for people: typed cells, choices, what may be edited, and all that an import needs to know."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from etl.errors import FormatTooSmall
from etl.exporting.describing import HIDDEN_SHEET, ID, UNTOUCHED, lines
from etl.exporting.outputs import flat
from etl.model import Problem
from etl.tables.probes import ERROR_TEXTS
from etl.tables.writing import completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from etl.exporting.describing import DescribedColumn, SelfDescription

MOST_ROWS = 1_048_576
LONGEST_TEXT = 32_767
DIGITS = 15
SHORT_LIST = 250
"""Characters of choices that fit into a validation (Excel: 255); more of them stand on a sheet."""
MOST_CHOICES = 5000
WIDEST, NARROWEST = 60, 8
GREY, PALE = "#808080", "#F2F2F2"
ERRORS = frozenset(ERROR_TEXTS.to_pylist())
LISTS = "Lists"
A4 = 9
# A carriage return alone, control characters, and what looks like an escape of a sheet's XML.
ODD = r"\r([^\n]|$)|[\x00-\x08\x0b\x0c\x0e-\x1f]|_x[0-9A-Fa-f]{4}_"
ODD_PIECE = r"[\x00-\x1f]|_x[0-9A-Fa-f]{4}_"
# LibreOffice shows booleans without a format as 1 and 0.
SHOWN = {
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm:ss",
    "bool": '"TRUE";"TRUE";"FALSE"',
}


@dataclass(frozen=True, slots=True)
class Book:
    """What stands in a workbook besides its rows."""

    description: SelfDescription
    columns: tuple[DescribedColumn, ...]
    header: tuple[str, ...]
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Header -> what may be chosen there."""


class PeopleWriter:
    """Writes rows as a workbook that people edit and send back, in constant memory.

    A text stays a text whatever it looks like: no formula, number or link is made out of it. What a sheet
    cannot hold as it is (more than 32,767 letters, blank texts, control characters) becomes `UNTOUCHED`,
    which an import leaves alone.
    """

    def __init__(self, path: Path, book: Book, *, name: str) -> None:
        self.problems: list[Problem] = []
        self._name, self._content = name, book
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "strings_to_numbers": False,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "nan_inf_to_errors": False,
            },
        )
        self._read_me = self._book.add_worksheet("Read me")
        self._page = self._book.add_worksheet(book.description.sheet)
        self._formats = {
            (shown, is_locked): self._format(shown, is_locked=is_locked)
            for shown in ("", *SHOWN)
            for is_locked in (False, True)
        }
        self._row = 0
        self._widths = [len(text) for text in book.header]
        self._write_header()

    def _format(self, shown: str, *, is_locked: bool) -> object:
        # At the top, so that the first line of a longer text is seen.
        facts = {"valign": "top"} | ({"num_format": SHOWN[shown]} if shown else {})
        return self._book.add_format(facts | ({"font_color": GREY, "bg_color": PALE} if is_locked else {}))

    def _write_header(self) -> None:
        bold = self._book.add_format({"bold": True, "bottom": 1})
        locked = self._book.add_format({"italic": True, "font_color": GREY, "bg_color": PALE, "bottom": 1})
        for at, (text, column) in enumerate(zip(self._content.header, self._content.columns, strict=True)):
            self._page.write_string(0, at, text, locked if _is_locked(column) else bold)
        self._page.freeze_panes(1, 0)

    def write(self, rows: pa.Table) -> None:
        """Add rows.

        Raises:
            FormatTooSmall: more than a sheet has.
        """
        if self._row + len(rows) >= MOST_ROWS:
            raise FormatTooSmall(self._name, rows=self._row + len(rows), most=MOST_ROWS - 1)
        rows = flat(unheld(rows), f"{self._content.description.separator} ")
        puts = [self._putter(at, column.type) for at, column in enumerate(rows.columns)]
        columns = [_as_cells(column) for column in rows.columns]
        for at, cells in enumerate(columns):
            longest = max((len(str(cell)) for cell in cells[:100] if cell is not None), default=0)
            self._widths[at] = max(self._widths[at], longest)
        for row in zip(*columns, strict=True):
            self._row += 1
            for put, cell in zip(puts, row, strict=True):
                if cell is not None:
                    put(cell)

    def _putter(self, at: int, kind: pa.DataType) -> Callable[[object], None]:
        page = self._page
        is_locked = _is_locked(self._content.columns[at])
        plain = self._formats["", is_locked]
        if pa.types.is_boolean(kind):
            shown = self._formats["bool", is_locked]
            return lambda cell: page.write_boolean(self._row, at, cell, shown)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            return lambda cell: self._put_number(at, cell, plain)
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            shown = self._formats["date" if pa.types.is_date(kind) else "datetime", is_locked]
            return lambda cell: page.write_datetime(self._row, at, cell, shown)
        return lambda cell: self._put_text(at, cell, plain)

    def _put_number(self, at: int, cell: object, plain: object) -> None:
        if isinstance(cell, int) and len(str(abs(cell))) > DIGITS:
            # A sheet keeps 15 digits: a longer number would come back as another one.
            self._page.write_string(self._row, at, str(cell), plain)
        elif isinstance(cell, int | float) and math.isfinite(cell):
            self._page.write_number(self._row, at, cell, plain)

    def _put_text(self, at: int, cell: object, plain: object) -> None:
        text = str(cell)
        if len(text) > LONGEST_TEXT // 2 and len(text.encode("utf-16-le")) // 2 > LONGEST_TEXT:
            facts = {"length": str(len(text)), "maximum": f"{LONGEST_TEXT:,}"}
            self.problems.append(
                Problem(
                    "cell_not_held",
                    self._name,
                    self._content.description.sheet,
                    row=self._row + 1,
                    column=self._content.header[at],
                    value=text[:200],
                    facts=facts,
                )
            )
            text = UNTOUCHED
        self._page.write_string(self._row, at, text, plain)

    def close(self) -> None:
        """Write all that stands around the rows, and the workbook."""
        last = max(self._row, 1)
        content = self._content
        self._page.autofilter(0, 0, last, len(content.header) - 1)
        for at, width in enumerate(self._widths):
            self._page.set_column(at, at, min(max(width + 2, NARROWEST), WIDEST))
        self._write_choices(last)
        self._write_read_me()
        hidden = self._book.add_worksheet(HIDDEN_SHEET)
        hidden.hide()
        for row, cells in enumerate(lines(content.description, content.columns)):
            for at, text in enumerate(cells):
                hidden.write_string(row, at, text)
        sheet = content.description.sheet.replace("'", "''")
        for at, column in enumerate(content.columns):
            cell = xl_rowcol_to_cell(0, at, row_abs=True, col_abs=True)
            self._book.define_name(column.name, f"='{sheet}'!{cell}")
        for page in (self._read_me, self._page):
            page.set_landscape()
            page.set_paper(A4)
            page.fit_to_pages(1, 0)
        self._page.repeat_rows(0)
        self._page.activate()
        self._book.close()

    def _write_choices(self, last: int) -> None:
        long_lists: list[tuple[str, Sequence[str]]] = []
        for at, header in enumerate(self._content.header):
            choices = self._content.choices.get(header, ())[:MOST_CHOICES]
            column = self._content.columns[at]
            if not choices or column.is_list or _is_locked(column):
                continue
            source: object = list(choices)
            if len(",".join(choices)) > SHORT_LIST or any("," in one for one in choices):
                used = len(long_lists)
                long_lists.append((header, choices))
                source = f"={LISTS}!{_absolute(1, used)}:{_absolute(len(choices), used)}"
            rule = {"validate": "list", "source": source, "error_type": "warning"}
            # Room below for rows that are added.
            self._page.data_validation(1, at, max(last, 1000), at, rule)
        if not long_lists:
            return
        page = self._book.add_worksheet(LISTS)
        rows = zip_longest(*([header, *choices] for header, choices in long_lists))
        for row, cells in enumerate(rows):
            for at, text in enumerate(cells):
                if text is not None:
                    page.write_string(row, at, text)

    def _write_read_me(self) -> None:
        about = self._content.description
        bold = self._book.add_format({"bold": True, "font_size": 14})
        wrapped = self._book.add_format({"text_wrap": True, "valign": "top"})
        locked = self._formats["", True]
        self._read_me.set_column(0, 0, 28)
        self._read_me.set_column(1, 1, 90)
        mark = about.separator
        told = {
            "Read": f"{about.started}. What was changed in AtroCore later is not in here.",
            "Records": f"{self._row:,}, on the sheet {about.sheet}",
            "Edit": "cells of the columns below that may be edited, and save the file.",
            "Arrange": "Rows may be sorted, filtered and deleted, columns moved, renamed and deleted.",
            "A missing row or column": "changes nothing; a new row is not created.",
            "Empty a cell": "to clear the field.",
            UNTOUCHED: "stands where a cell cannot hold the value; an import leaves it as it is.",
            "Several values": f'in a cell are parted by "{mark}"; within a value write \\{mark}',
            "Keep": f"the column {ID}: it says which record a row is. Grey columns are for reading only.",
            "Send back": "atro-etl import THIS-FILE.xlsx",
        }
        rows: list[tuple[str, str, object]] = [(f"{about.entity} from {about.url}", "", bold)]
        rows += [(name, text, wrapped) for name, text in told.items()]
        rows += [("", "", wrapped), ("Column", "", bold)]
        for header, column in zip(self._content.header, self._content.columns, strict=True):
            rows.append((header, _about(column), locked if _is_locked(column) else wrapped))
        for row, (name, text, style) in enumerate(rows):
            self._read_me.write_string(row, 0, name, style)
            if text:
                self._read_me.write_string(row, 1, text, style)


@contextmanager
def opened_for_people(path: Path, book: Book) -> Iterator[PeopleWriter]:
    """Open a workbook for people; it appears under its name when the body ends well."""
    with completed(path) as part:
        writer = PeopleWriter(part, book, name=path.name)
        try:
            yield writer
        finally:
            writer.close()


def _about(column: DescribedColumn) -> str:
    if column.role == "id":
        return "Which record the row is; not to be changed."
    if column.role == "modified":
        return "When the record was changed last, in UTC; for reading only."
    if column.role == "read_only":
        return f"{column.address}: for reading only."
    link = f", found by {column.by}" if column.by else ""
    several = "; several values" if column.is_list else ""
    return f"{column.address}: may be edited{link}{several}."


def _is_locked(column: DescribedColumn) -> bool:
    return column.role in ("id", "modified", "read_only")


def _as_cells(column: pa.ChunkedArray) -> list[object]:
    cells: list[object] = column.to_pylist()
    return cells


def _absolute(row: int, column: int) -> str:
    return str(xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True))


def unheld(rows: pa.Table) -> pa.Table:
    """Return rows in which texts that a sheet would give back as others are `UNTOUCHED`."""
    for at, name in enumerate(rows.column_names):
        column = rows.column(at)
        if pa.types.is_string(column.type):
            bare = pc.utf8_trim_whitespace(column)
            is_blank = pc.and_(pc.equal(bare, ""), pc.not_equal(column, ""))
            # A text like #N/A would be taken for what a broken formula shows.
            is_error = pc.is_in(column, value_set=ERROR_TEXTS)
            odd = pc.or_(pc.or_(pc.match_substring_regex(column, ODD), is_blank), is_error)
            if pc.any(odd, min_count=0).as_py():
                rows = rows.set_column(at, name, pc.if_else(odd, UNTOUCHED, column))
        elif pa.types.is_list(column.type):
            rows = rows.set_column(at, name, _held_lists(column))
    return rows


def _held_lists(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # Pieces are trimmed and blank ones dropped when they are read back.
    pieces = pc.list_flatten(column).cast(pa.string())
    is_odd = pc.or_(
        pc.match_substring_regex(pieces, ODD_PIECE),
        pc.or_(pc.not_equal(pc.utf8_trim_whitespace(pieces), pieces), pc.equal(pieces, "")),
    )
    is_odd = pc.or_(is_odd, pc.is_in(pieces, value_set=ERROR_TEXTS))
    if not pc.any(pc.fill_null(is_odd, fill_value=True), min_count=0).as_py():
        return column
    made = [[UNTOUCHED] if one and any(map(_is_odd_piece, one)) else one for one in column.to_pylist()]
    return pa.chunked_array([pa.array(made, column.type)])


def _is_odd_piece(piece: object) -> bool:
    text = "" if piece is None else str(piece)
    if not text or text.strip() != text or text in ERRORS:
        return True
    return re.search(ODD_PIECE, text) is not None
