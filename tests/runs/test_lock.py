"""Two runs of the same mapping and target never go at once; a dead one holds nobody up."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etl.errors import RunLocked
from etl.runs import Process, RunLock, running_runs, this_process
from etl.runs.lock import EXPIRY_S, start_of

START = datetime(2026, 11, 21, 18, 17, 29, tzinfo=UTC)
FAR = Process("elsewhere", 17, "yesterday")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def lock(
    state: Path, clock: Clock, run: str, *, process: Process | None = None, names: str = "a b"
) -> RunLock:
    return RunLock(state, names.split(), run=run, now=clock, process=process)


def test_a_second_run_is_refused_and_told_who_holds_the_lock(tmp_path):
    clock = Clock()
    with lock(tmp_path, clock, "first"), pytest.raises(RunLocked) as caught:
        lock(tmp_path, clock, "second", names="b c").acquire()
    me = this_process()
    assert str(caught.value) == (
        f"{tmp_path}: another run is under way (run first, process {me.pid} on {me.host.split()[0]}, "
        "since 2026-11-21T18:17:29+00:00). Wait for it; a lock whose process is gone is taken over by itself."
    )


def test_a_refused_run_holds_nothing(tmp_path):
    clock = Clock()
    with lock(tmp_path, clock, "first", names="b"):
        with pytest.raises(RunLocked):
            lock(tmp_path, clock, "second", names="a b").acquire()
        lock(tmp_path, clock, "third", names="a").acquire()


def test_other_mappings_and_targets_do_not_wait(tmp_path):
    clock = Clock()
    with lock(tmp_path, clock, "first", names="a"), lock(tmp_path, clock, "second", names="b"):
        pass


def test_a_lock_is_given_back(tmp_path):
    clock = Clock()
    for run in ("first", "second"):
        with lock(tmp_path, clock, run):
            pass


def gone_process() -> Process:
    done = subprocess.Popen([sys.executable, "-c", "pass"])
    gone = Process(this_process().host, done.pid, start_of(done.pid) or "")
    done.wait(timeout=30)
    return gone


def test_a_lock_whose_process_is_gone_is_taken_over_at_once(tmp_path):
    gone = gone_process()
    clock = Clock()
    lock(tmp_path, clock, "first", process=gone).acquire()
    with lock(tmp_path, clock, "second"):
        pass


def test_what_a_dead_process_left_is_no_run_under_way_and_goes_with_the_next_lock(tmp_path):
    clock = Clock()
    lock(tmp_path, clock, "killed", process=gone_process(), names="a b").acquire()
    lock(tmp_path, clock, "far", process=FAR, names="c").acquire()
    assert set(running_runs(tmp_path, now=clock())) == {"far"}
    with lock(tmp_path, clock, "other", names="d"), closing(sqlite3.connect(tmp_path / "locks.db")) as db:
        assert {run for (run,) in db.execute("SELECT run FROM locks")} == {"far", "other"}
    clock.wait(EXPIRY_S + 1)
    assert running_runs(tmp_path, now=clock()) == {}


@pytest.mark.skipif(not this_process().start, reason="this system does not tell when a process began")
def test_a_later_process_of_the_same_number_does_not_hold_the_lock(tmp_path):
    me = this_process()
    clock = Clock()
    lock(tmp_path, clock, "first", process=Process(me.host, me.pid, "an earlier start")).acquire()
    with lock(tmp_path, clock, "second"):
        pass


def test_a_lock_of_another_host_expires_when_its_heart_is_still(tmp_path):
    clock = Clock()
    far = lock(tmp_path, clock, "first", process=FAR)
    far.acquire()
    clock.wait(EXPIRY_S - 1)
    with pytest.raises(RunLocked):
        lock(tmp_path, clock, "second").acquire()
    assert far.beat()
    clock.wait(EXPIRY_S - 1)
    with pytest.raises(RunLocked):
        lock(tmp_path, clock, "second").acquire()
    clock.wait(2)
    lock(tmp_path, clock, "second").acquire()


def test_a_run_that_lost_its_lock_is_told_and_does_not_free_the_new_one(tmp_path):
    clock = Clock()
    far = lock(tmp_path, clock, "first", process=FAR)
    far.acquire()
    clock.wait(EXPIRY_S + 1)
    with lock(tmp_path, clock, "second"):
        assert not far.beat()
        assert far.is_lost
        far.release()
        with pytest.raises(RunLocked):
            lock(tmp_path, clock, "third").acquire()


def test_the_heart_beats_while_the_run_waits(tmp_path):
    beaten = threading.Event()

    class Heart(RunLock):
        def beat(self) -> bool:
            beaten.set()
            return super().beat()

    with Heart(tmp_path, ["a"], run="first", now=Clock(), beat_s=0.001) as held:
        assert beaten.wait(timeout=30)
        assert not held.is_lost


def test_of_many_that_ask_at_once_one_gets_the_lock(tmp_path):
    script = (
        "import sys\nfrom datetime import datetime, UTC\nfrom pathlib import Path\n"
        "from etl.errors import RunLocked\nfrom etl.runs import RunLock\n"
        "lock = RunLock(Path(sys.argv[1]), ['a'], run='r', now=lambda: datetime.now(UTC))\n"
        "try: lock.acquire(); print('mine', flush=True)\n"
        "except RunLocked: print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    answers = [process.stdout.readline().strip() for process in processes if process.stdout]
    for process in processes:
        process.communicate(timeout=30)
    assert sorted(answers) == ["locked", "locked", "locked", "mine"]
