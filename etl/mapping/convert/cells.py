"""What stands in a cell, whatever the format of the table gave it: as text, as empty or not."""

from __future__ import annotations

from decimal import Decimal

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.model.letters import may_be_blank

EXACT = 2.0**53
"""Whole numbers below this are exact in a double."""


def as_text(cells: pa.Array) -> pa.StringArray:  # noqa: PLR0911  one case per type
    """Return the cells as text: 12.0 is `12`, dates are ISO, booleans `true` and `false`; null stays null."""
    kind = cells.type
    if pa.types.is_string(kind):
        return cells
    if pa.types.is_dictionary(kind):
        return as_text(cells.dictionary_decode())
    if pa.types.is_null(kind):
        return pa.nulls(len(cells), pa.string())
    if pa.types.is_floating(kind):
        return _doubles(cells)
    if pa.types.is_timestamp(kind):
        return _moments(cells)
    if pa.types.is_decimal(kind):
        return pa.array([_plain(value) for value in cells.to_pylist()], pa.string())
    if pa.types.is_nested(kind):
        return pa.array([_json(value) for value in cells.to_pylist()], pa.string())
    return pc.cast(cells, pa.string())


def is_empty(cells: pa.Array) -> pa.BooleanArray:
    """Tell which cells are empty: null, or text of nothing but spaces. Never null."""
    if not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        return cells.is_null(nan_is_null=True)
    blank = pc.or_(pc.utf8_is_space(cells), pc.equal(pc.binary_length(cells), 0))
    return pc.fill_null(blank, fill_value=True)


def blanked(cells: pa.Array) -> pa.Array:
    """Return the cells with null where they are empty; the same array where none is."""
    if pa.types.is_string(cells.type) and not may_be_blank(cells):
        return cells
    empty = is_empty(cells)
    if pc.sum(empty).as_py() in (None, cells.null_count):
        return cells
    return without(cells, empty)


def without(cells: pa.Array, gone: pa.BooleanArray) -> pa.Array:
    """Return the cells with null where `gone` is true."""
    return pc.if_else(gone, pa.scalar(None, cells.type), cells)


def _doubles(cells: pa.Array) -> pa.StringArray:
    cells = pc.cast(cells, pa.float64())
    whole = pc.and_(pc.equal(pc.floor(cells), cells), pc.less(pc.abs(cells), EXACT))
    whole = pc.fill_null(whole, fill_value=False)
    digits = pc.cast(pc.cast(pc.if_else(whole, cells, 0.0), pa.int64()), pa.string())
    texts = pc.if_else(whole, digits, pc.cast(cells, pa.string()))
    exponents = pc.fill_null(pc.match_substring(texts, "e"), fill_value=False)
    if not pc.any(exponents).as_py():
        return texts
    return pa.array(
        [_plain(Decimal(text)) if text and "e" in text else text for text in texts.to_pylist()], pa.string()
    )


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


def _plain(value: Decimal | None) -> str | None:
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moments(cells: pa.Array) -> pa.StringArray:
    if cells.type.tz is not None:
        cells = pc.cast(pc.cast(cells, pa.timestamp("us", "UTC")), pa.timestamp("us"))
    return pc.strftime(pc.cast(cells, pa.timestamp("s"), safe=False), "%Y-%m-%d %H:%M:%S")
