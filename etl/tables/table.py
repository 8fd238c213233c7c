"""What a table is once its file was looked at: its header, how it was written, and passes over its frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import pandas as pd
import pyarrow as pa
from pandas.arrays import ArrowExtensionArray

from etl.model import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from etl.model import Problem, UnreadableRow
    from etl.tables.sheet import SheetFacts

Format = Literal["csv", "xlsx", "parquet", "json", "jsonl", "dataframe"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a source is to be read. None everywhere: found out by looking at its first megabyte."""

    encoding: str | None = None
    """Of CSV and JSON: any name Python knows, for example `windows-1252`."""
    delimiter: str | None = None
    """Of CSV: one character."""
    quote: str | None = None
    """Of CSV: one character; empty: quotes are letters like others."""
    sheet: str | int | None = None
    """Of workbooks: name or 1-based number; None: the first sheet that is not hidden."""
    header_row: int | None = None
    """Row of the header: 1-based, in CSV a physical line. Rows before it are not read."""
    has_header: bool | None = None
    """False: columns are called A, B, C … and the first row is data."""
    first_column: str | int | None = None
    """Of workbooks: letter or 1-based number of the first column; None: the first one that has a header."""
    record_path: str | None = None
    """Of JSON: where the list of records lies, for example `data.items`; None: the only list there is."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written, so that its rejected rows can be written the same way."""

    format: Format = "csv"
    encoding: str = "utf-8"
    """Python's name. `utf-8-sig`: with a byte order mark."""
    delimiter: str = ","
    quote: str = '"'
    """Empty: no cell is ever quoted."""
    newline: str = "\r\n"
    sheet: str = "Sheet1"
    """Of workbooks."""

    @property
    def suffix(self) -> str:
        """The suffix of a file of this format; `.csv` for formats that are never written."""
        return f".{self.format}" if self.format in ("csv", "xlsx", "parquet") else ".csv"


@dataclass(frozen=True, slots=True)
class Table:
    """A source that was opened and understood so far that its rows can be read, as often as needed."""

    name: str
    """As the user knows it: the file's name, or the name given to a DataFrame."""
    sheet: str | None
    """None where the format has no sheets."""
    header: tuple[str, ...]
    """Column names in their order, told apart: a doubled one ends in ` (2)`, one missing is `(column E)`."""
    dialect: Dialect
    rows_total: int | None
    """Rows below the header; None where only reading would tell."""
    path: Path | None
    """The file that is read; None: a DataFrame."""
    passes: Callable[[], Iterator[Frame]] = field(repr=False)
    fingerprint: Callable[[], str] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    """What was noticed while opening: doubled header names, a guessed encoding. Warnings only."""
    header_row: int = 0
    """Row of the header, counted like other rows; 0: there is none, row 1 is the first of the data."""
    first_column: int = 0
    """0-based position in the sheet of the first of `header`."""
    sheets: tuple[str, ...] = ()
    """Names of all sheets of the workbook, hidden ones too."""
    sheet_facts: Callable[[], SheetFacts] | None = field(default=None, repr=False)
    """Of workbooks: what only the XML of the sheet tells. None: another format."""
    is_partial: bool = False
    """True where the source carries our `_run` column: some rows of a greater table, corrected."""

    def frames(self) -> Iterator[Frame]:
        """Read the rows from the start, in their order, a frame at a time; each call is a pass of its own.

        Holds one block of the file in memory (a workbook: its sheet).

        Raises:
            SourceMissing: the file has gone since it was opened.
            SourceUnreadable: the file is broken further on, for example a byte that is not of its encoding.
        """
        return self.passes()

    def digest(self) -> str:
        """Return SHA-256, in hexadecimal, over the bytes of the file; of a DataFrame over its cells."""
        return self.fingerprint()


def to_frame(
    data: pa.Table,
    numbers: pa.Int64Array,
    *,
    name: str,
    sheet: str | None = None,
    unreadable: tuple[UnreadableRow, ...] = (),
) -> Frame:
    """Return rows as a Frame, without a copy."""
    # Six times as fast as `to_pandas(types_mapper=...)`: extension arrays, and the index of names made once.
    columns = {at: ArrowExtensionArray(column) for at, column in enumerate(data.columns)}
    rows = pd.DataFrame(columns, index=pd.RangeIndex(len(numbers)), copy=False)
    rows.columns = _index(tuple(data.column_names))
    whole = {
        header: column.chunk(0)
        for header, column in zip(data.column_names, data.columns, strict=True)
        if column.num_chunks == 1
    }
    return Frame(rows, numbers, name, sheet, unreadable).made_of(whole)


def table_of(rows: pa.Table | Frame) -> pa.Table:
    """Return the rows of a frame as an Arrow table, without a copy; a table as it is."""
    if isinstance(rows, Frame):
        columns = [pa.array(rows.data.iloc[:, at]) for at in range(rows.data.shape[1])]
        return pa.table(columns, names=[str(name) for name in rows.data.columns])
    return rows


@lru_cache(maxsize=8)
def _index(names: tuple[str, ...]) -> pd.Index:
    return pd.Index(names)
