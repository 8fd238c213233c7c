"""What was sent and what came back, on disk, so that a run can go on after it was stopped at any moment.

A request stands here before it leaves, its outcomes after it was answered; rows that need no request are
noted too. The outcomes of a run are read from here, never from memory. One writer; every call is a commit.

Rows, keys and ids stand here as Arrow columns, in the form that messages of Arrow have: they are made of
columns and become columns of the report, and no row of them is ever an object. Where all that a request held
ended alike, as most does, they stand here once: as they were sent.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from etl.errors import JournalDamaged, JournalOutdated
from etl.model import Alike, ChangeKind, Outcome, Outcomes, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from etl.model import Batch

RowNumbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"
Place: TypeAlias = tuple[str, str | None]
"""File and sheet."""
Columns: TypeAlias = list[pa.Array]
"""Those of `COLUMNS`."""

FORM = 4
"""Of the tables; raised with every change of theirs. Files without a number are older."""
# WAL and synchronous=NORMAL: a killed process loses nothing, a power cut the last commits at most, which a
# plain import finds again on the server.
SET_UP = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA user_version = {FORM};
CREATE TABLE IF NOT EXISTS requests (
  request INTEGER PRIMARY KEY,
  batch INTEGER NOT NULL,
  entity TEXT NOT NULL,
  part TEXT NOT NULL,
  file TEXT NOT NULL,
  sheet TEXT,
  first_row INTEGER NOT NULL,
  last_row INTEGER NOT NULL,
  digest BLOB NOT NULL,
  kinds BLOB NOT NULL,
  columns BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS outcomes (
  seq INTEGER PRIMARY KEY,
  request INTEGER,
  alike BLOB,
  rows BLOB
);
"""
# The part is what of its rows a request carries: empty for the records, else `relations`, `attributes`, a
# field with relation records, or a block of the mapping. The digest is XXH3 over the body: whoever looks for
# what made a server fail can tell whether two requests were the same.
# Outcomes that name a request say that it was answered. Where they are alike they have columns as `rows`, or
# none: those of the request are theirs. The others have JSON.
OUTCOMES = """
SELECT alike, coalesce(rows, columns) FROM outcomes LEFT JOIN requests USING (request) ORDER BY seq
"""
DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
COLUMNS = pa.schema([("rows", pa.int64()), ("keys", pa.string()), ("ids", pa.string())])


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A record that was sent and whose answer never came: it may stand on the server."""

    entity: str
    record_id: str
    kind: ChangeKind
    part: str
    file: str
    sheet: str | None
    row: int
    """As in `Outcome.row`."""
    key: str


def insist_on_form(path: Path) -> None:
    """Refuse a journal whose tables are not those of this version; one that is not there is none of these.

    Raises:
        JournalOutdated: it was written by an earlier version.
        JournalDamaged: it cannot be read.
    """
    if not path.exists():
        return
    with closing(sqlite3.connect(path)) as db:
        try:
            (form,) = db.execute("PRAGMA user_version").fetchone()
            # A process killed as it began left no tables.
            has_tables = db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in DAMAGED:
                raise
            raise JournalDamaged(str(path)) from error
        if form != FORM and has_tables:
            raise JournalOutdated(str(path))


class Journal:
    """The journal of one run: `journal.db` in its folder."""

    def __init__(self, path: Path) -> None:
        # Written from the event loop and from the thread that reads the source, never from both at once.
        insist_on_form(path)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(SET_UP)
        self._under_way: dict[int, Columns] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; everything stands in it already."""
        self._db.close()

    def sending(self, batch: Batch) -> int:
        """Write down that a request is about to leave; return its number for `answered`."""
        changes = batch.changes
        columns = [changes.numbers, changes.keys, changes.ids]
        cursor = self._db.execute(
            "INSERT INTO requests"
            " (batch, entity, part, file, sheet, first_row, last_row, digest, kinds, columns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.number,
                batch.entity,
                changes.part,
                changes.file,
                changes.sheet,
                *_ends(changes.numbers),
                xxhash.xxh3_128_digest(batch.body),
                orjson.dumps(_shortened(changes.kinds)),
                _message(columns),
            ),
        )
        request = int(cursor.lastrowid or 0)
        self._under_way[request] = columns
        return request

    def answered(self, request: int, outcomes: Iterable[Outcome]) -> None:
        """Write down what became of the items of a request, in the same commit as that it was answered."""
        self._insert(Outcomes.of(outcomes), request)

    def noted(self, outcomes: Iterable[Outcome]) -> None:
        """Write down what became of rows that no request was needed for."""
        if outcomes := Outcomes.of(outcomes):
            self._insert(outcomes)

    def given_up(self, request: int) -> None:
        """Write down that a request was never answered but what it held is known by other means."""
        self._insert(Outcomes(), request)

    def outcomes(self) -> Iterator[Outcomes]:
        """Yield all outcomes, in the order in which they were written; some hundred at a time."""
        for alike, rows in self._db.execute(OUTCOMES):
            yield _outcomes(alike, rows)

    def outcomes_backwards(self) -> Iterator[list[Outcome]]:
        """Yield the same, the last one first."""
        for alike, rows in self._db.execute(f"{OUTCOMES} DESC"):
            yield [*_outcomes(alike, rows)][::-1]

    def unanswered(self) -> list[Unanswered]:
        """Return the records of requests that left and were never answered."""
        found = self._db.execute(
            "SELECT entity, part, file, sheet, kinds, columns FROM requests"
            " WHERE request NOT IN (SELECT request FROM outcomes WHERE request IS NOT NULL) ORDER BY request"
        )
        return [
            Unanswered(entity, record_id, ChangeKind(kind), part, file, sheet, row, key or "")
            for entity, part, file, sheet, kinds, columns in found
            for kind, (row, key, record_id) in _paired(orjson.loads(kinds), _columns(columns))
        ]

    def unsettled(self) -> list[Unanswered]:
        """Return those of them that no later request held and of which no outcome is known, each once."""
        first: dict[tuple[str, str, str], Unanswered] = {}
        for one in self.unanswered():
            first.setdefault((one.entity, one.part, one.record_id), one)
        if not first:
            return []
        wanted = pa.array({record_id for _, _, record_id in first}, pa.string())
        ends: dict[tuple[str, str], bool] = {}
        requests = self._db.execute(
            "SELECT entity, columns, request IN (SELECT request FROM outcomes WHERE request IS NOT NULL)"
            " FROM requests ORDER BY request"
        )
        for entity, columns, is_answered in requests:
            ids = _columns(columns)[-1]
            ends |= dict.fromkeys(((entity, one) for one in _among(ids, wanted)), bool(is_answered))
        for outcomes in self.outcomes():
            for alike in outcomes.alike:
                for record_id in _among(alike.ids, wanted):
                    first.pop((alike.entity, alike.part, record_id), None)
            for told in outcomes.told:
                first.pop((told.entity, told.part, told.record_id), None)
        return [one for one in first.values() if not ends[one.entity, one.record_id]]

    def done_rows(
        self, block: str = "", *, statuses: Collection[Status] | None = None
    ) -> dict[Place, RowNumbers]:
        """Return per (file, sheet) the sorted numbers of rows whose own outcome is known; 8 bytes a row.

        Args:
            block: of the mapping; empty where it has none.
            statuses: only rows that ended so; None: in any way.
        """
        return self.done_by_part(statuses=statuses).get(block, {})

    def done_by_part(
        self, *, statuses: Collection[Status] | None = None
    ) -> dict[str, dict[Place, RowNumbers]]:
        """Return per part what `done_rows` returns of one."""
        rows: dict[tuple[str, Place], list[RowNumbers]] = {}
        for outcomes in self.outcomes():
            for alike in outcomes.alike:
                is_meant = statuses is None or alike.status in statuses
                if is_meant and alike.status is not Status.PENDING:
                    numbers = alike.rows.to_numpy()
                    place = (alike.part, (alike.file, alike.sheet))
                    rows.setdefault(place, []).append(numbers[numbers > 0])
            per_sheet: dict[tuple[str, Place], list[int]] = {}
            for outcome in outcomes.told:
                if statuses is not None and outcome.status not in statuses:
                    continue
                if outcome.row and outcome.status is not Status.PENDING:
                    place = (outcome.part, (outcome.file, outcome.sheet))
                    per_sheet.setdefault(place, []).append(outcome.row)
            for place, told in per_sheet.items():
                rows.setdefault(place, []).append(np.array(told, np.int64))
        found: dict[str, dict[Place, RowNumbers]] = {}
        for (part, sheet), parts in rows.items():
            found.setdefault(part, {})[sheet] = np.unique(np.concatenate(parts))
        return found

    def withdraw(self, is_over: Callable[[Outcome], bool]) -> None:
        """Take back that some records failed: they are about to be tried again.

        Args:
            is_over: told of each failed outcome; true: it stands no more.
        """
        told = self._db.execute("SELECT seq, rows FROM outcomes WHERE alike IS NULL").fetchall()
        self._db.execute("BEGIN")
        for seq, rows in told:
            found = _outcomes(None, rows).told
            left = [one for one in found if one.status is not Status.FAILED or not is_over(one)]
            if len(left) < len(found):
                cells = orjson.dumps([_cells(one) for one in left])
                self._db.execute("UPDATE outcomes SET rows = ? WHERE seq = ?", (cells, seq))
        self._db.execute("COMMIT")

    def _insert(self, outcomes: Outcomes, request: int | None = None) -> None:
        sent = None if request is None else self._under_way.pop(request, None)
        rows: list[tuple[int | None, bytes | None, bytes | pa.Buffer | None]] = []
        for one in outcomes.alike:
            constants = orjson.dumps([one.file, one.sheet, one.entity, one.status, one.records, one.part])
            columns = [one.rows, one.keys, one.ids]
            rows.append((request, constants, None if columns == sent else _message(columns)))
        if outcomes.told or not rows:
            rows.append((request, None, orjson.dumps([_cells(one) for one in outcomes.told])))
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO outcomes (request, alike, rows) VALUES (?, ?, ?)", rows)
        self._db.execute("COMMIT")


