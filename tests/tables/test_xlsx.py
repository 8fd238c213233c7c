from __future__ import annotations

import datetime as dt
import gzip
import zipfile
from typing import TYPE_CHECKING

import openpyxl
import pyarrow as pa
import pytest
import xlsxwriter

from etl import tables
from etl.errors import SourceEmpty, SourceUnreadable
from etl.tables import origin
from tests.tables.biff import old_workbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    def make(
        *rows: tuple[object, ...], name: str = "book.xlsx", change: Callable[[Worksheet], None] | None = None
    ) -> Path:
        workbook = openpyxl.Workbook()
        sheet = workbook.active
        for row in rows:
            sheet.append(row)
        if change is not None:
            change(sheet)
        workbook.save(tmp_path / name)
        return tmp_path / name

    return make


def cells_of(table: tables.Table) -> dict[int, tuple[object, ...]]:
    found = {}
    for frame in table.frames():
        rows = zip(*(frame.column(name).to_pylist() for name in table.header), strict=True)
        found |= dict(zip(frame.numbers.to_pylist(), rows, strict=True))
    return found


def types_of(table: tables.Table) -> list[pa.DataType]:
    (frame,) = table.frames()
    return [frame.column(name).type for name in table.header]


def test_cells_arrive_typed_and_rows_with_the_number_the_sheet_shows(book: Callable[..., Path]) -> None:
    moment = dt.datetime(2026, 1, 2, 8, 30)  # noqa: DTZ001  a sheet knows no zone
    path = book(
        (None,),
        ("i", "f", "b", "d", "m", "t", "s", "x"),
        (1, 1.5, True, dt.date(2026, 1, 2), moment, dt.time(8, 30), "00123", None),
        (None,),
        (2, 2, False, dt.date(2026, 1, 3), moment, dt.time(9), "b", None),
    )
    table = tables.read(path)
    assert types_of(table) == [
        pa.int64(), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.time64("us"), pa.string(),
        pa.string(),
    ]  # fmt: skip
    assert list(cells_of(table)) == [3, 5]
    assert cells_of(table)[3][:4] == (1, 1.5, True, dt.date(2026, 1, 2))
    assert (table.rows_total, table.sheet) == (3, "Sheet")


def test_whole_numbers_between_texts_have_no_false_fraction(book: Callable[..., Path]) -> None:
    assert cells_of(tables.read(book(("sku",), (4711.0,), ("A-1",), (12,)))) == {
        2: ("4711",),
        3: ("A-1",),
        4: ("12",),
    }


