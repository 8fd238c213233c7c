"""The letters of a column: the same answers as cell by cell, whatever a column looks like inside."""

from __future__ import annotations

import sys

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.mapping.convert.cells import is_empty
from etl.model.letters import bounds_of, letters_of, may_be_blank, relettered

TEXTS = st.lists(st.none() | st.text(alphabet=" \t\u00a0\u2003aé漢-", max_size=4), max_size=8)


@st.composite
def columns(draw: st.DrawFn) -> pa.StringArray:
    """Columns that are slices of others, some with letters below their nulls."""
    texts = draw(TEXTS)
    column = pa.array(texts, pa.string())
    if draw(st.booleans()) and texts:
        mask = pa.py_buffer(bytes([draw(st.integers(0, 255))]) * 8)
        _, offsets, data = pa.array([text or "" for text in texts], pa.string()).buffers()
        column = pa.StringArray.from_buffers(len(texts), offsets, data or pa.py_buffer(b""), mask)
    start = draw(st.integers(0, len(texts)))
    return column.slice(start, draw(st.integers(0, len(texts) - start)))


@given(columns())
def test_letters_and_bounds_are_those_of_the_cells(column: pa.StringArray) -> None:
    letters, bounds = letters_of(column).tobytes(), bounds_of(column).tolist()
    assert len(bounds) == len(column) + 1
    assert bounds[-1] == len(letters)
    for text, start, stop in zip(column.to_pylist(), bounds[:-1], bounds[1:], strict=True):
        assert text is None or letters[start:stop].decode() == text


@given(columns())
def test_a_column_without_blank_cells_is_known_as_one(column: pa.StringArray) -> None:
    blank = pc.and_(is_empty(column), column.is_valid())
    if pc.any(blank).as_py():
        assert may_be_blank(column)


def test_most_columns_are_seen_to_have_no_blank_cell() -> None:
    assert not may_be_blank(pa.array(["Bohrer", None, "12,50", "Dübel", "Öl", "漢字"]))
    assert may_be_blank(pa.array(["Bohrer", ""]))
    assert may_be_blank(pa.array(["Bohrer", "\u00a0"]))


def test_every_space_of_unicode_begins_with_a_byte_that_is_looked_for() -> None:
    spaces = [chr(one) for one in range(sys.maxunicode + 1) if chr(one).isspace()]
    assert [one for one in spaces if not may_be_blank(pa.array([one]))] == []


@given(columns())
def test_other_letters_stand_at_the_same_bounds(column: pa.StringArray) -> None:
    letters = letters_of(column).tobytes().replace(b"-", b".")
    wanted = [None if text is None else text.replace("-", ".") for text in column.to_pylist()]
    changed = relettered(column, letters)
    changed.validate(full=True)
    assert changed.to_pylist() == wanted


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_an_empty_column_has_no_letters(kind: pa.DataType) -> None:
    column = pa.array([], kind)
    assert (letters_of(column).tobytes(), bounds_of(column).tolist()) == (b"", [0])
    assert not may_be_blank(column)
