from __future__ import annotations

import datetime as dt
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import tables
from etl.errors import FormatTooSmall, FormatUnknown
from etl.tables import xlsx

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
CSV_CELLS = st.text(st.sampled_from("aä0;,\t|\"'\r\n =+-@.€"), max_size=6)


def back(path: Path, options: tables.ReadOptions | None = None) -> pa.Table:
    table = tables.read(path, options or tables.ReadOptions(header_row=1))
    parts = [tables.table_of(frame) for frame in table.frames()]
    return (
        pa.concat_tables(parts)
        if parts
        else pa.table({name: pa.array([], pa.string()) for name in table.header})
    )


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(CSV_CELLS, CSV_CELLS), max_size=20),
    st.sampled_from(
        [
            tables.Dialect(),
            tables.Dialect(delimiter=";", quote="'", newline="\n"),
            tables.Dialect(encoding="utf-16", delimiter="\t"),
            tables.Dialect(encoding="cp1252", delimiter="|"),
            tables.Dialect(encoding="utf-8-sig"),
        ]
    ),
)
def test_csv_there_and_back_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], dialect: tables.Dialect
) -> None:
    path = tmp_path_factory.mktemp("law") / "out.csv"
    kept = [row for row in rows if any(row)]
    tables.write(
        path, [pa.table({"a": [r[0] for r in kept], "b": [r[1] for r in kept]}, schema=TWO)], dialect=dialect
    )
    options = tables.ReadOptions(dialect.encoding, dialect.delimiter, dialect.quote, header_row=1)
    read = back(path, options)
    assert read.to_pylist() == [{"a": a or None, "b": b or None} for a, b in kept]


TWO = pa.schema([("a", pa.string()), ("b", pa.string())])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), TEXT), min_size=1, max_size=12))
def test_texts_go_into_a_workbook_and_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str | None]
) -> None:
    path = tmp_path_factory.mktemp("law") / "out.xlsx"
    data = pa.table({"n": pa.array(range(len(cells)), pa.int64()), "t": pa.array(cells, pa.string())})
    tables.write(path, [data])
    assert back(path).column("t").to_pylist() == [cell or None for cell in cells]


typed = st.tuples(
    st.one_of(st.none(), st.integers(-(10**14), 10**14)),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.dates(dt.date(1901, 1, 1), dt.date(2199, 12, 31))),
    st.one_of(st.none(), st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: float(f"{x:.6g}") + 0.5)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(typed, min_size=1, max_size=8), st.sampled_from(["xlsx", "parquet"]))
def test_typed_cells_come_back_in_their_types(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]], suffix: str
) -> None:
    path = tmp_path_factory.mktemp("law") / f"out.{suffix}"
    kinds = [pa.int64(), pa.bool_(), pa.date32(), pa.float64()]
    columns = [pa.array([row[at] for row in rows], kind) for at, kind in enumerate(kinds)]
    data = pa.table([pa.array(["x"] * len(rows)), *columns], names=list("kibdf"))
    tables.write(path, [data])
    read = back(path)
    for name in "kibd":
        assert read.column(name).to_pylist() == data.column(name).to_pylist()
    for one, other in zip(read.column("f").to_pylist(), data.column("f").to_pylist(), strict=True):
        assert one == other if one is None else one == pytest.approx(other, rel=1e-15)


def test_parquet_keeps_nested_types_and_the_metadata_of_fields(tmp_path: Path) -> None:
    field = pa.field("tags", pa.list_(pa.string()), metadata={"locale": "de_DE"})
    data = pa.table([[["a", "b"], None]], schema=pa.schema([field]))
    tables.write(
        tmp_path / "a.parquet", [data], options=tables.WriteOptions(metadata=(("entity", "Product"),))
    )
    import pyarrow.parquet as pq  # noqa: PLC0415  only here

    schema = pq.read_schema(tmp_path / "a.parquet")
    assert schema.metadata[b"entity"] == b"Product"
    assert schema.field("tags").metadata[b"locale"] == b"de_DE"
    assert back(tmp_path / "a.parquet").to_pylist() == data.to_pylist()


def test_numbers_dates_and_truth_are_written_into_csv_in_their_canonical_text(tmp_path: Path) -> None:
    data = pa.table(
        {
            "i": [7],
            "f": [1.0],
            "b": [True],
            "d": [dt.date(2026, 1, 2)],
            "t": [dt.datetime(2026, 1, 2, 8, 30)],  # noqa: DTZ001  a local moment
            "m": pa.array([Decimal("12.50")]),
            "l": [["a", 'b"']],
        }
    )
    tables.write(tmp_path / "a.csv", [data])
    assert (tmp_path / "a.csv").read_text() == (
        'i,f,b,d,t,m,l\n7,1,true,2026-01-02,2026-01-02 08:30:00,12.50,"[""a"",""b\\"""" ]"\n'.replace(
            '"" ]', '""]'
        )
    )


