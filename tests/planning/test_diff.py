import pyarrow as pa
import pytest

from etl.planning.diff import differs, is_filled, missing_ids, old_values
from etl.schema import FieldSchema

IDS = pa.list_(pa.string())
ARRAY = FieldSchema("labels", "array", "array")
ROUNDED = FieldSchema("price", "float", "float", digits=2)


@pytest.mark.parametrize(
    ("kind", "ours", "theirs", "field", "expected"),
    [
        (pa.string(), "a", "a", None, False),
        (pa.string(), "a", "b", None, True),
        (pa.string(), "a\nb", "a\r\nb", None, False),
        (pa.string(), "", None, None, False),
        (pa.string(), "a", None, None, True),
        (pa.string(), "1", 1, None, False),
        (pa.string(), None, "b", None, False),
        (pa.float64(), 1.0, 1, None, False),
        (pa.float64(), 0.1 + 0.2, 0.3, None, False),
        (pa.float64(), 1.005, 1.01, ROUNDED, False),
        (pa.float64(), 1.0, 1.01, None, True),
        (pa.float64(), 0.0, None, None, True),
        (pa.int64(), 5, 5.0, None, False),
        (pa.int64(), 5, 6, None, True),
        (pa.int64(), 1, True, None, True),
        (pa.bool_(), False, False, None, False),
        (pa.bool_(), False, None, None, True),
        (IDS, ["a", "b"], ["b", "a"], None, False),
        (IDS, ["a"], ["a", "b"], None, True),
        (IDS, [], None, None, False),
        (IDS, ["a", "b"], ["b", "a"], ARRAY, True),
        (pa.json_(), '{"a":1}', {"a": 1}, None, False),
        (pa.json_(), '{"a":1}', {"a": 2}, None, True),
        (pa.json_(), '{"a":1}', {"a": True}, None, True),
        (pa.json_(), '{"a":[1]}', {"a": [1.0]}, None, False),
        (pa.json_(), '{"a":{}}', {"a": []}, None, False),
        (pa.json_(), '{"a":{}}', {"a": None}, None, True),
        (pa.json_(), "{}", None, None, False),
        (pa.json_(), "[]", {}, None, False),
        (pa.json_(), "[1]", [1, 2], None, True),
        (pa.int64(), 5, 5.7, None, True),
        (IDS, ["a", "b", "a"], ["a", "b"], ARRAY, False),
    ],
)
def test_values_are_compared_by_what_they_mean(kind, ours, theirs, field, expected):
    storage = pa.array([ours], pa.string() if isinstance(kind, pa.JsonType) else kind)
    column = pa.ExtensionArray.from_storage(kind, storage) if isinstance(kind, pa.JsonType) else storage
    assert differs(column, [theirs], field=field, appends=False).to_pylist() == [expected]


def test_ids_that_are_only_added_differ_when_one_of_them_is_missing():
    ours = pa.array([["a"], ["a", "c"], None], IDS)
    theirs = [["a", "b"], ["a", "b"], ["a"]]
    assert differs(ours, theirs, field=None, appends=True).to_pylist() == [False, True, False]
    assert missing_ids(ours, theirs).to_pylist() == [[], ["c"], None]


def test_nothing_is_cleared_that_is_clear():
    standing = [None, "", [], {}, 0, False, "a"]
    assert is_filled(standing).to_pylist() == [False, False, False, False, True, True, True]


def test_old_values_are_kept_as_json_where_they_differ():
    kept = old_values(["a", None, ["x"]], where=pa.array([True, True, False]))
    assert kept.to_pylist() == ['"a"', "null", None]
