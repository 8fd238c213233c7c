"""Whatever a night brings: the server ends as after a clean run, and every row's outcome is true."""

from __future__ import annotations

import asyncio

import pytest

from etl.sandbox import Sandbox
from etl.sandbox.fault_specs import CHANCES, SIZES, TIMES
from tests.delivery.feeds import carried, set_faults, struck, told_as_done, what_stands, write_feed

ROWS = 400
SEEDS = {7: "2.2", 8: "1.10", 9: "2.3"}
"""Seed -> generation of the server."""
FAULTS = [
    "reset=0.3",
    "reset_after_commit=0.3",
    "truncate=0.3",
    "http429=0.3",
    "http502=0.3",
    "http503=0.3",
    "http504=0.3",
    "http500=0.2",
    "page_html=0.3",
    "sql200=0.2",
    "short_answer=0.3",
    "die_mid_batch=0.3",
    "expire_token=@6",
    "hang_after_commit=0.03",
    "max_body=1KB",
    "max_uri=2KB",
    "half_stored=0.1",
    "failed_but_stored=0.05",
    "slow_start=1ms",
    "latency=5ms,reset=0.1,http502=0.1,truncate=0.1,die_mid_batch=0.1,short_answer=0.1",
]


ELSEWHERE = {
    "other_writer",  # the server cannot end as after a clean run: test_faults_together
    "lockout",  # sign-ins only: tests/api/test_sign_in.py
}


def test_every_fault_that_the_sandbox_knows_is_tried():
    tried = {one.partition("=")[0] for faults in FAULTS for one in faults.split(",")}
    gateways = {"http429", "http500", "http502", "http503", "http504"}
    assert (TIMES | SIZES | CHANCES | gateways) <= tried | ELSEWHERE


@pytest.fixture(scope="module")
def clean_state(tmp_path_factory):
    """What stands after a run without faults, by generation."""

    async def run(generation):
        folder = tmp_path_factory.mktemp("clean")
        async with Sandbox.open(folder / "clean.db", seed=1, generation=generation) as sandbox:
            summary = await carried(
                sandbox.url, write_feed(folder, range(ROWS), generation=generation), state=folder / "state"
            )
            assert summary.rows.created == ROWS
            return await what_stands(sandbox.url)

    return {generation: asyncio.run(run(generation)) for generation in SEEDS.values()}


async def hold_against(clean_state, folder, faults, seed, generation):
    folder.mkdir(exist_ok=True)
    source = write_feed(folder, range(ROWS), generation=generation)
    async with Sandbox.open(folder / "faulty.db", seed=seed, generation=generation) as sandbox:
        summary = await carried(sandbox.url, source, state=folder / "state", faults=faults, seed=seed)
        assert all((await asyncio.to_thread(struck, sandbox.url)).values())
        await asyncio.to_thread(set_faults, sandbox.url, "")
        state = await what_stands(sandbox.url)
        rows = summary.rows
        assert rows.read == ROWS
        assert rows.pending == 0, summary.error
        for record_id in told_as_done(summary):
            assert state["Product"][record_id] == clean_state["Product"][record_id]
        if rows.created != ROWS:
            # A failed row says the truth: what it holds is not there, or not whole; another import mends it.
            assert rows.failed > 0
            again = await carried(sandbox.url, source, state=folder / "state")
            assert again.rows.bad == 0, again.problems
            state = await what_stands(sandbox.url)
    assert state == clean_state


@pytest.mark.parametrize("faults", FAULTS)
async def test_the_server_ends_as_after_a_clean_run(tmp_path, clean_state, faults):
    for seed, generation in SEEDS.items():
        folder, clean = tmp_path / str(seed), clean_state[generation]
        await hold_against(clean, folder, faults, seed=seed, generation=generation)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("faults", FAULTS)
async def test_the_server_ends_as_after_a_clean_run_for_more_seeds(tmp_path, clean_state, faults):
    for seed in range(20, 70):
        await hold_against(clean_state["2.2"], tmp_path / str(seed), faults, seed=seed, generation="2.2")
