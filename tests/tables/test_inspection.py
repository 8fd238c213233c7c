from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from etl import tables
from etl.cli import main
from etl.cli.console import Console
from etl.cli.inspect import command
from etl.errors import SourceMissing
from etl.tables.inspection import inspect

SAMPLES = Path(__file__).parents[2] / "samples"


def said(*args: str) -> str:
    console = Console()
    console.out = io.StringIO()
    command.main(args=list(args), standalone_mode=False, obj=console)
    return console.out.getvalue()


def test_every_column_of_the_sample_has_its_kind_form_empties_and_distinct_values() -> None:
    found = inspect(tables.read(SAMPLES / "products.csv"))
    assert found.rows == 200
    assert [(one.letters, one.kind, one.form) for one in found.columns] == [
        ("A", "text", ""),
        ("B", "text", ""),
        ("C", "text", ""),
        ("D", "text", ""),
        ("E", "text", ""),
        ("F", "number", 'decimal ","'),
        ("G", "integer", ""),
        ("H", "text", "digits"),
        ("I", "boolean", ""),
        ("J", "text", ""),
        ("K", "date", "DD.MM.YYYY"),
        ("L", "text", ""),
    ]
    status = found.columns[9]
    assert (status.empties, status.distinct, status.examples) == (0, 4, ("ready", "prepared", "draft"))
    assert not found.hazards


def test_typed_columns_of_a_workbook_have_their_kinds(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.append(("i", "f", "d", "b", "p", "c", "mix", "none"))
    sheet.append((1, 1.5, dt.date(2026, 1, 1), True, 0.19, 5, "x", None))
    sheet.append((2, 2, dt.date(2026, 1, 2), False, 0.07, 6, 1.5, None))
    for row in (2, 3):
        sheet.cell(row, 5).number_format = "0%"
        sheet.cell(row, 6).number_format = '#,##0.00 "€"'
    workbook.save(tmp_path / "a.xlsx")
    found = inspect(tables.read(tmp_path / "a.xlsx"))
    kinds = [one.kind for one in found.columns]
    assert kinds == ["integer", "number", "date", "boolean", "percentage", "currency", "mixed", "empty"]


def test_more_than_ten_thousand_distinct_values_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,c\n" + "".join(f"x{at},y\n" for at in range(10_001)))
    found = inspect(tables.read(tmp_path / "a.csv"))
    assert [one.distinct for one in found.columns] == [None, 1]


def test_the_verb_says_what_a_person_needs(tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_text(
        "EAN;Größe\n4006381333931;1,5\n4006381333932;2\n1\n", encoding="cp1252"
    )
    assert said(str(tmp_path / "feed.csv")) == (
        'feed.csv (csv, cp1252, delimiter ";"): 2 rows, 2 columns\n'
        "1 row cannot be read\n"
        "    A  EAN    integer, 2 different: 4006381333931; 4006381333932\n"
        '    B  Größe  number decimal ",", 2 different: 1,5; 2\n'
        "\n"
        "3 things to look at:\n"
        "  the file is not UTF-8; it is read as cp1252. Set source.encoding if letters look wrong. "
        "[encoding_guessed]\n"
        '  column "EAN": 1 numbers like "4006381333932" have a wrong check digit (line 3). Correct them at '
        "their source. [wrong_check_digit]\n"
        "  row 4: cells in the row: 1, in the header: 2. Give it as many cells as the header "
        "has; quote cells that contain the delimiter. [ragged_row]\n"
    )


def test_the_verb_reads_standard_input() -> None:
    result = CliRunner().invoke(main, ["inspect", "-"], input="EAN;Price\n4006381333931;1,5\n")
    assert result.stdout.startswith('- (csv, utf-8, delimiter ";"): 1 row, 2 columns\n')


def test_the_verb_says_the_same_to_a_program() -> None:
    found = json.loads(said(str(SAMPLES / "products.xlsx"), "--sheet", "1", "--json"))
    assert (found["rows"], found["sheet"], found["format"], found["problems"]) == (200, "Artikel", "xlsx", [])
    assert found["columns"][6] == {
        "name": "Menge",
        "letters": "G",
        "type": "integer",
        "form": "",
        "empty": 7,
        "distinct": 9,
        "examples": ["40", "80", "3"],
    }


def test_escapes_of_terminals_in_a_file_are_not_carried_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("na\x1b[31mme,b\nx\x1b]0;t\x07,y\n")
    assert "\x1b" not in said(str(tmp_path / "a.csv"))


def test_a_missing_file_is_told_as_everywhere() -> None:
    with pytest.raises(SourceMissing, match="no such file"):
        said("nowhere.csv")
