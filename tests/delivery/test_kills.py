"""SIGKILL at random moments: whatever comes next, the server ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

import etl
from etl.errors import NothingToResume, RunUnknown
from etl.sandbox import run_in_thread
from tests.delivery.feeds import carried, what_stands, write_feed

REPOSITORY = Path(__file__).parents[2]
ROWS = range(60)


class Killer:
    """The process that forks imports and kills them."""

    def __init__(self, module: str = "tests.delivery.killing") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", module],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, url, source, *, state, what="source", **moment):
        """Carry out a work, until its end or its moment."""
        order = {"url": url, what: str(source), "state": str(state), **moment}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self):
        self._process.communicate()


def in_steps(chance, whole):
    """A moment on the way of a work: how far does not hang on how fast the machine is."""
    return {"after_steps": int(chance.uniform(0, 0.9) * whole["steps"])}


def in_time(chance, whole):
    """Any moment at all, between steps too; some works are over by then."""
    return {"after_s": chance.uniform(0, whole["seconds"])}


@pytest.fixture
def killer():
    running = Killer()
    yield running
    running.end()


def products_of(url, prefix):
    """The products of a feed as they stand, links by name; brands and channels must stand once."""
    state = asyncio.run(what_stands(url))
    brands = {record_id: one["name"] for record_id, one in state["Brand"].items()}
    channels = {record_id: one["code"] for record_id, one in state["Channel"].items()}
    assert sorted(brands.values()) == sorted(set(brands.values()))
    assert sorted(channels.values()) == sorted(set(channels.values()))
    return sorted(
        (
            one["number"],
            one["name"],
            one["price"],
            brands.get(one["brandId"]),
            sorted(channels[channel] for channel in one["channelsIds"]),
        )
        for one in state["Product"].values()
        if str(one["number"]).startswith(prefix)
    )


def expected(prefix):
    return [
        (
            f"{prefix}{i:04d}",
            f"Produkt {i}",
            i + 0.5,
            f"Maker {i % 5}",
            ["shop", "web"] if i % 2 else ["web"],
        )
        for i in ROWS
    ]


def kill_and_go_on(killer, folder, *, goes_on, kills, moment, seed):
    """Kill as many imports as said, each at a moment of its own, and go on after each."""
    chance = random.Random(seed)  # noqa: S311  repeatable moments
    with run_in_thread(db=folder / "sandbox.db", seed=1, faults="latency=2ms") as sandbox:
        whole = killer.run(sandbox.url, write_feed(folder, ROWS, prefix="w"), state=folder / "w")
        killed = 0
        for number in range(kills):
            prefix = f"k{number}-"
            source, state = write_feed(folder, ROWS, prefix=prefix), folder / prefix
            killed += killer.run(sandbox.url, source, state=state, **moment(chance, whole))["killed"]
            try:
                resumes = "20" if goes_on == "resume" else None
                summary = asyncio.run(carried(sandbox.url, source, state=state, resumes=resumes))
            except (RunUnknown, NothingToResume):  # killed before the run had its folder, or after its end
                summary = asyncio.run(carried(sandbox.url, source, state=state))
            assert (summary.rows.read, summary.rows.bad, summary.rows.pending) == (len(ROWS), 0, 0)
            assert products_of(sandbox.url, prefix) == expected(prefix)
            again = asyncio.run(carried(sandbox.url, source, state=state))
            assert again.rows.unchanged == len(ROWS)
        return killed


@pytest.mark.parametrize("goes_on", ["resume", "import"])
def test_an_import_killed_at_any_moment_is_finished_by_what_comes_next(tmp_path, killer, goes_on):
    assert kill_and_go_on(killer, tmp_path, goes_on=goes_on, kills=12, moment=in_steps, seed=5) >= 10


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("goes_on", ["resume", "import"])
def test_two_hundred_killed_imports_are_finished(tmp_path, killer, goes_on):
    # How many are hit before their end is the machine's affair; that most are makes this a test.
    assert kill_and_go_on(killer, tmp_path, goes_on=goes_on, kills=200, moment=in_time, seed=6) >= 100


class Ticking:
    """A server whose every look at the clock is a second later: no two changes have the same moment."""

    def __init__(self):
        self._now = 1_800_000_000.0

    def __call__(self):
        self._now += 1
        return self._now


def kill_between_edits(killer, folder, *, kills, seed):
    """Kill imports of ever new sources while somebody else edits records; each next one sets all right."""
    chance = random.Random(seed)  # noqa: S311  repeatable moments
    with run_in_thread(db=folder / "sandbox.db", seed=1, faults="latency=2ms", clock=Ticking()) as sandbox:
        source = write_feed(folder, ROWS)
        whole = killer.run(sandbox.url, source, state=folder / "state")
        killed = 0
        for number in range(kills):
            write_prices(source, number)
            moment = in_time(chance, whole)
            killed += killer.run(sandbox.url, source, state=folder / "state", **moment)["killed"]
            for row in chance.sample(ROWS, 3):
                asyncio.run(renamed(sandbox.url, f"{row:04d}"))
            # The source goes on too: what a killed import wrote is no edit of somebody else.
            write_prices(source, -number - 1)
            summary = asyncio.run(carried(sandbox.url, source, state=folder / "state"))
            assert (summary.rows.read, summary.rows.bad) == (len(ROWS), 0), summary.problems
            prices = {f"{i:04d}": price_of(i, -number - 1) for i in ROWS}
            stands = products_of(sandbox.url, "")
            assert {one[0]: one[2] for one in stands} == prices
            assert [one[1] for one in stands] == [one[1] for one in expected("")]
            again = asyncio.run(carried(sandbox.url, source, state=folder / "state"))
            assert again.rows.unchanged == len(ROWS)
        return killed


def price_of(row, number):
    return row + 0.5 + 100 * (number + 50) * (row % 3 == 0)


def write_prices(source, number):
    """Change the price of every third row."""
    head, *lines = source.read_text().splitlines()
    cells = [line.split(";") for line in lines]
    changed = [
        ";".join([*one[:2], str(price_of(row, number)).replace(".", ","), *one[3:]])
        for row, one in enumerate(cells)
    ]
    source.write_text("\n".join([head, *changed]) + "\n")


async def renamed(url, number):
    async with etl.aio.connect(url, username="admin", password="admin") as pim:
        (found,) = await pim.look_up("Product", "number", [number], select=("id",))
        await pim.patch("Product", str(found["id"]), payload={"name": "by hand"})


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_what_somebody_edits_beside_killed_imports_is_set_right_and_called_no_conflict(tmp_path, killer):
    assert kill_between_edits(killer, tmp_path, kills=100, seed=9) >= 10
