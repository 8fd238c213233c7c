"""A DataFrame as a table. A row's number is its position, 1-based; there is no header row."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from etl.tables.columns import tell_apart
from etl.tables.parquet import plain
from etl.tables.table import Dialect, Table, to_frame
from etl.tables.values import to_column

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from etl.model import Frame


def read_dataframe(source: pd.DataFrame, *, name: str, frame_rows: int) -> Table:
    """Return a DataFrame as a table; its index is not looked at."""
    header = tell_apart([str(column) for column in source.columns], name=name, sheet=None, row=0)
    columns = [_column(source.iloc[:, at]) for at in range(len(header.names))]
    data = plain(pa.table(columns, names=list(header.names)))
    return Table(
        name=name,
        sheet=None,
        header=header.names,
        dialect=Dialect("dataframe"),
        rows_total=len(source),
        path=None,
        passes=lambda: _frames(data, name=name, frame_rows=frame_rows),
        fingerprint=lambda: _digest(data),
        problems=header.problems,
        is_partial="_run" in header.names,
    )


def _column(series: pd.Series) -> pa.Array:
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return to_column(list(series))  # objects of several types


def _frames(data: pa.Table, *, name: str, frame_rows: int) -> Iterator[Frame]:
    for at in range(0, len(data), frame_rows):
        part = data.slice(at, frame_rows)
        numbers = np.arange(at + 1, at + 1 + len(part), dtype=np.int64)
        yield to_frame(part, pa.array(numbers), name=name)


def _digest(data: pa.Table) -> str:
    found = hashlib.sha256()
    for name, column in zip(data.column_names, data.columns, strict=True):
        found.update(f"{name}\0{column.type}\0".encode())
        for at in range(0, len(column), 10_000):
            found.update(repr(column.slice(at, 10_000).to_pylist()).encode())
    return found.hexdigest()
