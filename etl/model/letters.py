"""The UTF-8 of a column of text in one stretch: many a question about all its cells is one about that."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    Bytes: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint8]]"
    Bounds: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"

SPACES = np.zeros(256, np.bool_)
"""Bytes that a space of Unicode may begin with; most letters begin with others."""
SPACES[[*range(0x09, 0x0E), *range(0x1C, 0x21), 0xC2, 0xE1, 0xE2, 0xE3]] = True


def letters_of(column: pa.StringArray) -> Bytes:
    """Return the UTF-8 of all texts of a column behind each other; no copy."""
    _, offsets, data = column.buffers()
    if data is None:
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, _width(column))
    letters: Bytes = np.frombuffer(data, np.uint8)[ends[column.offset] : ends[column.offset + len(column)]]
    return letters


def bounds_of(column: pa.StringArray) -> Bounds:
    """Return where each text begins in `letters_of`, and at last where the last one ends; null is empty."""
    _, offsets, data = column.buffers()
    if data is None:
        return np.zeros(len(column) + 1, np.int64)
    ends = np.frombuffer(offsets, _width(column))[column.offset : column.offset + len(column) + 1]
    bounds: Bounds = ends.astype(np.int64) - ends[0]
    return bounds


def may_be_blank(column: pa.StringArray) -> bool:
    """Tell whether a text that is not null may be empty or nothing but spaces; False: certainly none is."""
    letters, bounds = letters_of(column), bounds_of(column)
    is_filled = bounds[1:] > bounds[:-1]
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    return not (is_filled | is_null).all() or bool(SPACES[letters[bounds[:-1][is_filled]]].any())


def relettered(column: pa.StringArray, letters: bytes) -> pa.StringArray:
    """Return a column with other letters at the same bounds; null stays null."""
    bounds = bounds_of(column).astype(np.int32)
    valid = None
    if column.null_count:
        bits = np.packbits(column.is_valid().to_numpy(zero_copy_only=False), bitorder="little")
        valid = pa.py_buffer(bits)
    return pa.StringArray.from_buffers(len(column), pa.py_buffer(bounds), pa.py_buffer(letters), valid)


def _width(column: pa.StringArray) -> type[np.signedinteger]:
    return np.int64 if pa.types.is_large_string(column.type) else np.int32
