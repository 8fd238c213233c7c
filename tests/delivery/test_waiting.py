"""What a run waits for, and for how long, by a clock that does not wait."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing

import pytest

import etl
from etl.api import RetryClock
from etl.api.silence import LOCKOUT_S
from etl.model import Limits
from tests.delivery.feeds import set_faults, write_feed


@pytest.fixture
def imported(sandbox_in_thread, tmp_path):
    """Import ten rows; a fault begins when the first batch is about to leave."""
    url, slept = sandbox_in_thread.url, []

    async def sleep(seconds):
        slept.append(seconds)
        await asyncio.sleep(0)

    def carry(faults, **options):
        begun = []

        def hook():
            # The links of the rows are there then: what leaves next is the batch of products.
            begun.append(1)
            if len(begun) == 3:
                set_faults(url, faults)
            return False

        clock = RetryClock(sleep=sleep, first_pause_s=0.01)
        limits = Limits(in_flight=1, attempts=3)
        with etl.connect(url, username="admin", password="admin", retry=clock, limits=limits) as pim:
            summary = etl.import_table(
                write_feed(tmp_path, range(10)),
                tmp_path / "feed.yaml",
                pim,
                state_dir=tmp_path / "state",
                is_stopping=hook,
                **options,
            )
        return summary, slept

    return carry


def test_the_minute_of_a_lockout_is_waited_for_once(imported):
    summary, slept = imported("http403=1x")
    assert sum(slept) == LOCKOUT_S
    assert (summary.status, summary.rows.created) == ("ok", 10)


def test_a_right_that_is_lost_stops_the_run_which_can_go_on(imported):
    summary, slept = imported("http403=2x")
    assert sum(slept) == LOCKOUT_S
    assert (summary.status, summary.resumable) == ("stopped", True)
    assert "may not write any more" in summary.error
    assert summary.rows.pending == 10


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_respected(imported, status):
    summary, slept = imported(f"http{status}=1x")
    # The sandbox asks for one second; our own first pause would be a hundredth.
    assert slept == [1.0]
    assert summary.rows.created == 10


def test_without_an_answer_the_run_stops_after_so_many_tries(imported):
    summary, _ = imported("http502")
    assert summary.status == "stopped"
    assert "3 times in a row" in summary.error
    assert summary.next[0].startswith(f"atro-etl resume {summary.run} --state-dir ")


def test_a_run_whose_lock_was_taken_over_stops_and_leaves_the_field(sandbox_in_thread, tmp_path):
    state = tmp_path / "state"

    def another_run_takes_over():
        with closing(sqlite3.connect(state / "locks.db")) as db:
            db.execute("UPDATE locks SET run = 'another'")
            db.commit()
        for thread in threading.enumerate():
            if thread.name == "run lock":
                thread._target.__self__.beat()
        return False

    with etl.connect(sandbox_in_thread.url, username="admin", password="admin") as pim:
        summary = etl.import_table(
            write_feed(tmp_path, range(10)),
            tmp_path / "feed.yaml",
            pim,
            state_dir=state,
            is_stopping=another_run_takes_over,
        )
    assert summary.status == "stopped"
    assert "another run of the same mapping took over" in summary.error
    assert summary.rows.pending > 0
