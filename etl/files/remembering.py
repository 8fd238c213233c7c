"""What earlier runs found out of files: hashes of unchanged ones, ids at each server, tags of addresses.

It only saves time. A hash counts while the file's stamp is the same, an id is looked at before it is used, so
a file of the state folder that is lost or broken costs reading and asking again.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from etl.files.content import Content, Stamp
from etl.files.finding import Key
from etl.runs import make_state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

log = logging.getLogger(__name__)

FILE = "files.db"
VERSION = 1
WAIT_S = 10.0
"""For another run that writes into the same file."""
STEADY_NS = 3 * 10**9
"""A file that was changed so shortly before it was read may change again within one tick of its clock: FAT
counts in two seconds. Its hash is not kept."""
VARIABLES = 500
"""In one statement: SQLite takes 999 where it is old."""
SET_UP = """
CREATE TABLE contents (path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER, ctime INTEGER, md5 TEXT);
CREATE TABLE stored (
  target TEXT, md5 TEXT, size INTEGER, file_id TEXT, PRIMARY KEY (target, md5, size)
) WITHOUT ROWID;
CREATE TABLE fetched (
  url TEXT PRIMARY KEY, etag TEXT, last_modified TEXT, name TEXT, md5 TEXT, size INTEGER
);
CREATE TABLE linked (target TEXT, url TEXT, file_id TEXT, PRIMARY KEY (target, url)) WITHOUT ROWID;
CREATE TABLE pieces (target TEXT PRIMARY KEY, bytes INTEGER);
"""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address brought the last time."""

    etag: str
    last_modified: str
    name: str
    """That its content is stored under where nobody says another."""
    key: Key


