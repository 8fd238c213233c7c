"""`results.parquet`: a line for every row and record of a run.

The journal is what survives a kill; this file is written from the outcomes it holds, and a run that goes on
writes it anew. It takes its name only when it is complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import pyarrow as pa
from pyarrow import parquet

from etl.model import Outcome, Outcomes, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from etl.model import Alike

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
        self._alike: list[Alike] = []
        self._lines: list[pa.RecordBatch] = []
        self._held = 0
        """Lines in both: those that are alike stand behind the others."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, outcomes: Iterable[Outcome]) -> None:
        """Add a line for each outcome, in this order."""
        portion = Outcomes.of(outcomes)
        for alike in portion.alike:
            if self._alike and _constants(alike) != _constants(self._alike[0]):
                self._put_together()
            self._alike.append(alike)
        if portion.told:
            self._put_together()
            self._lines.append(_lines(portion.told))
        self._held += len(portion)
        if self._held >= GROUP_ROWS:
            self._flush(GROUP_ROWS)

    def close(self) -> None:
        """Complete the file and give it its name, in place of an earlier one. A second call does nothing."""
        if not self._writer.is_open:
            return
        if self._held:
            self._flush(1)
        self._writer.close()
        self._beside.replace(self.path)

    def _put_together(self) -> None:
        """Make lines of what is alike: many at once."""
        if self._alike:
            self._lines.append(_alike_lines(self._alike))
            self._alike = []

    def _flush(self, least: int) -> None:
        """Write groups of lines while there are at least so many."""
        self._put_together()
        lines = pa.Table.from_batches(self._lines, SCHEMA)
        while len(lines) >= least:
            self._writer.write_table(lines.slice(0, GROUP_ROWS), GROUP_ROWS)
            lines = lines.slice(GROUP_ROWS)
        # A copy of the rest: a slice would keep the whole in memory.
        self._lines, self._held = lines.combine_chunks().to_batches(), len(lines)


def _constants(alike: Alike) -> tuple[str | None, ...]:
    return (alike.file, alike.sheet, alike.part, alike.entity, alike.status)


def _alike_lines(alikes: Sequence[Alike]) -> pa.RecordBatch:
    first, nothing = alikes[0], ""
    columns: dict[str, pa.Array | str | None] = {
        "file": first.file,
        "sheet": first.sheet,
        "row": pa.concat_arrays([one.rows for one in alikes]),
        "part": first.part,
        "entity": first.entity,
        "key": pa.concat_arrays([one.keys for one in alikes]),
        "status": first.status.value,
        "id": pa.concat_arrays([one.ids for one in alikes]),
        "code": nothing,
        "message": nothing,
        "column": nothing,
    }
    count = sum(map(len, alikes))
    arrays = [
        column if isinstance(column, pa.Array) else pa.repeat(pa.scalar(column, pa.string()), count)
        for column in columns.values()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _lines(outcomes: Sequence[Outcome]) -> pa.RecordBatch:
    columns = [
        [one.file for one in outcomes],
        [one.sheet for one in outcomes],
        [one.row for one in outcomes],
        [one.part for one in outcomes],
        [one.entity for one in outcomes],
        [one.key for one in outcomes],
        [str(one.status) for one in outcomes],
        [one.record_id for one in outcomes],
        [one.code for one in outcomes],
        [one.message for one in outcomes],
        [one.column for one in outcomes],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


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
