"""What is remembered of a written value is the same, whether it is made of a column or of one value."""

from __future__ import annotations

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.planning.conflicts import EMPTY, NOTHING, print_of, prints_of

COLUMNS = [
    pa.array(["a", "", None, "ü\r\nb", "ü\nb", "a\rb"], pa.string()),
    pa.array([1.5, 3.0, -0.0, None, 1e300, 1.5], pa.float64()),
    pa.array([0.1, 12.34, -99999.95, 1e9, 1e-4, 2.5, None], pa.float64()),
    pa.array([693895399304.2546, 0.00001, 1e16, 123456789.125], pa.float64()),
    pa.array([3, None, 0, -7, 2**60], pa.int64()),
    pa.array(["rot", "blau", "", None, "a\r\nb"] * 60, pa.string()),
    pa.array([True, False, None, True], pa.bool_()),
    pa.array([["b", "a"], [], None, ["a", "b"]], pa.list_(pa.string())),
    pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}', None, "{}"], pa.string())),
    pa.nulls(2, pa.string()),
    pa.nulls(2, pa.int64()),
    pa.array([], pa.string()),
]


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)))
def test_a_column_of_any_numbers_has_the_prints_of_its_values(values):
    expected = [NOTHING if value is None else print_of(value, is_ordered=False) for value in values]
    assert prints_of(pa.array(values, pa.float64()), None, is_ordered=False).tolist() == expected


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_a_column_has_the_prints_of_its_values(column):
    values = column.to_pylist()
    if isinstance(column.type, pa.JsonType):
        values = [None if value is None else orjson.loads(value) for value in column.storage.to_pylist()]
    expected = [NOTHING if value is None else print_of(value, is_ordered=False) for value in values]
    assert prints_of(column, None, is_ordered=False).tolist() == expected


def test_line_ends_and_kinds_of_numbers_make_no_difference():
    texts = prints_of(pa.array(["a\r\nb", "a\nb"]), None, is_ordered=False)
    assert texts[0] == texts[1]
    (number,) = prints_of(pa.array([3], pa.int64()), None, is_ordered=False)
    assert number == print_of(3.0, is_ordered=False)


def test_what_is_cleared_is_empty():
    clears = pa.array([True, None, False])
    assert prints_of(pa.nulls(3, pa.string()), clears, is_ordered=False).tolist() == [EMPTY, NOTHING, NOTHING]
