from __future__ import annotations

import datetime as dt
import gzip
import io
import os
import sys
import zipfile
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl import tables
from etl.errors import (
    ConfigurationInvalid,
    SourceMissing,
    SourceStale,
    SourceUnfinished,
    SourceUnmarked,
    SourceUnreadable,
)

if TYPE_CHECKING:
    from pathlib import Path


def cells_of(table: tables.Table) -> list[tuple[str, int, tuple[object, ...]]]:
    found = []
    for frame in table.frames():
        rows = zip(*(frame.column(name).to_pylist() for name in table.header), strict=True)
        found += [(frame.file, n, row) for n, row in zip(frame.numbers.to_pylist(), rows, strict=True)]
    return found


def test_packed_files_are_read_as_they_are(tmp_path: Path) -> None:
    content = "a;b\n1;ü\n".encode()
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("export/feed.csv", content)
    for name in ("x.csv.gz", "x.zip"):
        assert cells_of(tables.read(tmp_path / name)) == [(name, 2, ("1", "ü"))]


def test_packed_parquet_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert cells_of(tables.read(tmp_path / "a.parquet.gz")) == [("a.parquet.gz", 1, (1,))]


def test_a_zip_of_several_files_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.csv", "a")
        archive.writestr("b.csv", "b")
    with pytest.raises(SourceUnreadable, match=r"holds 2 files \(a\.csv, b\.csv\)"):
        tables.read(tmp_path / "x.zip")


def test_a_broken_gzip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"a;b\n1;2\n" * 1000)[:-20])
    with pytest.raises(SourceUnreadable, match="cannot be unpacked"):
        cells_of(tables.read(tmp_path / "x.csv.gz"))


def test_parquet_keeps_nested_cells_decimals_and_zones_and_unfolds_dictionaries(tmp_path: Path) -> None:
    data = pa.table(
        {
            "tags": pa.array([["a", "b"], None]),
            "size": pa.array([{"w": 1, "h": 2}, None]),
            "price": pa.array([Decimal("12.50"), None]),
            "at": pa.array([dt.datetime(2026, 1, 2, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")),
            "kind": pa.array(["x", None]).dictionary_encode(),
            "big": pa.array(["y", None], pa.large_string()),
        }
    )
    pq.write_table(data, tmp_path / "a.parquet")
    table = tables.read(tmp_path / "a.parquet")
    (frame,) = table.frames()
    assert table.rows_total == 2
    assert frame.numbers.to_pylist() == [1, 2]
    assert [frame.column(name).type for name in ("kind", "big")] == [pa.string(), pa.string()]
    assert [frame.column(name).to_pylist()[0] for name in table.header] == [
        ["a", "b"],
        {"w": 1, "h": 2},
        Decimal("12.50"),
        dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        "x",
        "y",
    ]


def test_a_cut_parquet_file_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-9])
    with pytest.raises(SourceUnreadable, match="no readable Parquet"):
        tables.read(tmp_path / "b.parquet")


def test_a_folder_of_parquet_files_is_one_table_with_its_partitions_as_columns(tmp_path: Path) -> None:
    for country in ("at", "de"):
        (tmp_path / "feed" / f"country={country}").mkdir(parents=True)
        pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "feed" / f"country={country}" / "part-0.parquet")
    table = tables.read(tmp_path / "feed")
    assert (table.header, table.rows_total) == (("n", "country"), 4)
    assert cells_of(table)[-1] == ("feed/country=de/part-0.parquet", 2, (2, "de"))
    assert tables.read(tmp_path / "feed").digest() == table.digest()


def test_several_files_are_one_table_and_rows_keep_their_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("y,x\n4,3\n")
    paths = tables.find_files(str(tmp_path / "*.csv"), tables.Choice(pick="all"), now=1e10)
    table = tables.read_many(paths, name="*.csv")
    assert cells_of(table) == [("a.csv", 2, ("1", "2")), ("b.csv", 2, ("3", "4"))]
    assert {tuple(frame.data.columns) for frame in table.frames()} == {("x", "y")}
    (tmp_path / "c.csv").write_text("y,z\n4,3\n")
    with pytest.raises(SourceUnreadable, match=r"different columns \(x, z\)"):
        tables.read_many([*paths, tmp_path / "c.csv"], name="*.csv")


