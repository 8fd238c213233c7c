"""A plan as a workbook for people: a line for each field that would change, old and new in colour.

Nothing of the data becomes a formula, a link or a number: every cell is text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import xlsxwriter

from etl.report.neutral import neutral, shortened
from etl.report.plan_text import KINDS, cost, verdict
from etl.report.text import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from etl.report.foreseen import Foreseen, Line

COLUMNS = {"_accept": 9, "kind": 10, "row": 8, "entity": 14, "key": 22, "field": 20, "old": 40, "new": 40,
           "message": 50, "id": 26, "_line": 8}  # fmt: skip
"""Name -> width in characters. Names with `_` in front are ours: an import passes them over."""
OLD, NEW, MESSAGE = 6, 7, 8
CHANGES, ABOUT = "Changes", "Plan"
"""Names of the sheets that `apply` reads."""
MOST_ROWS = 1_048_575
"""Lines that a sheet takes below its header."""
LINE_POINTS, MOST_LINES = 15, 12
LONGEST = 32_000
"""Characters of a cell, a little below what a sheet takes."""
TOLD = frozenset({"upload", "create", "update", "delete", "blocked", "invalid"})
ACCEPTED = frozenset({"create", "update", "delete"})


def write_plan_workbook(foreseen: Foreseen, path: Path, *, lines: Iterable[Line]) -> None:
    """Write the workbook; a line in memory at a time. Records that stay as they are are left out."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(path, options) as book:
        bold = book.add_format({"bold": True})
        formats = {
            "plain": book.add_format({"valign": "top"}),
            "old": book.add_format({"bg_color": "#FBE3E0", "text_wrap": True, "valign": "top"}),
            "new": book.add_format({"bg_color": "#DFF3E3", "text_wrap": True, "valign": "top"}),
            "wrapped": book.add_format({"text_wrap": True, "valign": "top"}),
        }
        right = book.add_format({"bold": True, "align": "right"})
        _summary(book.add_worksheet("Summary"), foreseen, bold=bold, right=right)
        sheet = book.add_worksheet(CHANGES)
        for column, (name, width) in enumerate(COLUMNS.items()):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, name, bold)
        sheet.freeze_panes(1, 0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        row = 0
        for number, line in enumerate(lines, 1):
            if line.kind not in TOLD:
                continue
            if row == MOST_ROWS:
                break
            row += 1
            # Rows are written one by one, so nobody else makes them as high as their text.
            sheet.set_row(row, LINE_POINTS * _height(line))
            _line(sheet, row, line, number=number, formats=formats)
        last = max(row, 1)
        sheet.autofilter(0, 0, last, len(COLUMNS) - 1)
        sheet.data_validation(1, 0, last, 0, {"validate": "list", "source": ["yes", "no"]})
        sheet.ignore_errors({"number_stored_as_text": f"A1:K{last + 1}"})
        sheet.activate()
        _about(book.add_worksheet(ABOUT), foreseen)


def _height(line: Line) -> int:
    """How many lines the longer one of the values takes, as far as anybody wants to see them at once."""
    width = COLUMNS["new"] - 4
    texts = (line.old, line.new, line.message)
    return min(MOST_LINES, max(sum(1 + len(one) // width for one in text.split("\n")) for text in texts))


def _summary(
    sheet: xlsxwriter.worksheet.Worksheet, foreseen: Foreseen, *, bold: object, right: object
) -> None:
    summary = foreseen.summary
    kinds = [kind for kind in KINDS if foreseen.count(kind)]
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, len(KINDS), 12)
    told = [first_line(summary.instance, verb=summary.verb, version=summary.version), verdict(foreseen)]
    told += cost(foreseen)
    for row, text in enumerate(told):
        sheet.write_string(row, 0, text)
    top = len(told) + 1
    for column, name in enumerate(("records", *kinds)):
        sheet.write_string(top, column, name, right if column else bold)
    for entity, counts in foreseen.records.items():
        top += 1
        sheet.write_string(top, 0, neutral(entity))
        for column, kind in enumerate(kinds, 1):
            sheet.write_number(top, column, counts.get(kind, 0))
    top += 2
    if any(foreseen.fields.values()):
        sheet.write_string(top, 0, "fields that change", bold)
    for entity, counts in foreseen.fields.items():
        for name, count in counts.items():
            top += 1
            sheet.write_string(top, 0, neutral(f"{entity}.{name}"))
            sheet.write_number(top, 1, count)


def cells_of(line: Line, number: int) -> dict[str, str]:
    """Return what stands in the columns of a line.

    Args:
        number: of the line in the plan, 1-based.
    """
    new = f"+ {line.new}" if line.mode == "add" else line.new
    cells = [
        "yes" if line.kind in ACCEPTED else "",
        line.kind,
        str(line.row or ""),
        line.entity,
        line.key,
        line.field,
        line.old,
        new,
        line.message,
        line.record_id,
        str(number),
    ]
    texts = [neutral(shortened(text, LONGEST), keep="\n\t") for text in cells]
    return dict(zip(COLUMNS, texts, strict=True))


def _line(
    sheet: xlsxwriter.worksheet.Worksheet, row: int, line: Line, *, number: int, formats: dict[str, object]
) -> None:
    for column, text in enumerate(cells_of(line, number).values()):
        shade = {OLD: "old", NEW: "new"}.get(column, "plain") if line.field else "plain"
        shade = "wrapped" if column == MESSAGE else shade
        sheet.write_string(row, column, text, formats[shade])


def _about(sheet: xlsxwriter.worksheet.Worksheet, foreseen: Foreseen) -> None:
    """Say which plan this is: `apply` finds it by this sheet."""
    said = {"about": "plan", "file": foreseen.file, "run": foreseen.summary.run, "digest": foreseen.digest}
    sheet.set_column(0, 0, 10)
    sheet.set_column(1, 1, 80)
    for row, (name, text) in enumerate(said.items()):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, neutral(text))
    sheet.hide()
