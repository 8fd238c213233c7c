"""What was sent and what came back, on disk, so that a run can go on after it was stopped at any moment.

A request stands here before it leaves, its outcomes after it was answered; rows that need no request are
noted too. The outcomes of a run are read from here, never from memory. One writer; every call is a commit.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import numpy as np
import orjson
import xxhash

from etl.model import ChangeKind, Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from etl.model import Batch

RowNumbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"
Place: TypeAlias = tuple[str, str | None]
"""File and sheet."""
RequestPhase = Literal["record", "relations", "attributes"]

# WAL and synchronous=NORMAL: a killed process loses nothing, a power cut the last commits at most, which a
# plain import finds again on the server.
SET_UP = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS requests (
  request INTEGER PRIMARY KEY,
  batch INTEGER NOT NULL,
  phase TEXT NOT NULL,
  entity TEXT NOT NULL,
  part TEXT NOT NULL,
  first_row INTEGER NOT NULL,
  last_row INTEGER NOT NULL,
  digest BLOB NOT NULL,
  items BLOB NOT NULL,
  answered INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS outcomes (
  seq INTEGER PRIMARY KEY,
  first_row INTEGER NOT NULL,
  last_row INTEGER NOT NULL,
  rows BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A record that was sent and whose answer never came: it may stand on the server."""

    entity: str
    record_id: str
    kind: ChangeKind


class Journal:
    """The journal of one run: `journal.db` in its folder."""

    def __init__(self, path: Path) -> None:
        # Written from the event loop and from the thread that reads the source, never from both at once.
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(SET_UP)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; everything stands in it already."""
        self._db.close()

    def sending(self, batch: Batch, *, phase: RequestPhase = "record") -> int:
        """Write down that a request is about to leave; return its number for `answered`."""
        changes = batch.changes
        numbers = changes.numbers.to_pylist()
        items = list(zip(changes.ids.to_pylist(), changes.kinds, strict=True))
        cursor = self._db.execute(
            "INSERT INTO requests (batch, phase, entity, part, first_row, last_row, digest, items)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.number,
                phase,
                batch.entity,
                changes.part,
                min(numbers),
                max(numbers),
                xxhash.xxh3_128_digest(batch.body),
                orjson.dumps(items),
            ),
        )
        return int(cursor.lastrowid or 0)

    def answered(self, request: int, outcomes: Iterable[Outcome]) -> None:
        """Write down what became of the items of a request, in the same commit as that it was answered."""
        self._db.execute("BEGIN")
        self._db.execute("UPDATE requests SET answered = 1 WHERE request = ?", (request,))
        self._insert(outcomes)
        self._db.execute("COMMIT")

    def noted(self, outcomes: Iterable[Outcome]) -> None:
        """Write down what became of rows that no request was needed for."""
        self._insert(outcomes)

    def given_up(self, request: int) -> None:
        """Write down that a request was never answered but what it held is known by other means."""
        self._db.execute("UPDATE requests SET answered = 1 WHERE request = ?", (request,))

    def outcomes(self) -> Iterator[list[Outcome]]:
        """Yield all outcomes, in the order in which they were written; some hundred at a time."""
        for (rows,) in self._db.execute("SELECT rows FROM outcomes ORDER BY seq"):
            yield [_outcome(row) for row in orjson.loads(rows)]

    def unanswered(self) -> list[Unanswered]:
        """Return the records of requests that left and were never answered."""
        rows = self._db.execute("SELECT entity, items FROM requests WHERE answered = 0 ORDER BY request")
        return [
            Unanswered(entity, record_id, ChangeKind(kind))
            for entity, items in rows
            for record_id, kind in orjson.loads(items)
        ]

    def done_rows(self, block: str = "") -> dict[Place, RowNumbers]:
        """Return per (file, sheet) the sorted numbers of rows whose own outcome is known; 8 bytes a row.

        Args:
            block: of the mapping; empty where it has none.
        """
        rows: dict[Place, list[RowNumbers]] = {}
        for outcomes in self.outcomes():
            per_sheet: dict[Place, list[int]] = {}
            for outcome in outcomes:
                if outcome.row and outcome.part == block and outcome.status is not Status.PENDING:
                    per_sheet.setdefault((outcome.file, outcome.sheet), []).append(outcome.row)
            for place, numbers in per_sheet.items():
                rows.setdefault(place, []).append(np.array(numbers, np.int64))
        return {place: np.unique(np.concatenate(parts)) for place, parts in rows.items()}

    def _insert(self, outcomes: Iterable[Outcome]) -> None:
        rows = [
            (
                one.row,
                one.file,
                one.sheet,
                one.entity,
                one.key,
                one.status,
                one.record_id,
                one.code,
                one.message,
                one.part,
                one.column,
            )
            for one in outcomes
        ]
        if rows:
            numbers = [row[0] for row in rows]
            self._db.execute(
                "INSERT INTO outcomes (first_row, last_row, rows) VALUES (?, ?, ?)",
                (min(numbers), max(numbers), orjson.dumps(rows)),
            )


def _outcome(row: list[str]) -> Outcome:
    number, file, sheet, entity, key, status, record_id, code, message, part, column = row
    return Outcome(
        file,
        sheet,
        int(number),
        entity,
        key,
        Status(status),
        record_id=record_id,
        code=code,
        message=message,
        part=part,
        column=column,
    )