def test_the_newest_or_oldest_of_several_is_picked_and_otherwise_it_is_asked(tmp_path: Path) -> None:
    for age, name in ((300, "old.csv"), (100, "new.csv")):
        (tmp_path / name).write_text("a")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    pattern = str(tmp_path / "*.csv")
    assert [p.name for p in tables.find_files(pattern, tables.Choice("newest"), now=1000)] == ["new.csv"]
    assert [p.name for p in tables.find_files(pattern, tables.Choice("oldest"), now=1000)] == ["old.csv"]
    with pytest.raises(SourceUnreadable, match=r"2 files match \(new.csv, old.csv\). Set source.pick"):
        tables.find_files(pattern, now=1000)
    with pytest.raises(SourceMissing):
        tables.find_files(str(tmp_path / "*.xlsx"), now=1000)


def test_yesterdays_and_half_written_files_stop_with_exit_6(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a")
    os.utime(tmp_path / "a.csv", (1000, 1000))
    stale = tables.Choice(max_age_s=tables.to_seconds("26h"))
    assert tables.find_files(str(tmp_path / "a.csv"), stale, now=1000 + 25 * 3600)
    with pytest.raises(SourceStale, match=r"is 27 hours old, source\.max_age allows 26 hours") as caught:
        tables.find_files(str(tmp_path / "a.csv"), stale, now=1000 + 27 * 3600)
    assert caught.value.exit_code == 6
    fresh = tables.Choice(stable_for_s=30)
    assert tables.find_files(str(tmp_path / "a.csv"), fresh, now=1031)
    with pytest.raises(
        SourceUnfinished, match=r"changed 10 seconds ago, .* unchanged for 30 seconds"
    ) as unfinished:
        tables.find_files(str(tmp_path / "a.csv"), fresh, now=1010)
    assert unfinished.value.exit_code == 6


def test_a_file_without_its_marker_stops_with_exit_6(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a")
    choice = tables.Choice(marker="a.ok")
    with pytest.raises(SourceUnmarked, match=r"a\.ok does not lie beside it"):
        tables.find_files(str(tmp_path / "a.csv"), choice, now=1e10)
    (tmp_path / "a.ok").touch()
    assert tables.find_files(str(tmp_path / "a.csv"), choice, now=1e10)


def test_whatever_a_user_names_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,y\n3,4\n")

    def opened(source: str, *, pick: str | None = None) -> tables.Table:
        choice = tables.Choice(pick=pick)
        return tables.open_source(
            source, choice=choice, folder=tmp_path / "run", stdin=io.BytesIO(b"x\n1\n"), now=1e10
        )

    assert cells_of(opened(str(tmp_path / "a.csv"))) == [("a.csv", 2, ("1", "2"))]
    assert len(cells_of(opened(str(tmp_path / "*.csv"), pick="all"))) == 2
    assert cells_of(opened("-")) == [("-", 2, ("1",))]
    with pytest.raises(SourceMissing):
        opened(str(tmp_path / "c.txt"))


@pytest.mark.parametrize("text", ["", "30", "h", "1w", "-5s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        tables.to_seconds(text)


def test_standard_input_is_copied_into_the_folder_and_read_twice(tmp_path: Path) -> None:
    path = tables.bring("-", tmp_path / "run", stdin=io.BytesIO(b"a;b\n1;2\n"))
    table = tables.read(path, name="-")
    assert cells_of(table) == cells_of(table) == [("-", 2, ("1", "2"))]


def test_a_remote_source_without_the_extra_names_the_install_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert tables.is_remote("s3://shop/feed.csv")
    assert not tables.is_remote("C:/feed.csv")
    with pytest.raises(ConfigurationInvalid, match=r"pip install 'atro-etl\[remote\]'") as caught:
        tables.bring("https://user:secret@shop.example/feed.csv?sig=secret", tmp_path, stdin=io.BytesIO())
    assert "secret" not in str(caught.value)


def test_a_remote_source_is_copied_into_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answered(address: str, mode: str) -> io.BytesIO:
        assert mode == "rb"
        if "gone" in address:
            raise FileNotFoundError(address)
        if "locked" in address:
            raise PermissionError(address)
        if address.startswith("s3"):
            raise ImportError("Install s3fs to access S3")
        return io.BytesIO(b"a;b\n1;2\n")

    monkeypatch.setitem(sys.modules, "fsspec", SimpleNamespace(open=answered))

    def bring(address: str) -> Path:
        return tables.bring(address, tmp_path, stdin=io.BytesIO())

    path = bring("https://me:secret@shop.example/out/feed.csv?sig=secret#x")
    assert (path.name, cells_of(tables.read(path))) == ("feed.csv", [("feed.csv", 2, ("1", "2"))])
    with pytest.raises(SourceMissing, match=r"^https://shop\.example/gone\.csv: there is no such file"):
        bring("https://me:secret@shop.example/gone.csv")
    with pytest.raises(SourceUnreadable, match="credentials in the environment") as caught:
        bring("sftp://me:secret@shop.example/locked.csv")
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigurationInvalid, match=r"Install s3fs.*pip install 'atro-etl\[remote\]'"):
        bring("s3://shop/feed.csv")


def test_a_dataframe_is_read_with_positions_as_row_numbers() -> None:
    source = pd.DataFrame({"a": ["x", None], "b": [1.5, float("nan")], "c": [1, "y"], 4: [True, False]})
    table = tables.read(source, name="mine")
    assert (table.header, table.rows_total, table.path) == (("a", "b", "c", "4"), 2, None)
    assert cells_of(table) == [("mine", 1, ("x", 1.5, "1", True)), ("mine", 2, (None, None, "y", False))]


def test_a_text_among_the_numbers_of_a_dataframe_leaves_the_others_numbers() -> None:
    source = pd.DataFrame(
        {"p": pd.Series([1.5, "auf Anfrage", None, float("nan"), 2.5], dtype=object), "k": list("abcde")}
    )
    frames = list(tables.read(source).frames())
    assert [frame.column("p").to_pylist() for frame in frames] == [[1.5], ["auf Anfrage", None, None], [2.5]]
    assert [frame.numbers.to_pylist() for frame in frames] == [[1], [2, 3, 4], [5]]


def test_the_digest_of_a_dataframe_is_that_of_its_content() -> None:
    one = pd.DataFrame({"a": ["x", None], "b": [1, 2]})
    assert tables.read(one).digest() == tables.read(one.copy()).digest()
    assert tables.read(one).digest() != tables.read(one.assign(b=[1, 3])).digest()


def test_json_lines_are_rows_with_their_physical_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"n": "001", "t": ["a"]}\n\n{"n": null, "p": 1.5}\n{"n": \n[1]\n')
    table = tables.read(tmp_path / "a.jsonl")
    assert table.header == ("n", "t", "p")
    assert cells_of(table) == [("a.jsonl", 1, ("001", ["a"], None)), ("a.jsonl", 3, (None, None, 1.5))]
    broken = [one for frame in table.frames() for one in frame.unreadable]
    assert [(one.row, one.problem.code) for one in broken] == [(4, "json_broken"), (5, "json_broken")]


def test_a_json_document_is_read_at_its_record_path(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"total": 2, "list": [{"a": 1}, {"a": 2, "b": {"x": 1}}], "other": []}')
    assert cells_of(tables.read(tmp_path / "a.json")) == [
        ("a.json", 1, (1, None)),
        ("a.json", 2, (2, {"x": 1})),
    ]
    (tmp_path / "b.json").write_text('{"data": {"items": [{"a": 1}]}}')
    options = tables.ReadOptions(record_path="data.items")
    assert cells_of(tables.read(tmp_path / "b.json", options)) == [("b.json", 1, (1,))]
    with pytest.raises(SourceUnreadable, match=r"Set source\.record_path"):
        tables.read(tmp_path / "b.json")
    (tmp_path / "c.json").write_text('{"data": ')
    with pytest.raises(SourceUnreadable, match="no JSON"):
        tables.read(tmp_path / "c.json")


def test_a_folder_without_parquet_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="folder without Parquet"):
        tables.read(tmp_path)


def test_a_partial_source_says_so(tmp_path: Path) -> None:
    (tmp_path / "rejected.csv").write_text("sku,_run,_status\n1,x,failed\n")
    assert tables.read(tmp_path / "rejected.csv").is_partial
