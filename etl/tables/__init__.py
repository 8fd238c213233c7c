"""Reading files into frames and writing frames into files; each format is one module with both directions."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import FormatUnknown, SourceUnreadable
from etl.tables.csv import CsvWriter, read_csv
from etl.tables.finding import Choice, bring, find_files, in_order, is_remote, shown, to_seconds
from etl.tables.json import JSON, JSON_LINES, read_json, read_json_lines
from etl.tables.many import joined, partition_of, with_constants
from etl.tables.memory import read_dataframe
from etl.tables.origin import must_exist, suffix_of
from etl.tables.parquet import ParquetWriter, read_parquet
from etl.tables.table import Dialect, ReadOptions, Table, table_of
from etl.tables.writing import WriteOptions, Writer, Written, completed
from etl.tables.xlsx import WORKBOOKS, XlsxWriter, read_xlsx

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    import pandas as pd
    import pyarrow as pa

    from etl.model import Frame

__all__ = [
    "Choice",
    "Dialect",
    "ReadOptions",
    "Table",
    "WriteOptions",
    "Writer",
    "Written",
    "bring",
    "find_files",
    "is_remote",
    "open_source",
    "read",
    "read_many",
    "table_of",
    "to_seconds",
    "write",
    "writing",
]

TEXTS = (".csv", ".tsv", ".tab", ".txt")
PARQUET = (".parquet", ".pq")
KNOWN = (*TEXTS, *WORKBOOKS, *PARQUET, *JSON, *JSON_LINES)
WRITTEN = (".csv", ".tsv", ".txt", ".xlsx", *PARQUET)
_AS_FOUND = ReadOptions()
_ANY = Choice()
_PLAIN = WriteOptions()


def read(  # noqa: PLR0911  one line per format reads best
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
    if source.is_dir():
        return _read_folder(source, options, frame_rows=frame_rows, name=name or source.name)
    must_exist(source)
    suffix = suffix_of(source)
    named = name or source.name
    if suffix in TEXTS:
        return read_csv(source, options, name=named, frame_rows=frame_rows)
    if suffix in WORKBOOKS:
        return read_xlsx(source, options, name=named, frame_rows=frame_rows)
    if suffix in PARQUET:
        return read_parquet(source, name=named, frame_rows=frame_rows)
    if suffix in JSON_LINES:
        return read_json_lines(source, name=named, frame_rows=frame_rows)
    if suffix in JSON:
        return read_json(source, options, name=named, frame_rows=frame_rows)
    raise FormatUnknown(str(source), known=KNOWN)


def read_many(
    sources: Sequence[Path], options: ReadOptions = _AS_FOUND, *, frame_rows: int = 5000, name: str
) -> Table:
    """Open several files with the same columns as one table, one after the other.

    Args:
        name: of the whole; each row keeps the name of its own file.

    Raises:
        SourceUnreadable: their columns differ; and what `read` raises.
    """
    if len(sources) == 1:
        return read(sources[0], options, frame_rows=frame_rows)
    return joined([read(one, options, frame_rows=frame_rows) for one in sources], name=name)


def open_source(
    source: str,
    options: ReadOptions = _AS_FOUND,
    *,
    choice: Choice = _ANY,
    folder: Path,
    stdin: BinaryIO,
    now: float,
    frame_rows: int = 5000,
    name: str | None = None,
) -> Table:
    """Open whatever a user can name: a path, a glob, `-`, or an address like `https://` or `s3://`.

    Args:
        folder: of the run; standard input and remote sources are copied there first.
        now: seconds since the epoch.
        name: what messages call it; None: the name of the file, `-`, or the address without its secrets.

    Raises:
        SourceMissing, SourceEmpty, SourceUnreadable, FormatUnknown, ConfigurationInvalid: exit 3.
        SourceStale, SourceUnfinished, SourceUnmarked: exit 6.
    """
    if source == "-" or is_remote(source):
        return read(
            bring(source, folder, stdin=stdin), options, frame_rows=frame_rows, name=name or shown(source)
        )
    paths = find_files(source, choice, now=now)
    if len(paths) == 1:
        return read(paths[0], options, frame_rows=frame_rows, name=name)
    return read_many(paths, options, frame_rows=frame_rows, name=name or Path(source).name)


def _read_folder(folder: Path, options: ReadOptions, *, frame_rows: int, name: str) -> Table:
    """Open a folder of Parquet files as one table; folders named `key=value` become columns."""
    paths = in_order([one for suffix in PARQUET for one in folder.rglob(f"*{suffix}")])
    if not paths:
        raise SourceUnreadable(
            str(folder),
            reason="this is a folder without Parquet files.",
            advice='Name a file in it, or several with "*".',
        )
    parts = []
    for one in paths:
        inner = one.relative_to(folder.parent).as_posix()
        table = read(one, options, frame_rows=frame_rows, name=inner)
        parts.append(with_constants(table, partition_of(one, folder)))
    return joined(parts, name=name)


@contextmanager
def writing(
    path: Path, header: Sequence[str], *, dialect: Dialect | None = None, options: WriteOptions = _PLAIN
) -> Iterator[Writer]:
    """Open a file for writing rows block by block; it appears under its name when the body ends well.

    Args:
        header: column names; what is written has the same columns in the same order, under whatever names.
        dialect: of CSV, and the sheet's name; None: UTF-8, commas (`.tsv`: tabs), LF. The suffix says the
            format.

    Raises:
        FormatUnknown: no format that can be written has this suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise FormatUnknown(str(path), known=WRITTEN)
    chosen = dialect or Dialect(delimiter="\t" if suffix == ".tsv" else ",", newline="\n")
    with completed(path) as part:
        writer: Writer
        if suffix == ".xlsx":
            writer = XlsxWriter(part, name=path.name, header=header, sheet=chosen.sheet)
        elif suffix in PARQUET:
            writer = ParquetWriter(part, header=header, metadata=dict(options.metadata))
        else:
            writer = CsvWriter(
                part, name=path.name, header=header, dialect=chosen, is_safe=options.is_csv_safe
            )
        try:
            yield writer
        finally:
            writer.close()


def write(
    path: Path,
    rows: Iterable[pa.Table | Frame],
    *,
    header: Sequence[str] | None = None,
    dialect: Dialect | None = None,
    options: WriteOptions = _PLAIN,
) -> Written:
    """Write rows into a file whose suffix names the format, holding one block of them at a time.

    Args:
        header: column names; None: those of the first rows, so there must be some.
        dialect: see `writing`.

    Raises:
        FormatUnknown: no format that can be written has this suffix.
        FormatTooSmall: more rows than a sheet takes.
    """
    tables = map(table_of, rows)
    first = next(tables, None)
    names = header if header is not None else first.column_names if first is not None else []
    written = 0
    with writing(path, names, dialect=dialect, options=options) as writer:
        for table in chain([first] if first is not None else [], tables):
            writer.write(table)
            written += len(table)
    return Written(written, tuple(writer.problems))
