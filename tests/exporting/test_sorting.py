"""Rows that are sorted in pieces on disk come in the same order as rows that are sorted at once."""

from __future__ import annotations

import functools
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.errors import ConfigurationInvalid
from etl.exporting.sorting import SortKey, read_sort, sorted_rows

ROWS = st.lists(
    st.tuples(
        st.none() | st.sampled_from(["a", "b", "B", "ä", ""]),
        st.none() | st.sampled_from([-1.5, 0.0, 2.0, 10.0]),
        st.none() | st.lists(st.sampled_from(["x", "y"]), max_size=2),
    ),
    max_size=30,
)
KEYS = st.lists(
    st.builds(SortKey, st.sampled_from(["name", "price", "tags"]), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.header,
)


def tables_of(rows, size):
    schema = pa.schema(
        [("at", pa.int64()), ("name", pa.string()), ("price", pa.float64()), ("tags", pa.list_(pa.string()))]
    )
    numbered = [(at, *row) for at, row in enumerate(rows)]
    for start in range(0, len(rows), size):
        columns = zip(*numbered[start : start + size], strict=True)
        yield pa.table(
            [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
            schema=schema,
        )


def order_of(rows, keys):
    """Where each row stands in the end, compared cell by cell; nothing always comes last."""

    def compared(one, other):
        for key in keys:
            cells = [rows[at][("name", "price", "tags").index(key.header)] for at in (one, other)]
            left, right = ("\x1f".join(cell) if isinstance(cell, list) else cell for cell in cells)
            if left == right:
                continue
            if left is None or right is None:
                return 1 if left is None else -1
            return (-1 if left < right else 1) * (-1 if key.is_descending else 1)
        return one - other

    return sorted(range(len(rows)), key=functools.cmp_to_key(compared))


@given(ROWS, KEYS, st.integers(1, 8), st.integers(1, 40))
def test_pieces_on_disk_change_no_order_and_leave_nothing_behind(rows, keys, size, piece_rows):
    with TemporaryDirectory() as folder:
        found = list(sorted_rows(tables_of(rows, size), keys, folder=Path(folder), piece_rows=piece_rows))
        assert [at for table in found for at in table["at"].to_pylist()] == order_of(rows, keys)
        assert not list(Path(folder).iterdir())


def test_many_pieces_are_merged_some_thousand_rows_at_a_time(tmp_path):
    rows = [(f"{at * 7919 % 25_013:05}", None, None) for at in range(25_000)]
    found = list(sorted_rows(tables_of(rows, 900), [SortKey("name")], folder=tmp_path, piece_rows=4000))
    assert max(map(len, found)) <= 10_000
    names = [name for table in found for name in table["name"].to_pylist()]
    assert names == sorted(name for name, _, _ in rows)


def test_a_column_that_the_export_has_not_is_refused_with_those_it_has():
    assert read_sort("name, -price", ["name", "price"]) == (
        SortKey("name"),
        SortKey("price", is_descending=True),
    )
    with pytest.raises(
        ConfigurationInvalid, match=r'"nmae" is no column of this export. Columns are name, price.'
    ):
        read_sort("nmae", ["name", "price"])
