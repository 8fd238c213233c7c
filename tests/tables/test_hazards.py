from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import openpyxl
import pyarrow as pa
import pytest

from etl import tables
from etl.errors import SourceDamaged
from etl.problems import CATALOGUE, say, where
from etl.tables import hazards
from etl.tables.hazards import Switch
from etl.tables.probes import Probe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet

ALL = dict.fromkeys(hazards.SWITCHES, Switch.WARN)


def found_in(path: Path) -> dict[tuple[str, str], hazards.Hazard]:
    table = tables.read(path, tables.ReadOptions(header_row=1))
    return {(one.code, one.column): one for one in hazards.scan(table, switches=ALL)}


def feed(folder: Path, *lines: str) -> Path:
    (folder / "feed.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "feed.csv"


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    def make(*rows: tuple[object, ...], change: Callable[[Worksheet], None] | None = None) -> Path:
        workbook = openpyxl.Workbook()
        sheet = workbook.active
        sheet.title = "Q3"
        for row in rows:
            sheet.append(row)
        if change is not None:
            change(sheet)
        workbook.save(tmp_path / "book.xlsx")
        return tmp_path / "book.xlsx"

    return make


def test_numbers_that_lost_their_zeros_are_found_in_workbooks(book: Callable[..., Path]) -> None:
    path = book(("EAN",), *((4006381333931 + at,) for at in range(8)), (41200000131,), (87000000028,))
    one = found_in(path)["lost_zeros", "EAN"]
    assert (one.count, one.cells("Q3"), one.facts) == (2, ("Q3!A10", "Q3!A11"), {"digits": "13"})


def test_numbers_that_lost_their_zeros_are_found_in_csv(tmp_path: Path) -> None:
    path = feed(tmp_path, "PLZ;Ort", *(f"8033{at};München" for at in range(9)), "1067;Dresden")
    one = found_in(path)["lost_zeros", "PLZ"]
    assert (one.count, one.cells(None)) == (1, ("line 11",))


def test_quantities_of_different_lengths_lost_nothing(tmp_path: Path) -> None:
    path = feed(tmp_path, "Menge;Name", *(f"{10 + at};a" for at in range(30)), "5;b")
    assert not found_in(path)


def test_identifiers_in_scientific_notation_are_found(tmp_path: Path, book: Callable[..., Path]) -> None:
    one = found_in(feed(tmp_path, "EAN;Name", "4,00638E+12;a", "4.2E+12;b", "1E5;c"))[
        "scientific_number", "EAN"
    ]
    assert (one.count, [example.value for example in one.examples]) == (2, ["4,00638E+12", "4.2E+12"])
    assert ("scientific_number", "id") in found_in(book(("id",), (1.2345678901234e18,)))


def test_dates_stored_as_numbers_are_found(book: Callable[..., Path]) -> None:
    path = book(("Verfügbar ab", "Menge"), (45658, 45658), (45659, 2))
    assert [key for key in found_in(path) if key[0] == "date_as_number"] == [
        ("date_as_number", "Verfügbar ab")
    ]


def test_error_cells_are_found_in_workbooks_and_csv(tmp_path: Path, book: Callable[..., Path]) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["B3"] = "#DIV/0!"
        sheet["B3"].data_type = "e"

    assert found_in(book(("a", "b"), (1, 2), (3, None), change=change))["error_cell", "b"].cells("Q3") == (
        "Q3!B3",
    )
    assert found_in(feed(tmp_path, "a;b", "#NV;x", "#1;y"))["error_cell", "a"].count == 1


def test_an_error_cell_is_an_error_of_its_row(tmp_path: Path) -> None:
    table = tables.read(feed(tmp_path, "a;b", "x;#N/A", "#WERT!;y", "z;#1"))
    (frame,) = table.frames()
    problems = hazards.broken_cells(frame, ["a", "b"])
    assert [(one.row, one.column, one.value, one.code) for one in problems] == [
        (2, "b", "#N/A", "error_value"),
        (3, "a", "#WERT!", "error_value"),
    ]
    assert hazards.broken_cells(frame, ["a"]) == problems[1:]


def test_formulas_without_their_value_are_found(book: Callable[..., Path]) -> None:
    one = found_in(book(("a", "b"), (1, "=A2*2"), (2, "=A3*2")))["uncached_formula", "b"]
    assert (one.count, one.cells("Q3"), one.examples[0].value) == (2, ("Q3!B2", "Q3!B3"), "=A2*2")


def test_numbers_with_zeros_by_their_format_are_found(book: Callable[..., Path]) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["A2"].number_format = "00000"

    assert (
        found_in(book(("plz",), (1067,), change=change))["zeros_by_format", "plz"].examples[0].value
        == "01067"
    )


def test_mixed_decimal_marks_are_found(tmp_path: Path) -> None:
    path = feed(tmp_path, "Preis;Maß", "1,50;1,5", "12,95;2,5", "1.234,00;3", "7.25;4,5")
    found = found_in(path)
    one = found["mixed_decimals", "Preis"]
    assert (one.count, one.cells(None), one.facts["usual"]) == (1, ("line 5",), "1,50")
    assert ("mixed_decimals", "Maß") not in found


@pytest.mark.parametrize("character", ["\u00a0", "\u200b", "\u00ad", "\ufeff", "\u2028", "\x07", "\u202e"])
def test_invisible_characters_are_found(tmp_path: Path, character: str) -> None:
    one = found_in(feed(tmp_path, "a;b", "x;y", f"x{character};y"))["invisible_characters", "a"]
    assert (one.count, one.cells(None)) == (1, ("line 3",))


def test_line_breaks_tabs_umlauts_and_dashes_are_no_invisible_characters(tmp_path: Path) -> None:
    assert not found_in(feed(tmp_path, "a;b", '"x\ny\tz";größer – „gut“, 5 €, ½″, 20 °C, façade'))  # noqa: RUF001  dashes are the point


@pytest.mark.parametrize(
    "text", ["GrÃ¶ÃŸe", "KÃ¤se", "5 \u00e2\u201a\u00ac", "â€žgutâ€œ", "20 Â°C", "Gr\ufffd\ufffde", "Ã„rmel"]
)
def test_mojibake_is_found(tmp_path: Path, text: str) -> None:
    assert found_in(feed(tmp_path, "a;b", "x;y", f"{text};y"))["mojibake", "a"].count == 1


def test_keys_that_differ_only_by_case_or_spaces_are_found(tmp_path: Path) -> None:
    path = feed(tmp_path, "SKU;Name", "AB-1;a", "ab-1;a", "AB-2;b", " AB-2;b", "AB-3;c", "AB-3;c")
    one = found_in(path)["near_duplicate_key", "SKU"]
    assert (one.count, one.cells(None), one.facts["other"]) == (2, ("line 3", "line 5"), "2")
    assert ("near_duplicate_key", "Name") not in found_in(path)


def test_wrong_check_digits_are_found(tmp_path: Path) -> None:
    path = feed(tmp_path, "EAN;x", "4006381333931;a", "4006381333932;b", "96385074;c", "036000291452;d", ";e")
    one = found_in(path)["wrong_check_digit", "EAN"]
    assert (one.count, one.examples[0].value) == (1, "4006381333932")


def test_hidden_filtered_and_merged_cells_are_found(book: Callable[..., Path]) -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.row_dimensions[3].hidden = True
        sheet.column_dimensions["B"].hidden = True
        sheet.merge_cells("A4:A5")

    rows = (("a", "b"), (1, 1), (2, 2), (3, 3), (None, 4))
    found = found_in(book(*rows, change=hide))
    assert set(found) == {("hidden_rows", ""), ("hidden_columns", "b"), ("merged_cells", "")}
    assert found["hidden_rows", ""].cells("Q3") == ("Q3!3",)
    assert found["merged_cells", ""].cells("Q3") == ("Q3!A4:A5",)

    def filtered(sheet: Worksheet) -> None:
        hide(sheet)
        sheet.auto_filter.ref = "A1:B5"
        sheet.auto_filter.add_filter_column(0, ["1"])

    assert ("filtered_rows", "") in found_in(book(*rows, change=filtered))


def test_a_row_of_totals_and_empty_rows_below_are_found(book: Callable[..., Path]) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["A9"] = " "
        sheet["A9"].value = None
        sheet["B9"] = ""

    found = found_in(book(("Artikel", "Menge"), ("Hammer", 3), ("Summe", 3), change=change))
    assert found["totals_row", ""].examples[0].value == "Summe"
    assert ("totals_row", "") not in found_in(book(("Artikel", "Menge"), ("Hammer", 3), ("Summer-Hut", 3)))


def test_ignored_hazards_are_not_told_and_failing_ones_can_stop_a_run(tmp_path: Path) -> None:
    table = tables.read(feed(tmp_path, "a;b", "#N/A;x"))
    assert not hazards.scan(table, switches={"error_cell": Switch.IGNORE})
    switches = {"error_cell": Switch.FAIL}
    found = hazards.scan(table, switches=switches)
    with pytest.raises(SourceDamaged) as caught:
        hazards.refuse_failing(found, table, switches)
    assert caught.value.exit_code == 6
    assert str(caught.value) == (
        'feed.csv: column "a": 1 cells show an error like "#N/A" (line 2). Correct the formulas, or empty '
        "the cells. [error_cell]"
    )
    hazards.refuse_failing(found, table, {})


def test_only_the_columns_asked_for_are_looked_at(tmp_path: Path) -> None:
    table = tables.read(feed(tmp_path, "a;b;_run", "#N/A;#N/A;#N/A"))
    assert [one.column for one in hazards.scan(table, columns=["b", "_run"])] == ["b"]


def test_every_hazard_has_its_sentence_and_every_sentence_its_facts(tmp_path: Path) -> None:
    assert set(hazards.SWITCHES) <= set(CATALOGUE)
    table = tables.read(feed(tmp_path, "EAN;b", "4006381333931;x", "4006381333932;y"))
    (problem,) = hazards.to_problems(hazards.scan(table), table)
    assert where(problem) == 'feed.csv, row 3, column "EAN"'
    assert say(problem) == (
        '1 numbers like "4006381333932" have a wrong check digit (line 3). Correct them at their source.'
    )


def test_an_ordinary_workbook_has_no_hazard(book: Callable[..., Path]) -> None:
    rows = [(f"A-{at}", 4.5 + at, dt.date(2026, 1, 1 + at), "Größe „M“") for at in range(20)]
    assert not found_in(book(("SKU", "Preis", "Datum", "Text"), *rows))


def test_a_number_below_zero_has_no_right_check_digit() -> None:
    probe = Probe("EAN")
    probe.add(pa.array([-1000000, -9999991, 96385074]), pa.array([2, 3, 4]))
    assert dict(probe.found())["wrong_check_digit"].count == 2
