"""All faults at once, another writer, and two imports at once: no row lost, none doubled, no false word."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from etl.sandbox import Sandbox
from tests.delivery.feeds import ALL_FAULTS, carried, set_faults, told_as_done, what_stands, write_feed

ROWS = range(400)
# With 106 and 123 a token is renewed while the server answers with pages and failures.
SEEDS = (*range(1, 9), 106, 123)


@pytest.fixture(scope="module")
def clean_state(tmp_path_factory):
    """What stands after a run without faults."""
    folder = tmp_path_factory.mktemp("clean")

    async def run():
        async with Sandbox.open(folder / "clean.db", seed=1) as sandbox:
            summary = await carried(sandbox.url, write_feed(folder, ROWS), state=folder / "state")
            assert summary.rows.created == len(ROWS)
            return await what_stands(sandbox.url)

    return asyncio.run(run())


async def hold_against(clean_state, folder, seed):
    """Import under all faults, then once more without them; what is told and what stands must be true."""
    folder.mkdir(exist_ok=True)
    source = write_feed(folder, ROWS)
    async with Sandbox.open(folder / "faulty.db", seed=seed) as sandbox:
        summary = await carried(sandbox.url, source, state=folder / "state", faults=ALL_FAULTS, seed=seed)
        await asyncio.to_thread(set_faults, sandbox.url, "")
        assert summary.rows.read == len(ROWS)
        assert summary.rows.pending == 0, summary.error
        state = await what_stands(sandbox.url)
        for record_id in told_as_done(summary):
            assert state["Product"][record_id] == clean_state["Product"][record_id]
        again = await carried(sandbox.url, source, state=folder / "state")
        assert again.rows.bad == 0, again.problems
        assert await what_stands(sandbox.url) == clean_state


@pytest.mark.parametrize("seed", SEEDS)
async def test_all_faults_together_leave_what_a_clean_run_leaves(tmp_path, clean_state, seed):
    await hold_against(clean_state, tmp_path, seed)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seeds", [range(100, 150), range(1000, 2000)], ids=["50 seeds", "1,000 seeds"])
async def test_all_faults_together_leave_what_a_clean_run_leaves_for_many_seeds(tmp_path, clean_state, seeds):
    for seed in seeds:
        await hold_against(clean_state, tmp_path / str(seed), seed)


async def test_two_imports_of_overlapping_files_at_once_make_no_record_twice(tmp_path):
    first, second = write_feed(tmp_path, range(60)), write_feed(tmp_path, range(30, 90))
    async with Sandbox.open(tmp_path / "shared.db", seed=1) as sandbox:
        summaries = await asyncio.gather(
            carried(sandbox.url, first, state=tmp_path / "a"),
            carried(sandbox.url, second, state=tmp_path / "b"),
        )
        state = await what_stands(sandbox.url)
    assert [(one.rows.read, one.rows.bad, one.rows.pending) for one in summaries] == [(60, 0, 0)] * 2
    assert sorted(one["number"] for one in state["Product"].values()) == [f"{i:04d}" for i in range(90)]
    assert sorted(one["name"] for one in state["Brand"].values()) == [f"Maker {i}" for i in range(5)]


async def test_beside_another_writer_no_record_of_ours_stands_twice_and_the_run_ends(tmp_path):
    source = write_feed(tmp_path, range(80))
    async with Sandbox.open(tmp_path / "busy.db", seed=1) as sandbox:
        summary = await carried(sandbox.url, source, state=tmp_path / "state", faults="other_writer=0.5")
        await asyncio.to_thread(set_faults, sandbox.url, "")
        state = await what_stands(sandbox.url)
    assert summary.rows.read == 80
    assert summary.rows.pending == 0, summary.error
    numbers = Counter(one["number"] for one in state["Product"].values() if one["number"])
    assert [number for number, count in numbers.items() if count > 1] == []
