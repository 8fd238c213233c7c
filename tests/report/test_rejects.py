"""Rejected rows come back as they came in, and can be imported as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from etl.model import Outcome, Problem, Status
from etl.problems import CATALOGUE
from etl.report.rejects import RejectedRow, rejected_rows, write_rejected
from etl.tables import read, write

if TYPE_CHECKING:
    from pathlib import Path

RUN = "20261121T181729Z-7f3a"
BAD = RejectedRow(Status.INVALID, ("Preis",), '"12,5 kg" is not a number. Write 12,5.')


def rejected(folder: Path, source: str, rows: dict[int, RejectedRow], *, encoding: str = "utf-8") -> bytes:
    """Write `source` into a CSV file, reject rows of it, and return the file of rejected rows."""
    path = folder / "products.csv"
    path.write_bytes(source.encode(encoding))
    written = write_rejected(read(path), rows, run=RUN, folder=folder)
    assert written == folder / "rejected.csv"
    return written.read_bytes()


def test_a_row_comes_back_as_it_came_in_with_the_reasons_behind_it(tmp_path):
    source = 'SKU;Name;Preis\r\n007;"Säge; groß";12,5 kg\r\n008;Beil;9,90\r\n009;;\r\n'
    rows = {2: BAD, 4: RejectedRow(Status.FAILED, (), "the server refused the record: Größe fehlt")}
    assert rejected(tmp_path, source, rows).decode() == (
        "SKU;Name;Preis;_run;_status;_column;_message\r\n"
        f'007;"Säge; groß";12,5 kg;{RUN};invalid;Preis;"row 2: ""12,5 kg"" is not a number. Write 12,5."\r\n'
        f"009;;;{RUN};failed;;row 4: the server refused the record: Größe fehlt\r\n"
    )


def test_the_source_s_encoding_is_kept(tmp_path):
    found = rejected(tmp_path, "SKU;Größe;Preis\r\nä1;ö;1\r\n" * 3, {2: BAD}, encoding="windows-1252")
    assert found.startswith("SKU;Größe;Preis;_run;".encode("windows-1252"))


def test_rows_are_found_by_their_physical_line(tmp_path):
    source = 'SKU;Preis\n1;"a\nb"\n\n2;x\n3;y\n'
    assert rejected(tmp_path, source, {5: BAD}).decode().splitlines()[1].startswith(f"2;x;{RUN};")


def test_a_line_that_could_not_be_read_stands_in_its_place_with_all_it_held(tmp_path):
    source = "SKU;Name;Preis\n1;a;1\n2;b;c;2\n3;d\n4;e;4\n"
    rows = {row: RejectedRow(Status.INVALID, (), f"reason {row}") for row in (2, 3, 4, 5)}
    lines = rejected(tmp_path, source, rows).decode().splitlines()
    assert lines[1:] == [
        f"1;a;1;{RUN};invalid;;row 2: reason 2",
        f'2;b;"c;2";{RUN};invalid;;row 3: reason 3',
        f"3;d;;{RUN};invalid;;row 4: reason 4",
        f"4;e;4;{RUN};invalid;;row 5: reason 5",
    ]


def test_the_rejected_file_is_a_partial_source_and_can_be_rejected_again(tmp_path):
    rejected(tmp_path, "SKU;Preis\n1;x\n2;y\n", {2: BAD, 3: BAD})
    again = read(tmp_path / "rejected.csv")
    assert again.is_partial
    assert again.header == ("SKU", "Preis", "_run", "_status", "_column", "_message")
    (tmp_path / "second").mkdir()
    written = write_rejected(again, {3: BAD}, run="20261122T000000Z-0001", folder=tmp_path / "second")
    assert written is not None
    lines = written.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "SKU;Preis;_run;_status;_column;_message"
    assert lines[1].startswith("2;y;20261122T000000Z-0001;invalid;Preis;")


@pytest.mark.parametrize("suffix", [".xlsx", ".parquet"])
def test_typed_cells_stay_typed(tmp_path, suffix):
    source = tmp_path / f"products{suffix}"
    data = pd.DataFrame({"SKU": ["007", "008"], "Menge": [1, 2], "Preis": [1.5, 2.5]})
    write(source, [read(data).frames().__next__()])
    first = 1 if suffix == ".parquet" else 2
    written = write_rejected(read(source), {first + 1: BAD}, run=RUN, folder=tmp_path)
    assert written == tmp_path / f"rejected{suffix}"
    (frame,) = read(written).frames()
    assert frame.data.iloc[0].to_dict() == {
        "SKU": "008", "Menge": 2, "Preis": 2.5,
        "_run": RUN, "_status": "invalid", "_column": "Preis", "_message": f"row {first + 1}: {BAD.message}",
    }  # fmt: skip


def test_rows_of_a_dataframe_come_back_as_csv(tmp_path):
    table = read(pd.DataFrame({"SKU": ["007", "008"]}))
    written = write_rejected(table, {2: BAD}, run=RUN, folder=tmp_path)
    assert written == tmp_path / "rejected.csv"
    assert "008" in written.read_text(encoding="utf-8")


def test_without_a_rejected_row_an_earlier_file_goes(tmp_path):
    rejected(tmp_path, "SKU;Preis\n1;x\n", {2: BAD})
    assert write_rejected(read(tmp_path / "products.csv"), {}, run=RUN, folder=tmp_path) is None
    assert not (tmp_path / "rejected.csv").exists()


def test_what_a_message_quotes_neither_moves_a_terminal_nor_runs_in_a_spreadsheet(tmp_path):
    evil = RejectedRow(Status.FAILED, ("=cmd",), "=cmd: \x1b[2J\nbad")
    last = rejected(tmp_path, "SKU;Preis\n1;x\n", {2: evil}).decode().splitlines()[-1]
    assert last == f"1;x;{RUN};failed;'=cmd;row 2: =cmd: \\x1b[2J\\nbad"


def outcome(row: int, status: Status, message: str = "", **named: object) -> Outcome:
    return Outcome("p.csv", None, row, "Product", str(row), status, message=message, **named)  # type: ignore[arg-type]  facts of the test


def test_only_rows_that_did_not_arrive_are_rejected():
    found = rejected_rows(outcome(row, status) for row, status in enumerate(Status, 2))
    assert {one.status for one in found["p.csv", None].values()} == {
        Status.FAILED, Status.INVALID, Status.PENDING,
    }  # fmt: skip
    assert not rejected_rows([outcome(0, Status.FAILED, "a link target of no row")])


def test_all_errors_of_a_row_stand_in_its_message_and_all_columns_are_named():
    problems = tuple(Problem("key_empty", "p.csv", row=2, column=name) for name in ("SKU", "Preis", "SKU"))
    assert CATALOGUE["key_empty"]
    found = rejected_rows(
        [
            outcome(2, Status.FAILED, "first.", problems=problems),
            outcome(2, Status.CREATED),
            outcome(2, Status.INVALID, "second.", part="categories", column="Kategorien"),
            outcome(2, Status.INVALID, "second.", part="files", column="Bild"),
        ]
    )
    assert found == {
        ("p.csv", None): {
            2: RejectedRow(Status.INVALID, ("SKU", "Preis", "Kategorien", "Bild"), "first. second.")
        }
    }
