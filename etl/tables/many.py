"""Several files of one shape as one table: a glob, or a folder of Parquet files with partitions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa

from etl.errors import SourceUnreadable
from etl.tables.table import Table, table_of, to_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from etl.model import Frame


def joined(tables: Sequence[Table], *, name: str) -> Table:
    """Return tables with the same columns as one; each row keeps the name of its file and its number there.

    Raises:
        SourceUnreadable: one of them lacks a column, or has one more.
    """
    first = tables[0]
    for other in tables[1:]:
        if differing := sorted(set(first.header) ^ set(other.header)):
            raise SourceUnreadable(
                name,
                reason=f"{other.name} and {first.name} have different columns ({', '.join(differing[:5])}).",
                advice="Import them one by one, or give them the same columns.",
            )
    totals = [table.rows_total for table in tables]

    def frames() -> Iterator[Frame]:
        for table in tables:
            for frame in table.frames():
                yield frame if table.header == first.header else _ordered(frame, first.header)

    return Table(
        name=name,
        sheet=first.sheet,
        header=first.header,
        dialect=first.dialect,
        rows_total=None if None in totals else sum(total or 0 for total in totals),
        path=None,
        passes=frames,
        fingerprint=lambda: hashlib.sha256(
            "\n".join(table.digest() for table in tables).encode()
        ).hexdigest(),
        problems=tuple(problem for table in tables for problem in table.problems),
        is_partial=any(table.is_partial for table in tables),
    )


def _ordered(frame: Frame, header: Sequence[str]) -> Frame:
    data = table_of(frame).select(list(header))
    return to_frame(data, frame.numbers, name=frame.file, sheet=frame.sheet, unreadable=frame.unreadable)


def partition_of(path: Path, folder: Path) -> dict[str, str]:
    """Return the values that the folders of a partition name: `country=de/year=2026/part-0.parquet`."""
    parts = path.relative_to(folder).parts[:-1]
    named = (part.partition("=") for part in parts if "=" in part)
    return {unquote(key): unquote(value) for key, _, value in named}


def with_constants(table: Table, constants: dict[str, str]) -> Table:
    """Return a table with further text columns, each of one value; those it has already stay as they are."""
    added = {key: value for key, value in constants.items() if key not in table.header}
    if not added:
        return table

    def frames() -> Iterator[Frame]:
        for frame in table.frames():
            data = table_of(frame)
            for key, value in added.items():
                data = data.append_column(key, pa.array([value] * len(data), pa.string()))
            yield to_frame(
                data, frame.numbers, name=frame.file, sheet=frame.sheet, unreadable=frame.unreadable
            )

    return Table(
        name=table.name,
        sheet=table.sheet,
        header=(*table.header, *added),
        dialect=table.dialect,
        rows_total=table.rows_total,
        path=table.path,
        passes=frames,
        fingerprint=table.fingerprint,
        problems=table.problems,
        is_partial=table.is_partial,
    )
