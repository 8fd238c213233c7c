"""`results.parquet` holds a line for every row and record, and is never half a file."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

from etl.model import Alike, Outcome, Outcomes, Status
from etl.report import results
from etl.report.results import SCHEMA, ResultsWriter, read_results, write_results

if TYPE_CHECKING:
    from collections.abc import Iterator


def made(count: int) -> list[Outcome]:
    return [
        Outcome(
            "prodücts.xlsx",
            "Q3",
            row,
            "Product",
            f"key\x1f{row}",
            list(Status)[row % len(Status)],
            record_id=f"p{row}",
            code="refused" if row % 7 == 0 else "",
            message="the server refused it" if row % 7 == 0 else "",
            part="price" if row % 5 == 0 else "",
            column="Preis" if row % 3 == 0 else "",
        )
        for row in range(count)
    ]


def test_what_was_written_is_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "GROUP_ROWS", 100)
    outcomes = made(250)
    path = write_results(tmp_path, (outcomes[at : at + 30] for at in range(0, 250, 30)))
    assert [one for portion in read_results(tmp_path) for one in portion] == outcomes
    with parquet.ParquetFile(path) as file:
        assert file.schema_arrow.remove_metadata() == SCHEMA
        assert file.metadata.num_row_groups == 3


def test_what_is_alike_is_written_as_if_it_came_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "GROUP_ROWS", 7)
    columns = (pa.array([2, 3, 4, 0]), pa.array(["a", "b", "c", ""]), pa.array(["e2", "e3", "e4", ""]))
    alike = Alike("a.csv", None, "Product", Status.CREATED, *columns, records=4, part="price")
    other = dataclasses.replace(alike, sheet="Q3", status=Status.UPDATED, part="")
    portions = [Outcomes((alike, other)), Outcomes((other,), tuple(made(3))), Outcomes((alike,))]
    write_results(tmp_path, portions)
    written = [one for portion in read_results(tmp_path) for one in portion]
    assert written == [one for portion in portions for one in portion]


def test_the_columns_are_those_that_scripts_read():
    assert SCHEMA.names[:10] == [
        "file", "sheet", "row", "part", "entity", "key", "status", "id", "code", "message",
    ]  # fmt: skip


def test_a_source_without_sheets_has_none(tmp_path):
    write_results(tmp_path, [[Outcome("a.csv", None, 2, "Product", "1", Status.CREATED)]])
    assert next(read_results(tmp_path))[0].sheet is None


def test_a_run_without_a_row_has_an_empty_file(tmp_path):
    assert parquet.read_table(write_results(tmp_path, [])).num_rows == 0


def test_until_it_is_complete_an_earlier_file_stays(tmp_path):
    write_results(tmp_path, [made(3)])
    killed = ResultsWriter(tmp_path)
    killed.write(made(50_000))
    assert len(next(read_results(tmp_path))) == 3
    write_results(tmp_path, [made(4)])
    assert len(next(read_results(tmp_path))) == 4


def test_what_was_known_when_an_exception_came_is_in_the_file(tmp_path):
    def interrupted() -> Iterator[Outcome]:
        yield from made(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_results(tmp_path, ([one] for one in interrupted()))
    assert len(next(read_results(tmp_path))) == 5


def test_a_group_of_lines_is_all_that_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "GROUP_ROWS", 1_000)
    with ResultsWriter(tmp_path) as writer:
        before = pa.total_allocated_bytes()
        for _ in range(20):
            writer.write(made(1_500))
            assert writer._held == sum(map(len, writer._lines)) < 1_000
        assert pa.total_allocated_bytes() - before < 10_000_000
