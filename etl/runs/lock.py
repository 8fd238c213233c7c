"""A lock that keeps two runs of the same mapping and target apart, in containers and on shared folders too.

It says who holds it: host, process and when that began, and a heartbeat. It is taken over when its process is
gone, or, where that cannot be seen from here, when the heart has been still for `EXPIRY_S`.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from etl.errors import RunLocked
from etl.runs.places import make_state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

FILE = "locks.db"
BEAT_S = 30.0
EXPIRY_S = 180.0
"""Six missed beats."""

# Not WAL: its shared memory does not work on network folders, and this file is written twice a minute.
SET_UP = """
CREATE TABLE IF NOT EXISTS locks (
  name TEXT PRIMARY KEY,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  process_start TEXT NOT NULL,
  run TEXT NOT NULL,
  since TEXT NOT NULL,
  beat REAL NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Process:
    """A process, so that it can be told apart from a later one of the same number."""

    host: str
    """Name of the machine; on Linux with the number of the process namespace: pids mean nothing beyond it."""
    pid: int
    start: str
    """When it began, as the system counts; empty: not known here."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock."""

    run: str
    process: Process
    since: str
    """ISO 8601 with its zone, seconds."""

    def __str__(self) -> str:
        """Return `run 20261121T181729Z-7f3a, process 17 on the-host`."""
        return f"run {self.run}, process {self.process.pid} on {self.process.host.split()[0]}"


def this_process() -> Process:
    """Return the process that runs this."""
    try:
        space = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        space = ""
    pid = os.getpid()
    return Process(f"{socket.gethostname()} {space}".strip(), pid, start_of(pid) or "")


def start_of(pid: int) -> str | None:
    """Return when a process of this machine began; None: there is none; empty: the system does not tell.

    Source: Linux, proc(5): /proc/PID/stat, field 22, in ticks since boot.
    """
    proc = Path("/proc")
    if not (proc / "self" / "stat").exists():
        return "" if _is_there(pid) else None
    try:
        # The name in brackets may hold spaces and brackets itself.
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # A zombie has ended; only its parent has not looked yet.
    return None if fields[0] in ("Z", "X") else f"{boot} {fields[19]}"


class RunLock:
    """Held as a context; the heart beats in a thread of its own, since a run may wait long for one answer."""

    def __init__(
        self,
        state: Path,
        names: Sequence[str],
        *,
        run: str,
        now: Callable[[], datetime],
        process: Process | None = None,
        beat_s: float = BEAT_S,
    ) -> None:
        """Prepare a lock; nothing is held yet.

        Args:
            names: what must not be done twice at once, for example `products.yaml https://pim.example`, and
                the run itself (`run_name`).
            now: with its time zone.
            process: None: the one that runs this.
        """
        self._state, self._names, self._run, self._now = state, sorted(set(names)), run, now
        self._process = process or this_process()
        self._beat_s = beat_s
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None
        self.is_lost = False
        """True once another run took the lock over, for example after this machine was asleep."""

    def __enter__(self) -> Self:
        self.acquire()
        self._heart = threading.Thread(target=self._beat_on, name="run lock", daemon=True)
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._heart is not None:
            self._heart.join()
        self.release()

    def acquire(self) -> None:
        """Take all names, or none of them.

        Raises:
            RunLocked: another run that is alive holds one.
        """
        make_state_folder(self._state)
        with closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            for name in self._names:
                held = db.execute(
                    "SELECT host, pid, process_start, run, since, beat FROM locks WHERE name = ?", (name,)
                ).fetchone()
                if held is not None and self._is_alive(Process(*held[:3]), beat=held[5]):
                    db.execute("ROLLBACK")
                    holder = Holder(held[3], Process(*held[:3]), held[4])
                    raise RunLocked(
                        str(self._state), holder=str(holder), since=holder.since, is_same=held[3] == self._run
                    )
            self._sweep(db)
            me, now = self._process, self._now()
            since = now.isoformat(timespec="seconds")
            db.executemany(
                "INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(n, me.host, me.pid, me.start, self._run, since, now.timestamp()) for n in self._names],
            )
            db.execute("COMMIT")

    def beat(self) -> bool:
        """Show that the run is alive; False where the lock is no longer its own."""
        with closing(self._open()) as db:
            done = db.execute(
                f"UPDATE locks SET beat = ? WHERE {self._mine()}",
                (self._now().timestamp(), *self._me()),
            ).rowcount
        self.is_lost = self.is_lost or done != len(self._names)
        return not self.is_lost

    def release(self) -> None:
        """Give the names back; what another run took over stays with it."""
        with closing(self._open()) as db:
            db.execute(f"DELETE FROM locks WHERE {self._mine()}", self._me())

    def _beat_on(self) -> None:
        while not self._stop.wait(self._beat_s):
            try:
                self.beat()
            except sqlite3.OperationalError:
                # The folder is away for a moment; `EXPIRY_S` is six beats long.
                continue

    def _sweep(self, db: sqlite3.Connection) -> None:
        """Remove what processes left that are gone for certain; a run that slept finds its names."""
        for host, pid, start in db.execute("SELECT DISTINCT host, pid, process_start FROM locks").fetchall():
            if _is_alive(Process(host, pid, start), me=self._process, age_s=0.0):
                continue
            db.execute(
                "DELETE FROM locks WHERE host = ? AND pid = ? AND process_start = ?", (host, pid, start)
            )

    def _is_alive(self, process: Process, *, beat: float) -> bool:
        return _is_alive(process, me=self._process, age_s=self._now().timestamp() - beat)

    def _mine(self) -> str:
        marks = ", ".join("?" for _ in self._names)
        return f"host = ? AND pid = ? AND process_start = ? AND run = ? AND name IN ({marks})"

    def _me(self) -> tuple[str | int, ...]:
        me = self._process
        return (me.host, me.pid, me.start, self._run, *self._names)

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._state / FILE, timeout=30.0, isolation_level=None)
        db.execute(SET_UP)
        return db


def run_name(run: str) -> str:
    """Return the name under which a run itself is locked while a process is at work on it."""
    return f"run {run}"


def running_runs(state: Path, *, now: datetime) -> dict[str, Holder]:
    """Return the runs that a process is at work on, as far as can be seen from here.

    Args:
        now: with its time zone.
    """
    path = state / FILE
    if not path.exists():
        return {}
    me = this_process()
    with closing(sqlite3.connect(path, timeout=30.0)) as db:
        db.execute(SET_UP)
        rows = db.execute("SELECT host, pid, process_start, run, since, beat FROM locks").fetchall()
    return {
        run: Holder(run, Process(host, pid, start), since)
        for host, pid, start, run, since, beat in rows
        if _is_alive(Process(host, pid, start), me=me, age_s=now.timestamp() - beat)
    }


def _is_alive(process: Process, *, me: Process, age_s: float) -> bool:
    """Tell whether a process is there; where that cannot be seen from here, by its last beat."""
    if process.host == me.host:
        start = start_of(process.pid)
        if start is None or (start and process.start):
            return start is not None and start == process.start
    return age_s < EXPIRY_S


def _is_there(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
