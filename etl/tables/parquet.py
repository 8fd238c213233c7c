"""Parquet: typed columns, read by row groups. A row's number is its 1-based position; there is no header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from etl.errors import SourceUnreadable
from etl.tables.columns import tell_apart
from etl.tables.origin import digest_of, read_bytes
from etl.tables.table import Dialect, Table, to_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from etl.model import Frame, Problem

ROW_GROUP_ROWS = 100_000


def read_parquet(path: Path, *, name: str, frame_rows: int) -> Table:
    """Return the table of a Parquet file; nothing but its footer is read.

    Raises:
        SourceUnreadable: it is no Parquet file.
    """
    with _open(path) as file:
        header = tell_apart(file.schema_arrow.names, name=name, sheet=None, row=0)
        rows_total = file.metadata.num_rows
    return Table(
        name=name,
        sheet=None,
        header=header.names,
        dialect=Dialect("parquet"),
        rows_total=rows_total,
        path=path,
        passes=lambda: _frames(path, header.names, name=name, frame_rows=frame_rows),
        fingerprint=lambda: digest_of(path),
        problems=header.problems,
        is_partial="_run" in header.names,
    )


def _open(path: Path) -> parquet.ParquetFile:
    try:
        # Without read-ahead a file of any size is read in the memory of a row group.
        return parquet.ParquetFile(read_bytes(path), pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(
            str(path),
            reason=f"this is no readable Parquet file ({error}).",
            advice="Write it anew, completely.",
        ) from None


def _frames(path: Path, header: tuple[str, ...], *, name: str, frame_rows: int) -> Iterator[Frame]:
    number = 1
    with _open(path) as file:
        for batch in file.iter_batches(frame_rows):
            data = plain(pa.Table.from_batches([batch])).rename_columns(list(header))
            numbers = np.arange(number, number + len(data), dtype=np.int64)
            yield to_frame(data, pa.array(numbers), name=name)
            number += len(data)


def plain(data: pa.Table) -> pa.Table:
    """Return the table without what only saves space: dictionaries unfolded, one kind of string."""
    for at, field in enumerate(data.schema):
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_large_string(kind) or kind == pa.string_view():
            kind = pa.string()
        if kind != field.type:
            data = data.set_column(at, field.name, data.column(at).cast(kind))
    return data


class ParquetWriter:
    """Writes rows as Parquet: types and the metadata of fields are kept."""

    def __init__(self, path: Path, *, header: Sequence[str], metadata: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._path, self._header, self._metadata = path, list(header), dict(metadata)
        self._file: parquet.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        """Add rows; the first ones say the types, later ones are converted to them.

        Raises:
            pyarrow.ArrowInvalid: they cannot be converted.
        """
        rows = rows.rename_columns(self._header)
        if self._file is None:
            schema = rows.schema.with_metadata({**(rows.schema.metadata or {}), **self._metadata})
            # zstd finds what repeats: with dictionaries before it files are larger and take twice as long.
            self._file = parquet.ParquetWriter(
                self._path, schema, compression="zstd", use_dictionary=False, data_page_version="2.0"
            )
        self._file.write_table(rows.cast(self._file.schema), row_group_size=ROW_GROUP_ROWS)

    def close(self) -> None:
        """Write the footer; a file without rows has text columns."""
        if self._file is None:
            self.write(pa.table({name: pa.array([], pa.string()) for name in self._header}))
        if self._file is not None:
            self._file.close()
