"""Old values stay in the folder of a run, whatever happens to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

from etl import blocking
from etl.model import ChangeKind, Changes, Outcome, Status
from etl.planning import Compared, KeptValues, read_kept, write_kept
from etl.schema import EntitySchema, FieldSchema, Schema
from tests.planning import shop

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = Schema(
    {"Item": EntitySchema("Item", "Base", {"maker": FieldSchema("maker", "link", "link"),
                                           "note": FieldSchema("note", "text", "text")})}
)  # fmt: skip


def update(record_id: str, *, old: str, new: str) -> Compared:
    """One record whose note would change."""
    return Compared(
        Changes(
            "Item",
            "items.csv",
            None,
            numbers=pa.array([2], pa.int64()),
            keys=pa.array(["N1"]),
            ids=pa.array([record_id]),
            kinds=[ChangeKind.UPDATE],
            columns={"note": pa.array([new])},
            old={"note": pa.array([f'"{old}"'])},
        ),
        None,
    )


def outcome(record_id: str, status: Status) -> Outcome:
    return Outcome("items.csv", None, 2, "Item", "N1", status, record_id=record_id)


def kept(folder: Path) -> list[tuple[str, str, str]]:
    return [(one["id"], one["old"], one["new"]) for batch in read_kept(folder) for one in batch.to_pylist()]


def test_a_run_that_changes_nothing_keeps_nothing(tmp_path: Path):
    with KeptValues(tmp_path, SCHEMA):
        pass
    assert write_kept(tmp_path, []) == {}
    assert list(tmp_path.iterdir()) == []


def test_what_stood_there_is_on_disk_before_the_run_ends(tmp_path: Path):
    values = KeptValues(tmp_path, SCHEMA)
    values.keep(update("a", old="x", new="y"))
    assert kept(tmp_path) == [("a", '"x"', '"y"')]


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_stream_that_a_kill_cut_off_gives_what_was_whole(tmp_path: Path, cut: int):
    with KeptValues(tmp_path, SCHEMA) as values:
        values.keep(update("a", old="x", new="y"))
        size = (tmp_path / "changes-1.arrows").stat().st_size
        values.keep(update("b", old="x", new="y"))
    stream = tmp_path / "changes-1.arrows"
    stream.write_bytes(stream.read_bytes()[: size + cut])
    assert kept(tmp_path) == [("a", '"x"', '"y"')]


def test_of_a_resumed_run_the_oldest_value_counts(tmp_path: Path):
    for old, new in (("x", "y"), ("y", "z")):
        with KeptValues(tmp_path, SCHEMA) as values:
            values.keep(update("a", old=old, new=new))
    assert write_kept(tmp_path, [[outcome("a", Status.UPDATED)]]) == {"Item": {"note": 1}}
    assert kept(tmp_path) == [("a", '"x"', '"y"')]
    with KeptValues(tmp_path, SCHEMA) as values:
        values.keep(update("a", old="z", new="!"))
        values.keep(update("b", old="1", new="2"))
    outcomes = [[outcome("a", Status.UPDATED)], [outcome("b", Status.UPDATED)]]
    assert write_kept(tmp_path, outcomes) == {"Item": {"note": 2}}
    assert kept(tmp_path) == [("a", '"x"', '"y"'), ("b", '"1"', '"2"')]
    assert [one.name for one in tmp_path.iterdir()] == ["changes.parquet"]


def test_fields_of_records_that_failed_are_not_counted(tmp_path: Path):
    with KeptValues(tmp_path, SCHEMA) as values:
        values.keep(update("a", old="x", new="y"))
        values.keep(update("b", old="x", new="y"))
    outcomes = [[outcome("a", Status.FAILED), outcome("b", Status.UPDATED)]]
    assert write_kept(tmp_path, outcomes) == {"Item": {"note": 1}}


@pytest.fixture
def pim(tmp_path: Path) -> Iterator[blocking.Pim]:
    with (
        shop.running(tmp_path) as sandbox,
        blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim,
    ):
        yield pim


def test_an_import_keeps_old_values_and_reports_changed_fields(tmp_path: Path, pim: blocking.Pim):
    mapping = shop.write_mapping(tmp_path / "items.yaml")
    rows = [{"number": "1", "note": "a", "maker": "Bosch", "groups": "G1"}, {"number": "2", "note": "b"}]
    first = blocking.import_table(
        shop.write_table(tmp_path / "1.csv", rows), mapping, pim, state_dir=tmp_path / "state"
    )
    assert first.fields == {}
    assert not (Path(first.folder) / "changes.parquet").exists()
    rows = [{"number": "1", "note": "c", "maker": "Makita", "groups": "G2"}, {"number": "2", "note": "NULL"}]
    second = blocking.import_table(
        shop.write_table(tmp_path / "2.csv", rows), mapping, pim, state_dir=tmp_path / "state"
    )
    assert second.fields == {"Item": {"groups": 1, "maker": 1, "note": 2}}
    lines = parquet.read_table(Path(second.folder) / "changes.parquet").to_pylist()
    told = [
        (one["key"], one["field"], one["mode"], one["old_text"] or one["old"], one["new_text"] or one["new"])
        for one in lines
    ]
    assert told == [
        ("1", "note", "set", '"a"', '"c"'),
        ("1", "maker", "set", "Bosch", "Makita"),
        ("1", "groups", "add", "G1", "G2"),
        ("2", "note", "clear", '"b"', "null"),
    ]
    assert all(one["modified_at"] for one in lines)
