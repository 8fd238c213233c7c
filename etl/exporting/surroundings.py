"""What stands around the rows of a workbook for people: header, choices, "Read me", the hidden sheet."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from io import BytesIO
from itertools import zip_longest
from typing import TYPE_CHECKING

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from etl.exporting.describing import HIDDEN_SHEET, ID, UNTOUCHED, lines
from etl.tables.sheetxml import CellStyles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.exporting.describing import DescribedColumn, SelfDescription

SHORT_LIST = 250
"""Characters of choices that fit into a validation (Excel: 255); more of them stand on a sheet."""
MOST_CHOICES = 5000
WIDEST, NARROWEST = 60, 8
GREY, PALE = "#808080", "#F2F2F2"
LISTS = "Lists"
A4 = 9
# A number ends a little before the text of the next column begins.
APART = {"align": "right", "indent": 1}
SHOWN: Mapping[str, Mapping[str, object]] = {
    # Rows are one line high: of a longer text the first line is seen, and not the rest upon the next row.
    "plain": {"text_wrap": True},
    "number": APART,
    # LibreOffice shows booleans without a format as 1 and 0.
    "truth": {"num_format": '"TRUE";"TRUE";"FALSE"'},
    "date": {"num_format": "yyyy-mm-dd", **APART},
    "moment": {"num_format": "yyyy-mm-dd hh:mm:ss", **APART},
}
"""Kind of a cell, as `CellStyles` names it -> how it is shown."""
ROW_HEIGHT = 15
"""In points: one line."""
DATA = "xl/worksheets/sheet2.xml"
"""The part that holds the rows: the second sheet."""
SAMPLE = re.compile(r'<row r="2"[^>]*>.*?</row>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Book:
    """What stands in a workbook besides its rows."""

    description: SelfDescription
    columns: tuple[DescribedColumn, ...]
    header: tuple[str, ...]
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Header -> what may be chosen there."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A workbook without its rows."""

    head: str
    """Of the sheet with the rows: the XML before them."""
    tail: str
    parts: Mapping[str, bytes]
    """All other parts of the file."""
    styles: tuple[CellStyles, ...]
    """Of the cells of each column."""


def surroundings(book: Book, *, widths: Sequence[int], rows: int) -> Surroundings:
    """Return what stands around `rows` rows.

    XlsxWriter makes the whole workbook with one row of samples, whose place the rows take. Whatever `rows`
    is, the head and the styles are the same.
    """
    stream = BytesIO()
    made = _Maker(stream, book, rows=rows)
    made.write(widths)
    with zipfile.ZipFile(stream) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    sheet = parts.pop(DATA).decode()
    sample = SAMPLE.search(sheet)
    if sample is None:
        raise RuntimeError("the sheet has no row of samples")
    # The size of the sheet is not known when its head is written, and nobody needs it.
    head = re.sub(r"<dimension [^>]*/>", "", sheet[: sample.start()])
    found = [int(one) for one in re.findall(r'<c r="[A-Z]+2" s="(\d+)"', sample[0])]
    free, locked = found[: len(SHOWN)], found[len(SHOWN) :]
    styles = {
        False: CellStyles(**dict(zip(SHOWN, free, strict=True))),
        True: CellStyles(**dict(zip(SHOWN, locked, strict=True))),
    }
    told = tuple(styles[is_locked(one)] for one in book.columns)
    return Surroundings(head, sheet[sample.end() :], parts, told)


class _Maker:
    """Writes the workbook around the rows."""

    def __init__(self, stream: BytesIO, book: Book, *, rows: int) -> None:
        # In constant memory texts stand in their cells, so the sheet is whole without the other parts.
        self._book = xlsxwriter.Workbook(stream, {"constant_memory": True})
        self._content, self._rows = book, rows
        self._read_me = self._book.add_worksheet("Read me")
        self._page = self._book.add_worksheet(book.description.sheet)
        # At the top, so that the first line of a longer text is seen.
        self._formats = [
            self._book.add_format(
                {"valign": "top"} | dict(shown) | ({"font_color": GREY, "bg_color": PALE} if locked else {})
            )
            for locked in (False, True)
            for shown in SHOWN.values()
        ]
        self._locked = self._formats[len(SHOWN)]

    def write(self, widths: Sequence[int]) -> None:
        """Write everything.

        Args:
            widths: letters in the longest cell of each column.
        """
        content, page = self._content, self._page
        last = max(self._rows, 1)
        bold = self._book.add_format({"bold": True, "bottom": 1})
        locked = self._book.add_format({"italic": True, "font_color": GREY, "bg_color": PALE, "bottom": 1})
        for at, (text, column) in enumerate(zip(content.header, content.columns, strict=True)):
            page.write_string(0, at, text, locked if is_locked(column) else bold)
        for at, style in enumerate(self._formats):
            page.write_blank(1, at, None, style)
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, last, len(content.header) - 1)
        for at, width in enumerate(widths):
            page.set_column(at, at, min(max(width + 2, NARROWEST), WIDEST))
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
        for each in (self._read_me, page):
            each.set_landscape()
            each.set_paper(A4)
            each.fit_to_pages(1, 0)
        page.repeat_rows(0)
        page.activate()
        self._book.close()

    def _write_choices(self, last: int) -> None:
        long_lists: list[tuple[str, Sequence[str]]] = []
        for at, header in enumerate(self._content.header):
            choices = self._content.choices.get(header, ())[:MOST_CHOICES]
            column = self._content.columns[at]
            if not choices or column.is_list or is_locked(column):
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
        self._read_me.set_column(0, 0, 28)
        self._read_me.set_column(1, 1, 90)
        mark = about.separator
        told = {
            "Read": f"{about.started}. What was changed in AtroCore later is not in here.",
            "Records": f"{self._rows:,}, on the sheet {about.sheet}",
            "Edit": "cells of the columns below that may be edited, and save the file.",
            "Arrange": "Rows may be sorted, filtered and deleted, columns moved, renamed and deleted.",
            "A missing row or column": "changes nothing; a new row becomes a record only with --create.",
            "Empty a cell": "to clear the field.",
            "Times": "are in UTC.",
            UNTOUCHED: "stands where a cell cannot hold the value; an import leaves it as it is.",
            "Several values": f'in a cell are parted by "{mark}"; within a value write \\{mark}',
            "Keep": f"the column {ID}: it says which record a row is. Grey columns are for reading only.",
            "Send back": "atro-etl import THIS-FILE.xlsx",
        }
        rows: list[tuple[str, str, object]] = [(f"{about.entity} from {about.url}", "", bold)]
        rows += [(name, text, wrapped) for name, text in told.items()]
        rows += [("", "", wrapped), ("Column", "", bold)]
        for header, column in zip(self._content.header, self._content.columns, strict=True):
            rows.append((header, _about(column), self._locked if is_locked(column) else wrapped))
        for row, (name, text, style) in enumerate(rows):
            self._read_me.write_string(row, 0, name, style)
            if text:
                self._read_me.write_string(row, 1, text, style)


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


def is_locked(column: DescribedColumn) -> bool:
    """Tell whether a column is for reading only."""
    return column.role in ("id", "modified", "read_only")


def _absolute(row: int, column: int) -> str:
    return str(xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True))
