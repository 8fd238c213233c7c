from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import openpyxl
import pytest

from etl import tables
from etl.model import Problem
from etl.report import workbook
from etl.report.workbook import write_error_workbook

if TYPE_CHECKING:
    from pathlib import Path

HEADER = ("SKU", "Preis", "Datum")


def not_a_number(row: int, value: str = "auf Anfrage", sheet: str | None = "Q3") -> Problem:
    return Problem("value_unmapped", "book.xlsx", sheet, row, "Preis", field="price", value=value)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Q3"
    sheet.append((None,))
    sheet.append((None, *HEADER))
    sheet.append((None, "=a", "auf Anfrage", dt.date(2026, 1, 1)))
    sheet.append((None, "b", 2.5, dt.date(2026, 1, 2)))
    sheet.append((None, "c", "x", None))
    sheet.append((None,))
    sheet.append((None, "d", "y", None))
    sheet["B3"].data_type = "s"
    sheet["C4"].number_format = '0.00 "€"'
    made.create_sheet("Notes").append(("keep me",))
    made.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def cells_of(path: Path) -> list[tuple[int, tuple[object, ...]]]:
    table = tables.read(path, tables.ReadOptions(sheet=1))
    found: list[tuple[int, tuple[object, ...]]] = []
    for frame in table.frames():
        rows = zip(*(frame.column(name).to_pylist() for name in table.header), strict=True)
        found += zip(frame.numbers.to_pylist(), rows, strict=True)
    return found


@pytest.mark.parametrize("limit", [workbook.ANNOTATED_CELLS, 0])
def test_wrong_cells_are_red_with_every_reason_and_the_sheet_imports_as_it_is(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(workbook, "ANNOTATED_CELLS", limit)
    table = tables.read(book)
    problems = [
        not_a_number(3),
        not_a_number(5, "x"),
        not_a_number(7, "y"),
        Problem(
            "too_long",
            "book.xlsx",
            "Q3",
            3,
            "Preis",
            "price",
            "auf Anfrage",
            {"length": "11", "maximum": "9"},
        ),
        Problem("key_empty", "book.xlsx", "Q3", 5, field="number"),
    ]
    path = write_error_workbook(table, problems, tmp_path / "errors.xlsx")
    assert path is not None
    assert cells_of(path) == cells_of(book)
    sheet = openpyxl.load_workbook(path)["Q3"]
    wrong = sheet["C3"]
    assert wrong.fill.fgColor.rgb.endswith("FFC7CE")
    assert wrong.comment.text == (
        "the text has 11 characters, price takes 9. Shorten it.\n"
        '"auf Anfrage" has no entry in values of price. Add it there, or set else.'
    )
    assert sheet["B5"].comment.text.startswith("the key is empty")
    assert sheet["C7"].comment.text.startswith('"y" has no entry')
    assert sheet["C4"].comment is None
    assert not sheet["C4"].fill.fgColor.rgb.endswith("FFC7CE")
    assert sheet["B3"].data_type == "s"


@pytest.mark.parametrize("limit", [workbook.ANNOTATED_CELLS, 0])
def test_reasons_are_grouped_counted_and_linked_to_their_cells(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(workbook, "ANNOTATED_CELLS", limit)
    problems = [
        not_a_number(5, "=x"),
        not_a_number(3),
        Problem("key_empty", "book.xlsx", "Q3", 4, field="number"),
    ]
    path = write_error_workbook(tables.read(book), problems, tmp_path / "errors.xlsx")
    page = openpyxl.load_workbook(path)["Problems"]
    rows = list(page.iter_rows(values_only=True))
    assert rows[1][:2] == (2, "Preis")
    assert rows[1][3:5] == ("C3", "C5")
    assert rows[2][:1] + rows[2][3:4] == (1, "B4")
    assert page["D2"].hyperlink.location == "'Q3'!C3"


def test_a_small_workbook_keeps_its_formats_and_other_sheets(book: Path, tmp_path: Path) -> None:
    path = write_error_workbook(tables.read(book), [not_a_number(3)], tmp_path / "errors.xlsx")
    made = openpyxl.load_workbook(path)
    assert made.sheetnames == ["Q3", "Notes", "Problems"]
    assert made["Q3"]["C4"].number_format == '0.00 "€"'


def test_a_workbook_with_formulas_is_written_anew_with_their_values(tmp_path: Path) -> None:
    import xlsxwriter  # noqa: PLC0415  only here

    source = xlsxwriter.Workbook(str(tmp_path / "f.xlsx"))
    sheet = source.add_worksheet("S")
    sheet.write_row(0, 0, ("a", "b"))
    sheet.write_formula(1, 0, "=1+1", None, 2)
    sheet.write_string(1, 1, "x")
    source.close()
    problem = Problem("key_empty", "f.xlsx", "S", 2, "b", "number")
    path = write_error_workbook(tables.read(tmp_path / "f.xlsx"), [problem], tmp_path / "errors.xlsx")
    assert path is not None
    assert cells_of(path) == [(2, (2, "x"))]


def test_a_csv_becomes_a_workbook_of_the_same_texts_with_its_broken_lines(tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_text('SKU;Preis;Datum\n00123;"a\nb";x\n1;2\n00124;y;z\n', encoding="utf-8")
    table = tables.read(tmp_path / "feed.csv")
    (broken,) = [one for frame in table.frames() for one in frame.unreadable]
    problems = [broken.problem, Problem("value_unmapped", "feed.csv", None, 5, "Preis", "price", "y")]
    path = write_error_workbook(table, problems, tmp_path / "errors.xlsx")
    assert path is not None
    assert cells_of(path) == [(2, ("00123", "a\nb", "x")), (3, ("1", "2", None)), (4, ("00124", "y", "z"))]
    made = openpyxl.load_workbook(path)
    assert made["feed"]["A3"].comment.text.startswith("cells in the row: 2, in the header: 3")
    assert made["feed"]["B4"].comment.text.startswith('"y" has no entry')
    assert made["Problems"]["D3"].hyperlink.location in ("'feed'!B4", "'feed'!A3")


def test_typed_cells_keep_their_types_when_a_sheet_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "ANNOTATED_CELLS", 0)
    made = openpyxl.Workbook()
    moment = dt.datetime(2026, 1, 2, 8, 30)  # noqa: DTZ001  a sheet knows no zone
    made.active.append(("flag", "day", "moment", "time", "whole", "half", "empty", "long"))
    made.active.append((True, dt.date(2026, 1, 2), moment, dt.time(8, 30), 7, 1.5, None, "x" * 300))
    made.save(tmp_path / "t.xlsx")
    table = tables.read(tmp_path / "t.xlsx")
    problems = [Problem("key_empty", "t.xlsx", "Sheet", 2, column, "number") for column in table.header]
    path = write_error_workbook(table, problems, tmp_path / "errors.xlsx")
    assert path is not None
    assert cells_of(path) == cells_of(tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(path)["Sheet"]
    assert all(cell.comment is not None for cell in sheet[2])


def test_nothing_is_written_without_a_problem(book: Path, tmp_path: Path) -> None:
    assert write_error_workbook(tables.read(book), [], tmp_path / "errors.xlsx") is None
    assert not (tmp_path / "errors.xlsx").exists()
