"""Where an export goes: the name of the file, whether it may be replaced, and the writer of its format."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl import tables
from etl.errors import ConfigurationInvalid, FormatUnknown
from etl.runs import write_whole
from etl.tables import Dialect, WriteOptions
from etl.tables.writing import completed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from etl.model import Problem
    from etl.tables import Writer

LINES = (".jsonl", ".ndjson")
WRITTEN = (*tables.WRITTEN, *LINES)
TEXTS = (".csv", ".tsv", ".txt")
REMEMBERED = "exports.json"
NAME_PARTS = ("date", "time", "entity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How cells are written, besides what the suffix says."""

    delimiter: str = ""
    """Of CSV; empty: a comma (`.tsv`: a tab), or a semicolon where the decimal mark is a comma."""
    decimal: str = "."
    """Of CSV."""
    encoding: str = "utf-8"
    """Of CSV; `utf-8-sig` begins with a byte order mark, which Excel wants."""
    is_csv_safe: bool = False
    """CSV: texts that a spreadsheet would run as a formula get an apostrophe."""
    separator: str = ", "
    """Between several values in one cell of CSV and XLSX; within a value a backslash stands before it."""
    sheet: str = "Export"


def output_path(text: str, *, cwd: Path, now: datetime, entity: str) -> Path:
    """Return the file that `-o` names: `{date}`, `{time}` and `{entity}` are filled in.

    Raises:
        ConfigurationInvalid: another name stands in braces.
    """
    facts = {"date": f"{now:%Y-%m-%d}", "time": f"{now:%H%M%S}", "entity": entity}
    for name in re.findall(r"\{([^{}]*)\}", text):
        if name not in facts:
            known = ", ".join(f"{{{one}}}" for one in NAME_PARTS)
            raise ConfigurationInvalid(
                "--output", what=f'"{{{name}}}" means nothing here.', advice=f"Known are {known}."
            )
    return cwd / re.sub(r"\{(\w+)\}", lambda found: facts[found[1]], text)


def check_format(path: Path) -> None:
    """Refuse a suffix that names no format.

    Raises:
        FormatUnknown: it names none.
    """
    if path.suffix.lower() not in WRITTEN:
        raise FormatUnknown(str(path), known=WRITTEN)


class Earlier:
    """Files that exports of this state folder wrote, so that they may be replaced, and what each knew."""

    def __init__(self, state: Path) -> None:
        self._file = state / REMEMBERED
        try:
            said = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            said = {}
        self._known: dict[str, dict[str, str]] = said if isinstance(said, dict) else {}

    def check(self, path: Path, *, is_forced: bool) -> None:
        """Refuse to replace a file that is not ours, or was changed since.

        Raises:
            ConfigurationInvalid: it is not.
        """
        if is_forced or not path.exists():
            return
        if self._known.get(str(path.resolve()), {}).get("print") != _print(path):
            what = f"{path} is there already, and is no export of this project as it was written."
            raise ConfigurationInvalid("--output", what=what, advice="Give another name, or add --force.")

    def watermark(self, subject: str) -> str:
        """Return what the last export of a subject noted; empty: there was none."""
        return self._known.get(subject, {}).get("changed", "")

    def note(self, path: Path | None, subject: str, *, changed: str) -> None:
        """Remember a file that was written, and up to when its records were known."""
        if path is not None:
            self._known[str(path.resolve())] = {"print": _print(path)}
        self._known[subject] = {"changed": changed}
        write_whole(self._file, json.dumps(self._known, indent=1, sort_keys=True) + "\n")


def _print(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


@contextmanager
def opened(
    path: Path, header: Sequence[str], *, form: Format, metadata: Mapping[str, str] | None = None
) -> Iterator[Writer]:
    """Open a file for an export; it appears under its name when the body ends well.

    Raises:
        FormatUnknown: its suffix names no format.
    """
    check_format(path)
    suffix = path.suffix.lower()
    if suffix in LINES:
        with completed(path) as part:
            writer = JsonLines(part)
            try:
                yield writer
            finally:
                writer.close()
        return
    usual = "\t" if suffix == ".tsv" else ";" if form.decimal == "," else ","
    dialect = Dialect(
        encoding=form.encoding, delimiter=form.delimiter or usual, newline="\r\n", sheet=form.sheet
    )
    options = WriteOptions(form.is_csv_safe, tuple((metadata or {}).items()))
    with tables.writing(path, header, dialect=dialect, options=options) as plain:
        yield plain if suffix in tables.PARQUET else Flat(plain, form, is_text=suffix in TEXTS)


class Flat:
    """Writes rows into a format that has one value per cell: several are joined."""

    def __init__(self, inner: Writer, form: Format, *, is_text: bool) -> None:
        self._inner, self._form, self._is_text = inner, form, is_text
        self.problems: list[Problem] = inner.problems

    def write(self, rows: pa.Table) -> None:
        """Add rows."""
        self._inner.write(
            flat(rows, self._form.separator, decimal=self._form.decimal if self._is_text else ".")
        )

    def close(self) -> None:
        """Leave it to the one who opened the file."""


class JsonLines:
    """Writes rows as JSON, one object a line; several values are lists, dates ISO texts, nothing is null."""

    def __init__(self, path: Path) -> None:
        self.problems: list[Problem] = []
        self._stream = path.open("wb")

    def write(self, rows: pa.Table) -> None:
        """Add rows."""
        names = rows.column_names
        columns = [_as_json(column).to_pylist() for column in rows.columns]
        lines = [
            orjson.dumps(dict(zip(names, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE)
            for row in zip(*columns, strict=True)
        ]
        self._stream.write(b"".join(lines))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def _as_json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, "%Y-%m-%d %H:%M:%S")
    return column.cast(pa.string()) if pa.types.is_date(column.type) else column


def flat(rows: pa.Table, separator: str, *, decimal: str = ".") -> pa.Table:
    """Return rows with one value per cell: lists joined, empty ones as nothing; numbers with their mark."""
    for at, name in enumerate(rows.column_names):
        column = rows.column(at)
        if pa.types.is_list(column.type):
            rows = rows.set_column(at, name, _joined(column, separator))
        elif decimal != "." and pa.types.is_floating(column.type):
            rows = rows.set_column(at, name, pc.replace_substring(column.cast(pa.string()), ".", decimal))
    return rows


def _joined(column: pa.ChunkedArray, separator: str) -> pa.Array:
    lists = column.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.chunk(0) if lists.num_chunks else pa.array([], column.type)
    mark = separator.strip() or separator
    pieces = lists.flatten().cast(pa.string())
    escaped = pc.replace_substring(pc.replace_substring(pieces, "\\", "\\\\"), mark, f"\\{mark}")
    made = pa.ListArray.from_arrays(_offsets(lists), pc.fill_null(escaped, ""))
    texts = pc.binary_join(made, separator)
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _offsets(lists: pa.ListArray) -> pa.Int32Array:
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])
