"""What a spreadsheet broke is told and kept off the server; a workbook comes back with its cells marked."""

from __future__ import annotations

import openpyxl
import pytest

import etl

MAPPING = "entity: Product\nkey: number\nfields:\n  number: No\n  name: Name\n  price: Price\n"
LINES = ("No,Name,Price", "1,#N/A,x", "2,good,5", "3,fine,#REF!")


async def test_rows_with_error_cells_are_not_sent_and_told_whatever_else_is_wrong(carry, records):
    summary = await carry(MAPPING, *LINES)
    assert (summary.rows.created, summary.rows.invalid) == (1, 2)
    told = [(one.row, one.column, one.code) for one in summary.problems if one.code != "error_cell"]
    assert told == [(2, "Name", "error_value"), (2, "Price", "not_a_number"), (4, "Price", "error_value")]
    assert [one["number"] for one in await records("Product", "number")] == ["2"]


async def test_a_hazard_stops_the_run_where_the_mapping_says_so(carry, records):
    with pytest.raises(etl.EtlError, match="error_cell") as held:
        await carry("source: {hazards: {error_cell: fail}}\n" + MAPPING, *LINES)
    assert held.value.exit_code == 6
    assert await records("Product", "number") == []


async def test_a_workbook_comes_back_with_its_wrong_cells_marked(tmp_path, pim):
    book = openpyxl.Workbook()
    for row in (("No", "Name", "Price"), ("1", "a", "dear"), ("2", "b", 5)):
        book.active.append(row)
    book.save(tmp_path / "feed.xlsx")
    (tmp_path / "m.yaml").write_text(MAPPING)
    summary = await etl.aio.import_table(
        tmp_path / "feed.xlsx", tmp_path / "m.yaml", pim, state_dir=tmp_path / "state"
    )
    assert (summary.rows.created, summary.rows.invalid) == (1, 1)
    back = openpyxl.load_workbook(f"{summary.folder}/errors.xlsx")
    assert '"dear" is not a number' in back.worksheets[0]["C2"].comment.text
    assert back.worksheets[0]["C3"].comment is None
    assert "Problems" in back.sheetnames
    assert "errors.xlsx" in summary.next[-1]


async def test_a_formula_without_its_value_is_not_sent_as_text(tmp_path, pim, records):
    book = openpyxl.Workbook()
    for row in (("No", "Name", "Price"), ("1", '=A1&"x"', 5), ("2", "b", 5)):
        book.active.append(row)
    book.save(tmp_path / "feed.xlsx")
    (tmp_path / "m.yaml").write_text(MAPPING)
    summary = await etl.aio.import_table(
        tmp_path / "feed.xlsx", tmp_path / "m.yaml", pim, state_dir=tmp_path / "state"
    )
    assert (summary.rows.created, summary.rows.invalid) == (1, 1)
    assert [one["number"] for one in await records("Product", "number")] == ["2"]
    told = next(one for one in summary.problems if one.code == "formula_without_value")
    assert (told.row, told.column, told.value) == (2, "Name", '=A1&"x"')
