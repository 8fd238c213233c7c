"""The workbook for people: typed cells, choices, what may be edited, and all that an import needs to know."""

from __future__ import annotations

import re
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import FormatTooSmall
from etl.exporting.describing import UNTOUCHED
from etl.exporting.outputs import flat
from etl.exporting.surroundings import DATA, ROW_HEIGHT, surroundings
from etl.model import Problem
from etl.tables.probes import ERROR_TEXTS
from etl.tables.sheetxml import BLOCK_ROWS, row_lines
from etl.tables.writing import completed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

    from etl.exporting.surroundings import Book
    from etl.tables.sheetxml import CellStyles

MOST_ROWS = 1_048_576
LONGEST_TEXT = 32_767
WIDTH_ROWS = 100
"""Rows by which the widths of columns are found."""
DEFLATED = 4
ERRORS = frozenset(ERROR_TEXTS.to_pylist())
# A carriage return alone, control characters, and what looks like an escape of a sheet's XML.
ODD = r"\r([^\n]|$)|[\x00-\x08\x0b\x0c\x0e-\x1f]|_x[0-9A-Fa-f]{4}_"
ODD_PIECE = r"[\x00-\x1f]|_x[0-9A-Fa-f]{4}_"


class PeopleWriter:
    """Writes rows as a workbook that people edit and send back, in constant memory.

    A text stays a text whatever it looks like: no formula, number or link is made out of it. What a sheet
    cannot hold as it is (more than 32,767 letters, blank texts, control characters) becomes `UNTOUCHED`,
    which an import leaves alone.
    """

    def __init__(self, path: Path, book: Book, *, name: str) -> None:
        self.problems: list[Problem] = []
        self._name, self._book = name, book
        self._package = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=DEFLATED)
        self._widths = [len(text) for text in book.header]
        self._rows = 0
        self._sheet: IO[bytes] | None = None
        self._styles: tuple[CellStyles, ...] = ()

    def write(self, rows: pa.Table) -> None:
        """Add rows.

        Raises:
            FormatTooSmall: more than a sheet has.
        """
        if self._rows + len(rows) >= MOST_ROWS:
            raise FormatTooSmall(self._name, rows=self._rows + len(rows), most=MOST_ROWS - 1)
        rows = self._short(flat(unheld(rows), f"{self._book.description.separator} "))
        if not self._rows:
            for at, column in enumerate(rows.columns):
                cells = column.slice(0, WIDTH_ROWS).to_pylist()
                longest = max((len(str(cell)) for cell in cells if cell is not None), default=0)
                self._widths[at] = max(self._widths[at], longest)
        sheet = self._opened()
        for at in range(0, len(rows), BLOCK_ROWS):
            block = rows.slice(at, BLOCK_ROWS)
            # The first row is the header.
            sheet.write(row_lines(block, first_row=self._rows + 2, styles=self._styles, height=ROW_HEIGHT))
            self._rows += len(block)

    def close(self) -> None:
        """Write all that stands around the rows, and the workbook."""
        sheet = self._opened()
        around = surroundings(self._book, widths=self._widths, rows=self._rows)
        sheet.write(around.tail.encode())
        sheet.close()
        for name, content in around.parts.items():
            self._package.writestr(name, content)
        self._package.close()

    def _opened(self) -> IO[bytes]:
        """Return the part with the rows, begun."""
        if self._sheet is None:
            around = surroundings(self._book, widths=self._widths, rows=0)
            self._styles = around.styles
            self._sheet = self._package.open(DATA, "w", force_zip64=True)
            self._sheet.write(around.head.encode())
        return self._sheet

    def _short(self, rows: pa.Table) -> pa.Table:
        """Return rows without texts that are longer than a cell takes; they are told."""
        for at, name in enumerate(rows.column_names):
            column = rows.column(at)
            if not pa.types.is_string(column.type):
                continue
            lengths = pc.fill_null(pc.utf8_length(column), 0).to_numpy()
            # A letter beyond the first 65,536 of Unicode counts twice.
            suspects = np.flatnonzero(lengths * 2 > LONGEST_TEXT).tolist()
            found = {row: str(column[row]) for row in suspects}
            long = {
                row: text for row, text in found.items() if len(text.encode("utf-16-le")) // 2 > LONGEST_TEXT
            }
            self.problems += [self._too_long(text, row=row, at=at) for row, text in long.items()]
            if long:
                is_long = np.zeros(len(column), bool)
                is_long[list(long)] = True
                rows = rows.set_column(at, name, pc.if_else(pa.array(is_long), UNTOUCHED, column))
        return rows

    def _too_long(self, text: str, *, row: int, at: int) -> Problem:
        return Problem(
            "cell_not_held",
            self._name,
            self._book.description.sheet,
            row=self._rows + row + 2,
            column=self._book.header[at],
            value=text[:200],
            facts={"length": str(len(text)), "maximum": f"{LONGEST_TEXT:,}"},
        )


@contextmanager
def opened_for_people(path: Path, book: Book) -> Iterator[PeopleWriter]:
    """Open a workbook for people; it appears under its name when the body ends well."""
    with completed(path) as part:
        writer = PeopleWriter(part, book, name=path.name)
        try:
            yield writer
        finally:
            writer.close()


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
