"""`results.parquet`: a line for every row and record of a run.

The journal is what survives a kill; this file is written from the outcomes it holds, and a run that goes on
writes it anew. It takes its name only when it is complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import pyarrow as pa
from pyarrow import parquet

from etl.model import Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE = "results.parquet"
GROUP_ROWS = 20_000
"""Lines held in memory, and in one row group of the file."""

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("sheet", pa.string()),
        ("row", pa.int64()),
        ("part", pa.string()),
        ("entity", pa.string()),
        ("key", pa.string()),
        ("status", pa.string()),
        ("id", pa.string()),
        ("code", pa.string()),
        ("message", pa.string()),
        ("column", pa.string()),
    ]
)


class ResultsWriter:
    """Writes `results.parquet` into the folder of a run as outcomes come; a group of lines in memory."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._beside = folder / f"{FILE}.new"
        self._writer = parquet.ParquetWriter(self._beside, SCHEMA, compression="zstd")
        self._lines: list[Outcome] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, outcomes: Iterable[Outcome]) -> None:
        """Add a line for each outcome, in this order."""
        self._lines.extend(outcomes)
        while len(self._lines) >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Complete the file and give it its name, in place of an earlier one. A second call does nothing."""
        if not self._writer.is_open:
            return
        if self._lines:
            self._flush()
        self._writer.close()
        self._beside.replace(self.path)

    def _flush(self) -> None:
        group, self._lines = self._lines[:GROUP_ROWS], self._lines[GROUP_ROWS:]
        columns = [
            [one.file for one in group],
            [one.sheet for one in group],
            [one.row for one in group],
            [one.part for one in group],
            [one.entity for one in group],
            [one.key for one in group],
            [str(one.status) for one in group],
            [one.record_id for one in group],
            [one.code for one in group],
            [one.message for one in group],
            [one.column for one in group],
        ]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA))


def write_results(folder: Path, portions: Iterable[Iterable[Outcome]]) -> Path:
    """Write `results.parquet` of a run whole, from its journal; return its path."""
    with ResultsWriter(folder) as writer:
        for outcomes in portions:
            writer.write(outcomes)
    return writer.path


def read_results(folder: Path) -> Iterator[list[Outcome]]:
    """Yield the outcomes of a run, some thousand at a time, in the order of the file.

    Raises:
        FileNotFoundError: the run has no results yet.
    """
    with parquet.ParquetFile(folder / FILE) as file:
        for batch in file.iter_batches():
            yield [_outcome(line) for line in batch.to_pylist()]


def _outcome(line: dict[str, str]) -> Outcome:
    return Outcome(
        line["file"],
        line["sheet"],
        int(line["row"]),
        line["entity"],
        line["key"],
        Status(line["status"]),
        record_id=line["id"],
        code=line["code"],
        message=line["message"],
        part=line["part"],
        column=line["column"],
    )
