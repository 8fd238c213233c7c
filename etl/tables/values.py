"""Typed cells of workbooks and records: Python values to one Arrow column, and the canonical text of each."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

Cell: TypeAlias = (
    str
    | bool
    | int
    | float
    | dt.date
    | dt.time
    | dt.timedelta
    | Decimal
    | bytes
    | list[object]
    | dict[str, object]
    | None
)
"""A cell as Python holds it; a datetime is a date too."""

LARGEST_WHOLE = 2**53
"""Beyond this a double no longer holds every whole number."""
MIDNIGHT = dt.time()
EMPTY = pa.string()
"""The type of a column without any value."""


def to_column(cells: Sequence[Cell]) -> pa.Array:  # noqa: C901, PLR0911  one line per type reads best
    """Return cells as one Arrow column of the narrowest type that holds them all; None and NaN become null.

    All whole numbers: int64. Numbers: double. Dates without a time: date32. Dates: timestamp[us]. Times:
    time64[us]. Booleans: bool. Texts, and anything mixed: string, in the canonical text of each.
    """
    types = set(map(type, cells))
    types.discard(type(None))
    if not types:
        return pa.nulls(len(cells), EMPTY)
    if types == {str}:
        return pa.array(cells, pa.string())
    if types <= {int, float}:
        return _numbers(cells, has_floats=float in types)
    if types == {bool}:
        return pa.array(cells, pa.bool_())
    if types == {dt.date}:
        return pa.array(cells, pa.date32())
    if types <= {dt.date, dt.datetime}:
        return _dates(cells)
    if types == {dt.time}:
        return pa.array(cells, pa.time64("us"))
    if types == {dt.timedelta}:
        return pa.array([None if cell is None else to_text(cell) for cell in cells], pa.string())
    if types <= {list} or types <= {dict}:
        try:
            return pa.array(cells)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            pass  # of several shapes: as texts
    return pa.array([None if cell is None else to_text(cell) for cell in cells], pa.string())


def _numbers(cells: Sequence[Cell], *, has_floats: bool) -> pa.Array:
    if not has_floats:
        try:
            return pa.array(cells, pa.int64())
        except (pa.ArrowInvalid, OverflowError):
            return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
    doubles = pa.array(cells, pa.float64(), from_pandas=True)
    try:
        whole = doubles.cast(pa.int64())
    except pa.ArrowInvalid:
        return doubles
    return whole


def _dates(cells: Sequence[Cell]) -> pa.Array:
    if all(
        cell is None or not isinstance(cell, dt.datetime) or (cell.tzinfo is None and cell.time() == MIDNIGHT)
        for cell in cells
    ):
        return pa.array(
            [cell.date() if isinstance(cell, dt.datetime) else cell for cell in cells], pa.date32()
        )
    moments = [
        dt.datetime.combine(cell, MIDNIGHT)
        if isinstance(cell, dt.date) and not isinstance(cell, dt.datetime)
        else cell
        for cell in cells
    ]
    return pa.array(moments, pa.timestamp("us"))


def breaks(cells: Sequence[Cell]) -> list[int]:
    """Return where a column of mixed cells must be cut so that each run of it has one type.

    Whole numbers between texts stay with them: their digits mean the same in either. A fraction, a date or a
    truth value does not: its canonical text could be read as another value under the rules for texts.
    """
    types = set(map(type, cells))
    types.discard(type(None))
    if len(types) <= 1 or types <= {int, float} or types <= {dt.date, dt.datetime}:
        return []
    found: list[int] = []
    current: str | None = None
    for at, cell in enumerate(cells):
        kind = _kind(cell)
        if kind is None or kind == current:
            continue
        if current is None or (current == "whole" and kind in ("number", "text")):
            current = kind
        elif not (kind == "whole" and current in ("number", "text")):
            found.append(at)
            current = kind
    return found


def _kind(cell: Cell) -> str | None:
    if cell is None or isinstance(cell, bool):
        return None if cell is None else "bool"
    if isinstance(cell, int | float):
        return "whole" if float(cell).is_integer() else "number"
    if isinstance(cell, dt.date):
        return "date"
    return "text" if isinstance(cell, str) else type(cell).__name__


def to_text(cell: Cell) -> str:  # noqa: C901, PLR0911  one line per type reads best
    """Return the canonical text of a cell: `12` of 12.0, `0.1`, `true`, `2025-12-31 08:30:00`."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < LARGEST_WHOLE:
            return str(int(cell))
        return "" if math.isnan(cell) else repr(cell)
    if isinstance(cell, dt.datetime):
        if cell.tzinfo is None and cell.time() == MIDNIGHT:
            return cell.date().isoformat()
        return cell.isoformat(sep=" ")
    if isinstance(cell, dt.timedelta):
        seconds = int(cell.total_seconds())
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if isinstance(cell, list | dict):
        return orjson.dumps(cell, default=str).decode()
    if isinstance(cell, Decimal):
        return format(cell, "f")
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    return str(cell)


def to_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return cells of any type in their canonical text; null stays null."""
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_timestamp(kind):
        # Without a zone a cast says the same, five times as fast.
        texts = pc.strftime(column, "%Y-%m-%d %H:%M:%S%z") if kind.tz else column.cast(pa.string())
        return pc.replace_substring_regex(texts, r"(:\d\d)\.0+", r"\1")
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_duration(kind):
        return pa.chunked_array(
            [pa.array([None if one is None else to_text(one) for one in column.to_pylist()], pa.string())]
        )
    if pa.types.is_time(kind):
        return pc.replace_substring_regex(column.cast(pa.string()), r"(:\d\d)\.0+$", r"\1")
    if pa.types.is_dictionary(kind):
        return to_texts(column.cast(kind.value_type))
    return column.cast(pa.string())
