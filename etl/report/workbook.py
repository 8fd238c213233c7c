"""The error workbook: the person's own sheet back, red where it is wrong, and a sheet of reasons.

Corrected, it is imported as it is. A small workbook is annotated in place: its formats, other sheets and
comments stay. A large one, one with formulas (their values would be lost) and any other source is written
anew, its cells at the same places.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import openpyxl
import pyarrow as pa
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.hyperlink import Hyperlink

from etl.problems import is_error, say
from etl.report.neutral import neutral
from etl.tables import table_of
from etl.tables.columns import letters
from etl.tables.marked import RED, Layer, MarkedWriter
from etl.tables.writing import completed
from etl.tables.xlsx import sheet_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from openpyxl import Workbook
    from openpyxl.cell.cell import Cell

    from etl.model import Problem
    from etl.tables import Table

ANNOTATED_CELLS = 200_000
"""openpyxl takes 0.5 KB and 25 µs for each."""
ANNOTATED_BYTES = 10 << 20
PROBLEMS = "Problems"
LINKS = 20
"""Cells of one reason that are linked; the others are counted."""
AUTHOR = "atro-etl"
HEADER = ("Count", "Column", "What is wrong", "Cells")


@dataclass(frozen=True, slots=True)
class Spot:
    """One cell of the sheet that is written."""

    row: int
    """1-based."""
    position: int
    """0-based, in the header."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Problems of one code in one column."""

    column: str
    sentence: str
    """Of the first of them."""
    count: int
    cells: tuple[Spot, ...]
    """The first of them."""


def write_error_workbook(table: Table, problems: Iterable[Problem], path: Path) -> Path | None:
    """Write the source with its wrong cells marked, and a sheet of reasons; return it, None without problems.

    Every problem of a row is told at its cell; one that is about no column of the source at the row's first.
    The source is read once more; large ones are streamed.

    Args:
        problems: errors and warnings of this table, in any order; those without a row are reasons only.

    Raises:
        SourceMissing, SourceUnreadable: the source has gone or changed since it was read.
        FormatTooSmall: more rows than a sheet takes.
    """
    listed = sorted(problems, key=lambda one: (one.row, one.column, one.code))
    if not listed:
        return None
    rows = _places(table, {one.row for one in listed}) if table.sheet is None else {}
    marks: dict[int, dict[int, list[str]]] = {}
    for one in listed:
        if one.row:
            spot = _spot(one, table, rows)
            marks.setdefault(spot.row, {}).setdefault(spot.position, []).append(neutral(say(one), keep="\n"))
    texts = {
        row: {at: "\n".join(dict.fromkeys(said)) for at, said in cells.items()}
        for row, cells in marks.items()
    }
    reasons = _reasons(listed, table, rows)
    with completed(path) as part:
        if _is_annotated(table):
            _annotate(table, texts, reasons, part)
        else:
            _write_anew(table, texts, reasons, part)
    return path


def _places(table: Table, wanted: Collection[int]) -> dict[int, int]:
    """Return where the wanted rows of a source without sheets come to stand: all rows follow the header."""
    places: dict[int, int] = {}
    at = 2
    for frame in table.frames():
        rows = sorted([*frame.numbers.to_pylist(), *(one.row for one in frame.unreadable)])
        for offset, row in enumerate(rows):
            if row in wanted:
                places[row] = at + offset
        at += len(rows)
    return places


def _spot(problem: Problem, table: Table, rows: Mapping[int, int]) -> Spot:
    position = table.header.index(problem.column) if problem.column in table.header else 0
    return Spot(rows.get(problem.row, problem.row), position)


def _reasons(problems: Sequence[Problem], table: Table, rows: Mapping[int, int]) -> list[Reason]:
    grouped: dict[tuple[str, str], list[Problem]] = {}
    for one in problems:
        grouped.setdefault((one.code, one.column), []).append(one)
    found = [
        Reason(
            neutral(column),
            neutral(say(group[0])),
            len(group),
            tuple(_spot(one, table, rows) for one in group[:LINKS] if one.row),
        )
        for (_, column), group in grouped.items()
    ]
    errors = {(one.code, one.column) for one in problems if is_error(one)}
    order = dict(zip(map(id, found), grouped, strict=True))
    return sorted(found, key=lambda one: (order[id(one)] not in errors, -one.count))


def _is_annotated(table: Table) -> bool:
    path, facts = table.path, table.sheet_facts
    if path is None or facts is None or path.suffix.lower() != ".xlsx" or facts().has_formulas:
        return False
    cells = (table.rows_total or 0) * len(table.header)
    return cells <= ANNOTATED_CELLS and path.stat().st_size <= ANNOTATED_BYTES