class Memory:
    """Safe to be used from several threads; several runs at once may share the file."""

    def __init__(self, state: Path, target: str, *, now: Callable[[], float] = time.time) -> None:
        """Open it, or begin anew where there is none that can be read.

        Args:
            state: the state folder.
            target: address of the instance: ids mean nothing beyond it.
            now: seconds since 1970, as the clock of the file system counts them.
        """
        make_state_folder(state)
        self._path, self._target, self._now = state / FILE, target, now
        self._lock = threading.Lock()
        self._new: dict[str, list[tuple[object, ...]]] = {}
        """Statement -> rows that are written with the next `flush`."""
        try:
            self._connection = _opened(self._path)
        except sqlite3.DatabaseError:
            log.warning("begins anew", extra={"file": str(self._path)})
            self._path.unlink(missing_ok=True)
            self._connection = _opened(self._path)

    def close(self) -> None:
        """Write what is new and let go of the file."""
        self.flush()
        self._connection.close()

    def flush(self) -> None:
        """Write what is new; where another run holds the file for too long, it is forgotten."""
        with self._lock:
            new, self._new = self._new, {}
            if not new:
                return
            with _forgiving("kept"), self._connection:
                for statement, rows in new.items():
                    self._connection.executemany(statement, rows)

    def contents(self, stamps: Mapping[Path, Stamp]) -> dict[Path, Content]:
        """Return the contents of files that have not changed since they were read."""
        known = {}
        for path, size, mtime, ctime, md5 in self._rows(
            "SELECT path, size, mtime, ctime, md5 FROM contents WHERE path IN", [str(one) for one in stamps]
        ):
            stamp = Stamp(_int(size), _int(mtime), _int(ctime))
            if stamps.get(Path(str(path))) == stamp:
                known[Path(str(path))] = Content(stamp.size_bytes, str(md5), stamp)
        return known

    def keep_content(self, path: Path, content: Content) -> None:
        """Remember what was read of a file, unless it may change without its stamp changing."""
        stamp = content.stamp
        if stamp is None or self._now() * 10**9 - max(stamp.mtime_ns, stamp.ctime_ns) < STEADY_NS:
            return
        row = (str(path), stamp.size_bytes, stamp.mtime_ns, stamp.ctime_ns, content.md5)
        self._keep("INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?)", row)

    def ids(self, keys: Sequence[Key]) -> dict[Key, str]:
        """Return ids under which contents stood on this server once."""
        wanted = set(keys)
        rows = self._rows(
            "SELECT md5, size, file_id FROM stored WHERE target = ? AND md5 IN",
            [key.md5 for key in keys],
            first=[self._target],
        )
        known = {Key(str(md5), _int(size)): str(file_id) for md5, size, file_id in rows}
        return {key: file_id for key, file_id in known.items() if key in wanted}

    def keep_id(self, key: Key, file_id: str) -> None:
        """Remember where a content stands."""
        row = (self._target, key.md5, key.size_bytes, file_id)
        self._keep("INSERT OR REPLACE INTO stored VALUES (?, ?, ?, ?)", row)

    def fetched(self, urls: Sequence[str]) -> dict[str, Fetched]:
        """Return what addresses brought the last time."""
        rows = self._rows(
            "SELECT url, etag, last_modified, name, md5, size FROM fetched WHERE url IN", list(urls)
        )
        return {
            str(url): Fetched(str(etag), str(modified), str(name), Key(str(md5), _int(size)))
            for url, etag, modified, name, md5, size in rows
        }

    def keep_fetched(self, url: str, fetched: Fetched) -> None:
        """Remember what an address brought."""
        row = (
            url,
            fetched.etag,
            fetched.last_modified,
            fetched.name,
            fetched.key.md5,
            fetched.key.size_bytes,
        )
        self._keep("INSERT OR REPLACE INTO fetched VALUES (?, ?, ?, ?, ?, ?)", row)

    def linked(self, urls: Sequence[str]) -> dict[str, str]:
        """Return the ids of files that this server fetched from addresses itself."""
        rows = self._rows(
            "SELECT url, file_id FROM linked WHERE target = ? AND url IN", list(urls), first=[self._target]
        )
        return {str(url): str(file_id) for url, file_id in rows}

    def keep_linked(self, url: str, file_id: str) -> None:
        """Remember which file the server fetched from an address."""
        self._keep("INSERT OR REPLACE INTO linked VALUES (?, ?, ?)", (self._target, url, file_id))

    def piece_bytes(self) -> int | None:
        """Return how large a piece this server took after larger ones were refused; None: not known."""
        row = None
        with self._lock, _forgiving("read"):
            row = self._connection.execute(
                "SELECT bytes FROM pieces WHERE target = ?", (self._target,)
            ).fetchone()
        return _int(row[0]) if row else None

    def keep_piece_bytes(self, count: int) -> None:
        """Remember how large a piece this server takes."""
        self._keep("INSERT OR REPLACE INTO pieces VALUES (?, ?)", (self._target, count))

    def _keep(self, statement: str, row: tuple[object, ...]) -> None:
        with self._lock:
            self._new.setdefault(statement, []).append(row)

    def _rows(
        self, select: str, values: Sequence[str], *, first: Sequence[str] = ()
    ) -> Iterable[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        with self._lock, _forgiving("read"):
            for start in range(0, len(values), VARIABLES):
                part = values[start : start + VARIABLES]
                marks = ", ".join("?" * len(part))
                found += self._connection.execute(f"{select} ({marks})", [*first, *part]).fetchall()
        return found


def _opened(path: Path) -> sqlite3.Connection:
    # Not WAL: its shared memory does not work on network folders. Threads take turns by a lock of their own.
    connection = sqlite3.connect(path, timeout=WAIT_S, check_same_thread=False)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA synchronous = NORMAL")
        if version != VERSION:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version != VERSION:
                    _set_up(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    for table in [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]:
        connection.execute(f'DROP TABLE "{table}"')
    for statement in SET_UP.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def _forgiving(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        # Locked for too long, or a disk that is full: the next run asks the server again.
        log.warning("nothing is %s", what, extra={"file": FILE, "why": str(error)})


def _int(value: object) -> int:
    return value if isinstance(value, int) else -1
