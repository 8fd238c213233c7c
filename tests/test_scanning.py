import pandas as pd
import pyarrow as pa
import pytest

from etl.model import Status
from etl.scanning import Selection, scan_table, without_duplicates
from etl.tables import read


class Rules:
    used_columns = ("key", "name")

    def keys(self, frame):
        return frame.column("key").cast(pa.string())

    def heads(self, frame):
        return frame.numbers


def table(keys, **options):
    data = pd.DataFrame({"key": pd.array(keys, pd.ArrowDtype(pa.string())), "name": "x"})
    return read(data, frame_rows=options.get("frame_rows", 3))


def scanned(keys, tmp_path, on_duplicate="fail"):
    frames = table(keys).frames()
    return scan_table(frames, Rules(), digests=tmp_path / "scan.arrow", on_duplicate=on_duplicate)


def test_rows_and_filled_cells_are_counted(tmp_path):
    scan = scanned(["a", None, "c", "d"], tmp_path)
    assert scan.rows == 4
    assert scan.columns == {"key": 3, "name": 4}


def test_keys_that_stand_once_and_empty_keys_are_no_duplicates(tmp_path):
    assert scanned(["a", None, "b", None, "c"], tmp_path).duplicates == {}


@pytest.mark.parametrize(
    ("on_duplicate", "expected"),
    [
        ("fail", {1: Status.INVALID, 4: Status.INVALID, 6: Status.INVALID}),
        ("first", {4: Status.SKIPPED, 6: Status.SKIPPED}),
        ("last", {1: Status.SKIPPED, 4: Status.SKIPPED}),
    ],
)
def test_a_doubled_key_is_found_across_frames_and_treated_as_the_mapping_says(
    tmp_path, on_duplicate, expected
):
    scan = scanned(["a", "b", "c", "a", "d", "a"], tmp_path, on_duplicate)
    assert {row: one.status for row, one in scan.duplicates.items()} == expected
    assert 1 in scan.duplicates[4].others


def test_doubled_rows_leave_the_frame_with_an_outcome_that_names_the_other_rows(tmp_path):
    scan = scanned(["a", "b", "a"], tmp_path)
    (frame,) = table(["a", "b", "a"]).frames()
    rest, outcomes = without_duplicates(frame, scan, rules=Rules(), entity="Product", field="number")
    assert rest.numbers.to_pylist() == [2]
    assert [(one.row, one.key, one.code) for one in outcomes] == [
        (1, "a", "duplicate_key"),
        (3, "a", "duplicate_key"),
    ]
    assert outcomes[0].message.startswith('the key "a" stands in rows 3 too.')


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), [1, 2, 3, 4, 5, 6, 7]),
        (Selection(first=3), [3, 4, 5, 6, 7]),
        (Selection(first=2, last=5), [2, 3, 4, 5]),
        (Selection(limit=4), [1, 2, 3, 4]),
        (Selection(first=3, last=6, limit=2), [3, 4]),
        (Selection(first=99), []),
    ],
)
def test_a_selection_counts_rows_as_they_are_seen_in_the_file(selection, expected):
    frames = selection.of(table(list("abcdefg")).frames())
    assert [row for frame in frames for row in frame.numbers.to_pylist()] == expected