def test_a_sheet_is_chosen_by_name_or_number_and_the_first_shown_one_by_itself(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(("hidden",))
    workbook.active.sheet_state = "hidden"
    workbook.create_sheet("Q2").append(("q2",))
    workbook.create_sheet("Q3 & Ä").append(("q3",))
    workbook.save(tmp_path / "a.xlsx")
    assert tables.read(tmp_path / "a.xlsx").header == ("q2",)
    assert tables.read(tmp_path / "a.xlsx", tables.ReadOptions(sheet="Q3 & Ä")).header == ("q3",)
    assert tables.read(tmp_path / "a.xlsx", tables.ReadOptions(sheet=1)).header == ("hidden",)
    with pytest.raises(SourceUnreadable, match="Sheets there: Sheet, Q2, Q3 & Ä"):
        tables.read(tmp_path / "a.xlsx", tables.ReadOptions(sheet="Q4"))


def test_header_row_and_first_column_are_found_or_given(book: Callable[..., Path]) -> None:
    path = book(
        (None, "Preisliste"), (None,), (None, "Nr", "Name", "Preis"), (None, 1, "a", 2), (None, 2, "b", 3)
    )
    table = tables.read(path)
    assert table.header == ("Nr", "Name", "Preis")
    assert cells_of(table) == {4: (1, "a", 2), 5: (2, "b", 3)}
    assert [one.code for one in table.problems] == ["header_not_first"]
    given = tables.read(path, tables.ReadOptions(header_row=3, first_column="C"))
    assert (given.header, cells_of(given)) == (("Name", "Preis"), {4: ("a", 2), 5: ("b", 3)})
    bare = tables.read(path, tables.ReadOptions(header_row=4, has_header=False))
    assert (bare.header, list(cells_of(bare))) == (("B", "C", "D"), [4, 5])


def test_error_cells_are_read_as_their_text_and_never_as_empty(book: Callable[..., Path]) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["B3"] = "#N/A"
        sheet["B3"].data_type = "e"

    path = book(("n", "v"), (1, 1.5), (2, None), (3, 2.5), change=change)
    table = tables.read(path)
    assert cells_of(table) == {2: (1, 1.5), 3: (2, "#N/A"), 4: (3, 2.5)}
    assert [frame.column("v").type for frame in table.frames()] == [pa.float64(), pa.string(), pa.float64()]


def test_formulas_without_a_stored_value_are_read_as_formulas(book: Callable[..., Path]) -> None:
    assert cells_of(tables.read(book(("a", "b"), (1, '=IF(A2<2,"x & y",2)')))) == {
        2: (1, '=IF(A2<2,"x & y",2)')
    }


def test_formulas_with_a_stored_value_are_read_as_the_value(tmp_path: Path) -> None:
    workbook = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    sheet = workbook.add_worksheet()
    sheet.write_string(0, 0, "a")
    sheet.write_formula(1, 0, "=1+1", None, 2)
    workbook.close()
    assert cells_of(tables.read(tmp_path / "a.xlsx")) == {2: (2,)}


def test_numbers_with_leading_zeros_by_their_format_are_read_as_shown(book: Callable[..., Path]) -> None:
    def change(sheet: Worksheet) -> None:
        for row in (2, 3):
            sheet.cell(row, 1).number_format = "00000"

    assert cells_of(tables.read(book(("plz",), (1067,), (80331,), change=change))) == {
        2: ("01067",),
        3: ("80331",),
    }


def test_hidden_merged_and_filtered_cells_are_told_apart(book: Callable[..., Path]) -> None:
    def change(sheet: Worksheet) -> None:
        sheet.row_dimensions[3].hidden = True
        sheet.column_dimensions["C"].hidden = True
        sheet.merge_cells("A4:A5")
        sheet.auto_filter.ref = "A1:C5"
        sheet.auto_filter.add_filter_column(0, ["1"])
        sheet["B2"].number_format = "0.0%"
        sheet["C2"].number_format = '#,##0.00 "€"'

    path = book(("a", "b", "c"), (1, 0.19, 5), (2, 2, 2), (3, 3, 3), (None, 4, 4), change=change)
    facts = tables.read(path).sheet_facts
    assert facts is not None
    found = facts()
    assert (found.hidden_rows, found.hidden_columns, found.merged) == ([3], [2], ["A4:A5"])
    assert (found.is_filtered, found.percentages, found.currencies) == (True, {1}, {2})


def replaced_sheet(source: Path, target: Path, inner: bytes) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for one in old.namelist():
            new.writestr(one, inner if one == "xl/worksheets/sheet1.xml" else old.read(one))
    return target


def test_a_prefixed_sheet_is_searched_too(book: Callable[..., Path], tmp_path: Path) -> None:
    inner = (
        b'<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>'
        b'<x:row r="1"><x:c r="A1" t="str"><x:v>a</x:v></x:c></x:row>'
        b'<x:row r="2"><x:c r="A2" t="e"><x:v>#REF!</x:v></x:c></x:row></x:sheetData></x:worksheet>'
    )
    path = replaced_sheet(book(("a",), ("x",)), tmp_path / "p.xlsx", inner)
    assert cells_of(tables.read(path)) == {2: ("#REF!",)}


def test_a_sheet_whose_cells_do_not_say_where_they_are_is_searched_too(
    book: Callable[..., Path], tmp_path: Path
) -> None:
    inner = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row><c t="str"><v>a</v></c><c t="str"><v>b</v></c></row>'
        b'<row><c><v>1</v></c><c t="e"><v>#REF!</v></c></row>'
        b'<row><c t="e"><v>#N/A</v></c><c><v>2</v></c></row></sheetData></worksheet>'
    )
    path = replaced_sheet(book(("a",), ("x",)), tmp_path / "p.xlsx", inner)
    assert cells_of(tables.read(path)) == {2: ("1", "#REF!"), 3: ("#N/A", "2")}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7\n" + b"x" * 900, "It is a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 900, "password"),
        (b"<html><table><tr><td>1</td></tr></table></html>" * 20, "web page"),
        (b"a;b\n1;2\n" * 200, r"suffix \.csv"),
        (b"PK\x03\x04" + b"\0" * 900, "sent completely"),
    ],
)
def test_what_is_no_workbook_is_refused_in_one_sentence(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(SourceUnreadable, match=what):
        tables.read(tmp_path / "a.xlsx")


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * (120 << 20))
    with pytest.raises(SourceUnreadable, match="would unpack"):
        tables.read(tmp_path / "a.xlsx")


