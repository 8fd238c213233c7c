"""Reading files into frames and writing frames into files; each format is one module with both directions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import FormatUnknown
from etl.tables.csv import read_csv
from etl.tables.memory import read_dataframe
from etl.tables.origin import must_exist, suffix_of
from etl.tables.parquet import read_parquet
from etl.tables.table import Dialect, ReadOptions, Table
from etl.tables.xlsx import WORKBOOKS, read_xlsx

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dialect", "ReadOptions", "Table", "read"]

TEXTS = (".csv", ".tsv", ".tab", ".txt")
PARQUET = (".parquet", ".pq")
KNOWN = (*TEXTS, *WORKBOOKS, *PARQUET)
_AS_FOUND = ReadOptions()


def read(
    source: Path | pd.DataFrame,
    options: ReadOptions = _AS_FOUND,
    *,
    frame_rows: int = 5000,
    name: str | None = None,
) -> Table:
    """Open a file or a DataFrame as a table, without reading more of it than its header needs.

    Args:
        frame_rows: rows per frame, at most.
        name: what messages call it; None: the name of the file, or `DataFrame`.

    Raises:
        SourceMissing, SourceEmpty, SourceUnreadable, FormatUnknown: each says what to do.
    """
    if not isinstance(source, Path):
        return read_dataframe(source, name=name or "DataFrame", frame_rows=frame_rows)
    must_exist(source)
    suffix = suffix_of(source)
    named = name or source.name
    if suffix in TEXTS:
        return read_csv(source, options, name=named, frame_rows=frame_rows)
    if suffix in WORKBOOKS:
        return read_xlsx(source, options, name=named, frame_rows=frame_rows)
    if suffix in PARQUET:
        return read_parquet(source, name=named, frame_rows=frame_rows)
    raise FormatUnknown(str(source), known=KNOWN)
