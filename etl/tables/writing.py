"""What every writer takes and gives: rows go in a block at a time, a file appears when all are in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from etl.model import Problem


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a table may look like in its file, besides its dialect."""

    is_csv_safe: bool = False
    """CSV: a text that a spreadsheet would run as a formula gets an apostrophe before it. There and back is
    then no longer the same."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Parquet: key and value pairs kept with the file's schema."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    rows: int
    problems: tuple[Problem, ...] = ()
    """Cells that the format cannot hold; what was written instead is said by each Problem."""


class Writer(Protocol):
    """One open file of one format."""

    problems: list[Problem]

    def write(self, rows: pa.Table) -> None:
        """Add rows; their columns stand in the order of the header."""

    def close(self) -> None:
        """Write what is left, so that the file is whole."""


@contextmanager
def completed(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it takes the place of `path` if all goes well, else it goes."""
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