def test_a_packed_workbook_is_read_and_searched_like_others(
    book: Callable[..., Path], tmp_path: Path
) -> None:
    path = book(("a", "b"), (1, "=A2*2"))
    (tmp_path / "book.xlsx.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert cells_of(tables.read(tmp_path / "book.xlsx.gz")) == {2: (1, "=A2*2")}


def test_a_packed_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "MOST_UNPACKED_BYTES", 1000)
    (tmp_path / "a.xlsx.gz").write_bytes(gzip.compress(b"\0" * 1001))
    with pytest.raises(SourceUnreadable, match="unpacks to more than 1,000 bytes"):
        tables.read(tmp_path / "a.xlsx.gz")


def test_an_open_document_spreadsheet_is_read(tmp_path: Path) -> None:
    space = "urn:oasis:names:tc:opendocument:xmlns"
    cell = '<table:table-cell office:value-type="{}"><text:p>{}</text:p></table:table-cell>'
    head = cell.format("string", "SKU") + cell.format("string", "Preis")
    data = cell.format("string", "00123") + cell.format('float" office:value="1.5', "1,5")
    rows = f"<table:table-row>{head}</table:table-row><table:table-row>{data}</table:table-row>"
    content = (
        f'<office:document-content xmlns:office="{space}:office:1.0" xmlns:table="{space}:table:1.0" '
        f'xmlns:text="{space}:text:1.0"><office:body><office:spreadsheet><table:table table:name="Liste">'
        f"{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        f'<manifest:manifest xmlns:manifest="{space}:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" '
        'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
    )
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    table = tables.read(tmp_path / "a.ods")
    assert (table.sheet, table.sheets, cells_of(table)) == ("Liste", ("Liste",), {2: ("00123", 1.5)})


def test_an_empty_sheet_is_refused(book: Callable[..., Path]) -> None:
    with pytest.raises(SourceEmpty):
        tables.read(book())


def test_a_header_alone_has_no_rows(book: Callable[..., Path]) -> None:
    table = tables.read(book(("a", "b")))
    assert (table.header, list(table.frames()), table.rows_total) == (("a", "b"), [], 0)


def test_doubled_and_missing_header_names_are_told_apart(book: Callable[..., Path]) -> None:
    table = tables.read(book(("a", None, "a"), (1, 2, 3)))
    assert (table.header, cells_of(table)) == (("a", "(column B)", "a (2)"), {2: (1, 2, 3)})
    assert {one.sheet for one in table.problems} == {"Sheet"}


def test_an_old_workbook_is_read_as_a_new_one_is(tmp_path: Path) -> None:
    rows = [("No", "Größe", "New"), ("007", 12.5, True), ("1", 3, False)]
    (tmp_path / "a.xls").write_bytes(old_workbook("Artikel", rows))
    table = tables.read(tmp_path / "a.xls")
    assert (table.sheet, table.header) == ("Artikel", ("No", "Größe", "New"))
    assert cells_of(table) == {2: ("007", 12.5, True), 3: ("1", 3, False)}
