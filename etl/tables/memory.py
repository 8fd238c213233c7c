"""A DataFrame as a table. A row's number is its position, 1-based; there is no header row."""

from __future__ import annotations

import hashlib
import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from etl.tables.columns import tell_apart
from etl.tables.parquet import plain
from etl.tables.table import Dialect, Table, to_frame
from etl.tables.values import breaks, to_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.model import Frame
    from etl.tables.values import Cell


def read_dataframe(source: pd.DataFrame, *, name: str, frame_rows: int) -> Table:
    """Return a DataFrame as a table; its index is not looked at."""
    header = tell_apart([str(column) for column in source.columns], name=name, sheet=None, row=0)
    mixed: dict[int, list[Cell]] = {}
    columns = []
    for at in range(len(header.names)):
        series = source.iloc[:, at]
        try:
            columns.append(pa.array(series, from_pandas=True))
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            mixed[at] = [None if _is_missing(cell) else cell for cell in series]
            columns.append(to_column(mixed[at]))
    data = plain(pa.table(columns, names=list(header.names)))
    return Table(
        name=name,
        sheet=None,
        header=header.names,
        dialect=Dialect("dataframe"),
        rows_total=len(source),
        path=None,
        passes=lambda: _frames(data, mixed, name=name, frame_rows=frame_rows),
        fingerprint=lambda: _digest(data),
        problems=header.problems,
        is_partial="_run" in header.names,
    )


def _is_missing(cell: object) -> bool:
    return cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell))


def _frames(
    data: pa.Table, mixed: Mapping[int, Sequence[Cell]], *, name: str, frame_rows: int
) -> Iterator[Frame]:
    """Yield the rows; a frame is cut where a column of objects changes its type (see `values.breaks`)."""
    for at in range(0, len(data), frame_rows):
        part = data.slice(at, frame_rows)
        numbers = np.arange(at + 1, at + 1 + len(part), dtype=np.int64)
        cuts = {
            0,
            len(part),
            *(cut for cells in mixed.values() for cut in breaks(cells[at : at + frame_rows])),
        }
        for first, end in pairwise(sorted(cuts)):
            run = part.slice(first, end - first)
            for position, cells in mixed.items():
                column = to_column(cells[at + first : at + end])
                run = run.set_column(position, run.column_names[position], column)
            yield to_frame(run, pa.array(numbers[first:end]), name=name)


def _digest(data: pa.Table) -> str:
    found = hashlib.sha256()
    for name, column in zip(data.column_names, data.columns, strict=True):
        found.update(f"{name}\0{column.type}\0".encode())
        for at in range(0, len(column), 10_000):
            found.update(repr(column.slice(at, 10_000).to_pylist()).encode())
    return found.hexdigest()