def test_a_text_in_a_workbook_becomes_no_formula_link_or_number(tmp_path: Path) -> None:
    texts = ["=1+1", "https://shop.example/a", "00123", "1E5", "@x", "#N/A", "-5"]
    tables.write(tmp_path / "a.xlsx", [pa.table({"t": texts})])
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert [cell.value for (cell,) in sheet.iter_rows(min_row=2)] == texts
    assert {cell.data_type for (cell,) in sheet.iter_rows(min_row=2)} == {"s"}
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:A8"
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_identifiers_of_more_than_fifteen_digits_are_texts_in_a_workbook(tmp_path: Path) -> None:
    tables.write(tmp_path / "a.xlsx", [pa.table({"n": [1234567890123456789, 12]})])
    assert back(tmp_path / "a.xlsx").column("n").to_pylist() == ["1234567890123456789", "12"]


def test_what_a_sheet_cannot_hold_as_a_value_is_a_text(tmp_path: Path) -> None:
    data = pa.table(
        {
            "day": pa.array([dt.date(1899, 5, 1), dt.date(2026, 1, 2)]),
            "zone": pa.array([dt.datetime(2026, 1, 2, 8, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")),
            "time": pa.array([dt.time(8, 30), None], pa.time64("us")),
            "money": pa.array([Decimal("12.50"), Decimal("1234567890123456.75")]),
            "tags": pa.array([["a", "b"], None]),
            "odd": pa.array([float("nan"), float("inf")]),
            "key": ["k", "k"],
        }
    )
    tables.write(tmp_path / "a.xlsx", [data])
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert rows[0] == ("1899-05-01", "2026-01-02 08:00:00+0000", dt.time(8, 30), 12.5, '["a","b"]', None, "k")
    assert rows[1] == (dt.datetime(2026, 1, 2), None, None, "1234567890123456.75", None, None, "k")  # noqa: DTZ001


def test_a_sheet_of_any_title_and_header_opens_in_other_programs(tmp_path: Path) -> None:
    dialect = tables.Dialect(sheet='Müller\'s <Q3> & "Co" [2026]/x')
    tables.write(tmp_path / "a.xlsx", [pa.table({"<a> & b": ["x_x0041_\x07\ry < & >"]})], dialect=dialect)
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ['Müller\'s <Q3> & "Co" _2026__x']
    assert book.active["A1"].value == "<a> & b"
    assert back(tmp_path / "a.xlsx").column(0).to_pylist() == ["x_x0041_\x07\ry < & >"]


def test_more_rows_than_a_sheet_takes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MOST_ROWS", 4)
    tables.write(tmp_path / "a.xlsx", [pa.table({"a": [1, 2, 3]})])
    with pytest.raises(FormatTooSmall, match="a sheet takes 3 rows"):
        tables.write(tmp_path / "a.xlsx", [pa.table({"a": [1, 2]}), pa.table({"a": [3, 4]})])
    assert back(tmp_path / "a.xlsx").num_rows == 3


def test_a_text_longer_than_a_cell_is_a_problem_and_never_cut(tmp_path: Path) -> None:
    done = tables.write(tmp_path / "a.xlsx", [pa.table({"k": ["1", "2"], "t": ["ok", "x" * 60_000]})])
    (problem,) = done.problems
    assert (problem.code, problem.row, problem.column, problem.sheet) == ("cell_too_long", 3, "t", "Sheet1")
    assert back(tmp_path / "a.xlsx").column("t").to_pylist() == ["ok", None]


def test_a_safe_csv_runs_no_formula_and_leaves_numbers_alone(tmp_path: Path) -> None:
    data = pa.table({"t": ["=1+1", "+49 30", "-x", "@a", "b=c"], "n": [-1, -2, -3, -4, -5]})
    tables.write(tmp_path / "a.csv", [data], options=tables.WriteOptions(is_csv_safe=True))
    assert (tmp_path / "a.csv").read_text().splitlines()[1:] == [
        "'=1+1,-1",
        "'+49 30,-2",
        "'-x,-3",
        "'@a,-4",
        "b=c,-5",
    ]


def test_a_letter_that_the_encoding_lacks_is_told(tmp_path: Path) -> None:
    done = tables.write(
        tmp_path / "a.csv", [pa.table({"t": ["ä→"]})], dialect=tables.Dialect(encoding="cp1252")
    )
    assert [one.code for one in done.problems] == ["not_encodable"]
    assert (tmp_path / "a.csv").read_bytes() == b"t\r\n\xe4?\r\n"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")

    def broken() -> object:
        yield pa.table({"a": ["1"]})
        raise FormatUnknown("x", known=())

    with pytest.raises(FormatUnknown):
        tables.write(tmp_path / "a.csv", broken())
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


def test_a_table_without_rows_has_its_header_in_every_format(tmp_path: Path) -> None:
    for suffix in ("csv", "xlsx", "parquet"):
        done = tables.write(tmp_path / f"a.{suffix}", [], header=("a", "b"))
        table = tables.read(tmp_path / f"a.{suffix}")
        assert (done.rows, table.header, list(table.frames())) == (0, ("a", "b"), [])


def test_a_format_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatUnknown):
        tables.write(tmp_path / "a.ods", [pa.table({"a": ["1"]})])