def _annotate(
    table: Table, marks: Mapping[int, Mapping[int, str]], reasons: Sequence[Reason], part: Path
) -> None:
    with warnings.catch_warnings():
        # openpyxl says so of every extension that it cannot keep; the person's own file stays untouched.
        warnings.simplefilter("ignore", UserWarning)
        book = openpyxl.load_workbook(table.path or part)
    red = PatternFill("solid", fgColor=RED.removeprefix("#"))
    sheet = book[table.sheet or ""]
    for row, cells in marks.items():
        for position, text in cells.items():
            cell = sheet.cell(row, table.first_column + position + 1)
            cell.fill = red
            said = f"{cell.comment.text}\n{text}" if cell.comment is not None else text
            cell.comment = Comment(said, AUTHOR, width=400, height=120)
    _list_reasons(book, table, reasons)
    book.save(part)


def _list_reasons(book: Workbook, table: Table, reasons: Sequence[Reason]) -> None:
    page = book.create_sheet(_free_title(book.sheetnames))
    page.append(HEADER)
    for cell in page[1]:
        cell.font = Font(bold=True)
    for at, one in enumerate(reasons, start=2):
        page.cell(at, 1, one.count)
        for column, text in ((2, one.column), (3, one.sentence)):
            _put_text(page.cell(at, column), text)
        for column, spot in enumerate(one.cells, start=4):
            cell = page.cell(at, column)
            _put_text(cell, _name(spot, table))
            cell.hyperlink = Hyperlink(ref=cell.coordinate, location=_link(spot, table, table.sheet or ""))
            cell.style = "Hyperlink"
    for letter, width in (("A", 8), ("B", 20), ("C", 90)):
        page.column_dimensions[letter].width = width
    page.freeze_panes = "A2"


def _put_text(cell: Cell, text: str) -> None:
    cell.value = text
    cell.data_type = "s"  # a text that begins with "=" is no formula


def _write_anew(
    table: Table, marks: Mapping[int, Mapping[int, str]], reasons: Sequence[Reason], part: Path
) -> None:
    has_places = table.sheet is not None
    title = table.sheet if table.sheet is not None else table.name.rpartition(".")[0] or table.name
    layer = Layer(max(table.header_row, 1), table.first_column, marks) if has_places else Layer(marks=marks)
    writer = MarkedWriter(part, name=part.name, header=table.header, sheet=title, layer=layer)
    for frame in table.frames():
        numbers: list[int] = frame.numbers.to_pylist()
        data = table_of(frame)
        done = 0
        for broken in frame.unreadable:
            until = sum(number < broken.row for number in numbers)
            writer.write(data.slice(done, until - done), numbers=numbers[done:until] if has_places else None)
            cells = [*broken.cells, *([""] * len(table.header))][: len(table.header)]
            line = pa.table([pa.array([cell], pa.string()) for cell in cells], names=list(table.header))
            writer.write(line, numbers=[broken.row] if has_places else None)
            done = until
        writer.write(data.slice(done), numbers=numbers[done:] if has_places else None)
    page = writer.book.add_worksheet(_free_title([sheet_name(title)]))
    bold, link = writer.book.add_format({"bold": True}), writer.book.get_default_url_format()
    for at, text in enumerate(HEADER):
        page.write_string(0, at, text, bold)
    for at, one in enumerate(reasons, start=1):
        page.write_number(at, 0, one.count)
        page.write_string(at, 1, one.column)
        page.write_string(at, 2, one.sentence)
        for column, spot in enumerate(one.cells, start=3):
            page.write_url(
                at, column, f"internal:{_link(spot, table, sheet_name(title))}", link, _name(spot, table)
            )
    page.set_column(0, 0, 8)
    page.set_column(1, 1, 20)
    page.set_column(2, 2, 90)
    page.freeze_panes(1, 0)
    writer.close()


def _name(spot: Spot, table: Table) -> str:
    return f"{letters(table.first_column + spot.position)}{spot.row}"


def _link(spot: Spot, table: Table, sheet: str) -> str:
    quoted = sheet.replace("'", "''")
    return f"'{quoted}'!{_name(spot, table)}"


def _free_title(taken: Sequence[str]) -> str:
    lowered = {one.lower() for one in taken}
    number, title = 2, PROBLEMS
    while title.lower() in lowered:
        title, number = f"{PROBLEMS} {number}", number + 1
    return title
