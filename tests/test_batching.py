import dataclasses

import orjson
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.batching import halves, make_batches
from etl.model import ChangeKind, Changes

texts = st.text(st.characters(codec="utf-8"), max_size=12)
records = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.none() | texts,
            "price": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "quantity": st.none() | st.integers(-(2**31), 2**31 - 1),
            "isActive": st.none() | st.booleans(),
            "categoriesIds": st.none() | st.lists(texts, max_size=3),
        }
    ),
    min_size=1,
    max_size=30,
)
TYPES = {
    "name": pa.string(),
    "price": pa.float64(),
    "quantity": pa.int64(),
    "isActive": pa.bool_(),
    "categoriesIds": pa.list_(pa.string()),
}


def changes_of(rows, kinds=None, **more):
    return Changes(
        "Product",
        "a.csv",
        None,
        numbers=pa.array(range(2, len(rows) + 2), pa.int64()),
        keys=pa.array([str(i) for i in range(len(rows))], pa.string()),
        ids=pa.array([f"e{i}" for i in range(len(rows))], pa.string()),
        kinds=kinds or [ChangeKind.CREATE] * len(rows),
        columns={key: pa.array([row.get(key) for row in rows], kind) for key, kind in TYPES.items()},
        **more,
    )


def payloads_in(batches):
    return [item["payload"] for batch in batches for item in orjson.loads(batch.body)]


@given(records, st.integers(1, 7))
@settings(max_examples=50, deadline=None)
def test_bodies_hold_every_value_that_is_not_null_and_nothing_else(rows, max_rows):
    batches = list(make_batches(changes_of(rows), max_rows=max_rows, max_bytes=10**6, first_number=1))
    expected = [
        {"id": f"e{i}", **{key: value for key, value in row.items() if value is not None}}
        for i, row in enumerate(rows)
    ]
    assert payloads_in(batches) == expected
    assert all(len(batch) <= max_rows for batch in batches)
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))


@given(records, st.integers(60, 400))
@settings(max_examples=50, deadline=None)
def test_no_body_is_larger_than_allowed_unless_one_record_alone_is(rows, max_bytes):
    for batch in make_batches(changes_of(rows), max_rows=100, max_bytes=max_bytes, first_number=1):
        assert len(batch.body) <= max_bytes or len(batch) == 1


@given(records)
@settings(max_examples=30, deadline=None)
def test_halves_hold_what_the_whole_held(rows):
    (batch,) = make_batches(changes_of([*rows, {}]), max_rows=1000, max_bytes=10**9, first_number=1)
    assert payloads_in(halves(batch)) == payloads_in([batch])
    assert sum(len(half) for half in halves(batch)) == len(batch)


def test_a_whole_float_keeps_its_decimal_mark_for_servers_that_compare_by_json_type():
    (batch,) = make_batches(changes_of([{"price": 3.0}]), max_rows=1, max_bytes=10**6, first_number=1)
    assert b'"price":3.0' in batch.body


def test_only_creates_and_updates_are_sent():
    kinds = [ChangeKind.CREATE, ChangeKind.UNCHANGED, ChangeKind.BLOCKED, ChangeKind.UPDATE]
    rows = [{"name": name} for name in "abcd"]
    (batch,) = make_batches(changes_of(rows, kinds), max_rows=9, max_bytes=10**6, first_number=1)
    assert [payload["name"] for payload in payloads_in([batch])] == ["a", "d"]
    assert batch.changes.numbers.to_pylist() == [2, 5]


def test_a_cleared_field_is_sent_as_null_with_or_without_values_beside_it():
    clears = {"name": pa.array([True, False]), "note": pa.array([False, True])}
    changes = changes_of([{}, {"name": "b"}], clears=clears)
    first, second = payloads_in(make_batches(changes, max_rows=9, max_bytes=10**6, first_number=1))
    assert first == {"id": "e0", "name": None}
    assert second == {"id": "e1", "name": "b", "note": None}


def test_appended_links_say_so_beside_their_ids():
    changes = changes_of([{"categoriesIds": ["c1"]}, {}], appends=frozenset({"categoriesIds"}))
    first, second = payloads_in(make_batches(changes, max_rows=9, max_bytes=10**6, first_number=1))
    assert first == {"id": "e0", "categoriesIds": ["c1"], "categoriesAddOnlyMode": 1}
    assert second == {"id": "e1"}


def test_an_update_carries_the_old_values_of_what_it_changes_and_of_nothing_else():
    kinds = [ChangeKind.UPDATE] * 3
    old = {"name": pa.array(['"x"', None, None]), "price": pa.array([None, None, "1.5"])}
    for keys in ({"name"}, {"name", "price"}):
        changes = changes_of([{"name": "a"}, {}, {"price": 2.0}], kinds, old=old, prev_keys=frozenset(keys))
        payloads = payloads_in(make_batches(changes, max_rows=9, max_bytes=10**6, first_number=1))
        expected = [{"name": "x"}, None, {"price": 1.5} if "price" in keys else None]
        assert [payload.get("_prev") for payload in payloads] == expected


def test_a_list_with_a_hole_in_it_is_left_out():
    labels = pa.array([["a", None], ["b"]], pa.list_(pa.string()))
    changes = changes_of([{"name": "x"}, {"name": "y"}])
    changes = dataclasses.replace(changes, columns={**changes.columns, "labels": labels})
    (first, second) = payloads_in(make_batches(changes, max_rows=2, max_bytes=10_000, first_number=1))
    assert "labels" not in first
    assert second["labels"] == ["b"]
