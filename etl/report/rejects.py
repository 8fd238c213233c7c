"""`rejected.csv|xlsx|parquet`: every row that did not arrive, as it came in, to be corrected and imported.

Four columns stand behind those of the source: `_run`, `_status`, `_column`, `_message`. The first of them
makes the file a partial source: an import of it deletes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from etl.model import ROW_PRECEDENCE, Frame, Outcome, Outcomes, Status, UnreadableRow
from etl.problems import is_error
from etl.report.neutral import neutral, shortened
from etl.tables import table_of, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from etl.tables import Table

OURS = ("_run", "_status", "_column", "_message")
REJECTED = frozenset({Status.INVALID, Status.FAILED, Status.PENDING})
LONGEST_MESSAGE = 4000


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """Why one source row did not arrive."""

    status: Status
    columns: tuple[str, ...]
    """Source columns that are to blame; empty: none of them alone."""
    message: str
    """All that is wrong with it, in sentences."""

    def and_also(self, other: RejectedRow) -> RejectedRow:
        """Return both, where several records of a row failed."""
        is_told = other.message in self.message
        return RejectedRow(
            min(self.status, other.status, key=ROW_PRECEDENCE.index),
            tuple(dict.fromkeys(self.columns + other.columns)),
            self.message if is_told else f"{self.message} {other.message}".strip(),
        )


class RejectedRows:
    """Notes what did not arrive while outcomes pass by; holds only those rows in memory."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str | None], dict[int, RejectedRow]] = {}
        """By (file, sheet) and row number."""

    def noting(self, portions: Iterable[Outcomes]) -> Iterator[Outcomes]:
        """Yield the outcomes as they come."""
        for outcomes in portions:
            self.note(outcomes)
            yield outcomes

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Keep what of these did not arrive."""
        for outcome in Outcomes.of(outcomes).told:
            if outcome.status not in REJECTED or not outcome.row:
                continue
            rows = self.found.setdefault((outcome.file, outcome.sheet), {})
            one = RejectedRow(outcome.status, _columns(outcome), outcome.message)
            rows[outcome.row] = rows[outcome.row].and_also(one) if outcome.row in rows else one


def rejected_rows(outcomes: Iterable[Outcome]) -> dict[tuple[str, str | None], dict[int, RejectedRow]]:
    """Return by (file, sheet) and row number what did not arrive; holds only those rows in memory."""
    rejected = RejectedRows()
    rejected.note(outcomes)
    return rejected.found


def write_rejected(
    table: Table, rows: Mapping[int, RejectedRow], *, run: str, folder: Path, stem: str = "rejected"
) -> Path | None:
    """Write the rejected rows of a source in its own dialect, reading it once more; return the file.

    Without a rejected row nothing is written and an earlier file of the name goes; then None is returned.
    Columns of an earlier rejection (`_run` …) are replaced. A line with cells too many has the surplus in its
    last cell, as it stood there.

    Args:
        rows: by row number, 1-based as seen in the file.
        stem: the name of the file without its suffix.

    Raises:
        SourceMissing, SourceUnreadable: the source has gone or changed since it was read.
    """
    path = folder / f"{stem}{table.dialect.suffix}"
    if not rows:
        path.unlink(missing_ok=True)
        return None
    header = [name for name in table.header if name not in OURS]
    wanted = np.array(sorted(rows), np.int64)
    portions = (
        portion
        for frame in table.frames()
        for portion in _portions(
            frame, rows, wanted=wanted, header=header, run=run, joint=table.dialect.delimiter
        )
    )
    write(path, portions, header=[*header, *OURS], dialect=table.dialect)
    return path


def _portions(
    frame: Frame,
    rows: Mapping[int, RejectedRow],
    *,
    wanted: np.ndarray[tuple[int], np.dtype[np.int64]],
    header: Sequence[str],
    run: str,
    joint: str,
) -> Iterator[pa.Table]:
    """Yield the rejected rows of a frame in their order, those that could not be read between the others."""
    numbers = frame.numbers.to_numpy(zero_copy_only=False)
    positions = np.flatnonzero(np.isin(numbers, wanted))
    broken = [one for one in frame.unreadable if one.row in rows]
    if not len(positions) and not broken:
        return
    numbers = numbers[positions]
    readable = table_of(frame).select(list(header)).take(pa.array(positions))
    readable = _with_reasons(readable, {int(number): rows[int(number)] for number in numbers}, run)
    done = 0
    for one in broken:
        until = int(np.searchsorted(numbers, one.row))
        if until > done:
            yield readable.slice(done, until - done)
        done = until
        # What stood in our columns of an earlier rejection cannot be told apart in a broken line.
        cells = _fitting(one, columns=len(header), joint=joint)
        texts = pa.table([pa.array([cell], pa.string()) for cell in cells], names=list(header))
        yield _with_reasons(texts, {one.row: rows[one.row]}, run)
    if len(readable) > done:
        yield readable.slice(done)


def _with_reasons(data: pa.Table, reasons: Mapping[int, RejectedRow], run: str) -> pa.Table:
    added = (
        [run] * len(reasons),
        [reason.status.value for reason in reasons.values()],
        [_harmless(", ".join(reason.columns)) for reason in reasons.values()],
        # The row of the source: whoever corrects it there finds it.
        [_harmless(f"row {row}: {reason.message}") for row, reason in reasons.items()],
    )
    for name, texts in zip(OURS, added, strict=True):
        data = data.append_column(name, pa.array(texts, pa.string()))
    return data


def _fitting(row: UnreadableRow, *, columns: int, joint: str) -> list[str]:
    cells = list(row.cells)
    if len(cells) > columns:
        cells = [*cells[: columns - 1], joint.join(cells[columns - 1 :])]
    return cells + [""] * (columns - len(cells))


def _harmless(text: str) -> str:
    told = neutral(shortened(text, LONGEST_MESSAGE))
    # A column called `=…` begins our sentence: a spreadsheet would run it.
    return f"'{told}" if told.startswith(("=", "+", "-", "@")) else told


def _columns(outcome: Outcome) -> tuple[str, ...]:
    named = [one.column for one in outcome.problems if one.column and is_error(one)]
    return tuple(dict.fromkeys(named)) or ((outcome.column,) if outcome.column else ())
