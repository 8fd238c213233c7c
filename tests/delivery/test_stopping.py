"""A run that is stopped tells all that is known by then, everywhere the same."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

import etl
from etl.model import Limits
from etl.pacing import Learnt, keep_learnt
from etl.sandbox import Options
from tests.api.clock import Clock
from tests.delivery.feeds import CLOCK, UNGUARDED, insist_on_one_truth, what_stands, write_feed
from tests.delivery.fronted import Fronted, says

LIMITS = Limits(batch_rows=10, in_flight=8, attempts=2, request_timeout_s=30)


def is_about_products(call):
    return call.path[-1] == "upsert" and b'"entity":"Product"' in call.raw


@pytest.fixture
async def fronted(tmp_path):
    """A sandbox whose requests about products a front decides on."""
    running = Fronted(Options(db=tmp_path / "sandbox.db", seed=1))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def carried(fronted, tmp_path):
    """Import a feed of ten rows a request, eight at once, or go on with it; all that is told agrees."""
    state = tmp_path / "state"
    for entity in ("Product", "Brand", "Channel"):
        keep_learnt(state, f"{fronted.url.removeprefix('http://')}/{entity}", learnt=Learnt(8, 10))

    async def carry(*, rows=80, front=None, resumes=False, limits=LIMITS, retry=CLOCK, **options):
        options = {"state_dir": state, "guards": UNGUARDED} | options
        async with etl.aio.connect(
            fronted.url, username="admin", password="admin", limits=limits, retry=retry
        ) as pim:
            fronted.front = front
            if resumes:
                summary = await etl.aio.resume(None, pim, **options)
            else:
                source = write_feed(tmp_path, range(rows))
                summary = await etl.aio.import_table(source, tmp_path / "feed.yaml", pim, **options)
        fronted.front = None
        insist_on_one_truth(summary)
        return summary

    return carry


async def test_what_is_under_way_is_waited_for_where_the_password_is_refused_meanwhile(fronted, carried):
    seen = []
    others_left, is_refused = asyncio.Event(), asyncio.Event()

    async def refused_from_the_first_on(call, pass_on):
        if call.path[-1] == "user":
            is_refused.set()
            return says(401)
        if not is_about_products(call):
            return await pass_on()
        seen.append(call)
        if len(seen) == 1:
            await others_left.wait()
            return says(401)
        if len(seen) == 8:
            others_left.set()
        await is_refused.wait()
        return await pass_on()

    summary = await carried(front=refused_from_the_first_on)
    assert (summary.status, summary.rows.created, summary.rows.pending) == ("stopped", 70, 10)
    assert await products(fronted) == 70
    assert "lets the run in no more" in summary.error
    assert "Set ATRO_PASSWORD" in summary.error
    assert summary.next[0].startswith(f"atro-etl resume {summary.run}")
    whole = await carried(resumes=True)
    assert (whole.status, whole.rows.created) == ("ok", 80)


def always(status, **headers):
    async def front(call, pass_on):
        return says(status, **headers) if is_about_products(call) else await pass_on()

    return front


async def test_a_server_that_asks_for_more_patience_than_there_is_ends_the_run_at_once(carried):
    clock = Clock()
    summary = await carried(rows=10, front=always(503, Retry_After="3600"), retry=clock.retry())
    assert (summary.status, summary.rows.pending, clock.pauses) == ("stopped", 10, [])
    assert "answered 503, and the next try would be in 3600 seconds" in summary.error


async def test_a_page_in_place_of_every_answer_ends_the_run_soon_and_is_no_row_s_fault(fronted, carried):
    seen = []

    async def maintenance(call, pass_on):
        if not is_about_products(call):
            return await pass_on()
        seen.append(call)
        return says(200)

    limits = dataclasses.replace(LIMITS, batch_rows=100, in_flight=1, attempts=5)
    summary = await carried(rows=100, front=maintenance, limits=limits)
    assert (summary.status, summary.rows.pending, summary.rows.failed) == ("stopped", 100, 0)
    assert len(seen) <= 30
    assert "5 records in a row, each sent alone" in summary.error
    whole = await carried(resumes=True)
    assert (whole.status, whole.rows.created) == ("ok", 100)


@pytest.mark.parametrize("poisoned", [0, 9])
async def test_a_single_row_that_brings_a_page_is_reported_once_others_are_answered(carried, poisoned):
    async def firewall(call, pass_on):
        is_met = is_about_products(call) and f'"Produkt {poisoned}"'.encode() in call.raw
        return says(200) if is_met else await pass_on()

    summary = await carried(rows=10, front=firewall)
    assert (summary.status, summary.rows.failed, summary.rows.created) == ("partial", 1, 9)
    assert [one.code for one in summary.problems] == ["server_broke"]


async def test_two_minutes_without_an_answer_end_the_run(carried):
    clock, limits = Clock(), dataclasses.replace(LIMITS, attempts=1000)
    summary = await carried(rows=10, front=always(503), retry=clock.retry(), limits=limits)
    assert (summary.status, summary.rows.pending) == ("stopped", 10)
    assert 90 < clock.time_s <= 120


async def test_whoever_waits_for_the_next_try_ends_with_the_run(carried):
    clock = Clock()
    summary = await carried(
        rows=10,
        front=always(503, Retry_After="100"),
        retry=clock.retry(),
        is_stopping=lambda: clock.time_s >= 3,
    )
    assert (summary.status, summary.rows.pending, clock.time_s) == ("stopped", 10, 3)
    assert "interrupted" in summary.error


async def products(fronted):
    return len((await what_stands(fronted.url))["Product"])


async def test_the_half_of_a_request_that_arrived_is_told_where_the_other_half_ends_the_run(fronted, carried):
    seen = []

    async def one_half_arrives(call, pass_on):
        if not is_about_products(call):
            return await pass_on()
        seen.append(call)
        return says(413) if len(seen) == 1 else await pass_on() if len(seen) == 2 else says(503)

    summary = await carried(rows=10, front=one_half_arrives)
    assert (summary.status, summary.rows.created, summary.rows.pending) == ("stopped", 5, 5)
    assert await products(fronted) == 5
    whole = await carried(resumes=True)
    assert (whole.status, whole.rows.created, whole.records["Product"].created) == ("ok", 10, 10)


async def test_what_arrived_together_with_the_end_of_a_run_is_told(fronted, carried):
    seen = []
    all_done = asyncio.Barrier(8)

    async def all_at_once(call, pass_on):
        if not is_about_products(call):
            return await pass_on()
        seen.append(call)
        answer = says(503) if len(seen) == 4 else await pass_on()
        await all_done.wait()
        return answer

    summary = await carried(front=all_at_once, limits=dataclasses.replace(LIMITS, attempts=1))
    assert (summary.status, summary.rows.created, summary.rows.pending) == ("stopped", 70, 10)
    assert await products(fronted) == 70