def _ends(numbers: pa.Int64Array) -> tuple[int, int]:
    rows = numbers.to_numpy()
    return int(rows.min()), int(rows.max())


def _shortened(kinds: Sequence[ChangeKind]) -> list[ChangeKind]:
    """Of kinds that are all the same, the first."""
    return list(kinds[:1]) if len(set(kinds)) == 1 else list(kinds)


def _paired(kinds: list[str], columns: Columns) -> Iterator[tuple[str, tuple[int, str | None, str]]]:
    rows = list(zip(*(one.to_pylist() for one in columns), strict=True))
    return zip(kinds * len(rows) if len(kinds) == 1 else kinds, rows, strict=True)


def _among(ids: pa.Array, wanted: pa.Array) -> list[str]:
    found: list[str] = ids.filter(pc.is_in(ids, wanted)).to_pylist()
    return found


def _outcomes(alike: bytes | None, rows: bytes) -> Outcomes:
    if alike is None:
        return Outcomes(told=tuple(_outcome(row) for row in orjson.loads(rows)))
    return Outcomes((_alike(alike, rows),))


def _message(columns: Columns) -> pa.Buffer:
    return pa.RecordBatch.from_arrays(columns, schema=COLUMNS).serialize()


def _columns(message: bytes) -> Columns:
    columns: Columns = pa.ipc.read_record_batch(pa.py_buffer(message), COLUMNS).columns
    return columns


def _alike(constants: bytes, columns: bytes) -> Alike:
    file, sheet, entity, status, records, part = orjson.loads(constants)
    rows, keys, ids = _columns(columns)
    return Alike(file, sheet, entity, Status(status), rows, keys, ids, records, part)


def _cells(one: Outcome) -> tuple[str | int | None, ...]:
    return (
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
