"""SIGKILL at random moments of an apply or an undo: what comes next ends it as if nothing had happened."""

from __future__ import annotations

import asyncio
import random

import pytest

import etl
from etl.errors import NothingToResume, PlanRefused, RunUnknown
from etl.runs import list_runs
from etl.sandbox import run_in_thread
from tests.delivery.feeds import CLOCK, LIMITS, applied, carried, undone, what_stands, write_feed
from tests.delivery.test_kills import Killer, in_steps, in_time
from tests.importing.test_files_killed import links_of, links_wanted, write_gallery

ROWS = range(20)


@pytest.fixture(scope="module")
def killer():
    running = Killer()
    yield running
    running.end()


def edited(source):
    """The same rows with other names and links, and some that are new."""
    lines = source.read_text().splitlines()
    prefix = lines[1].partition("0000")[0]
    changed = [one.replace("Produkt", "Ware").replace("web|shop", "shop|print") for one in lines[1:16]]
    new = [f"{prefix}9{i:03d};Neu {i};1,5;Fresh {prefix};web" for i in range(6)]
    source.write_text("\n".join([lines[0], *changed, *lines[16:], *new]) + "\n")
    return source


async def planned(url, source, state):
    async with etl.aio.connect(url, username="admin", password="admin", limits=LIMITS, retry=CLOCK) as pim:
        return await etl.aio.plan(source, source.parent / "feed.yaml", pim, state_dir=state)


def last_run(state, verb):
    return next((run.id for run in list_runs(state) if run.facts.verb == verb), None)


def go_on(url, source, state, verb, again):
    """Resume the run of a verb; where it never began, or never sent anything, do it once more."""
    try:
        # No run begins so where none of the verb was begun.
        asyncio.run(carried(url, source, state=state, resumes=last_run(state, verb) or "none"))
    except (RunUnknown, NothingToResume):
        try:
            asyncio.run(again())
        except PlanRefused as refused:
            assert "applied it already" in str(refused)  # noqa: PT017  it ended before it was killed


def apply_killed(killer, url, plan, *, source, state, when):
    """Kill an apply at a moment and go on; tell whether it was hit before its end."""
    hit = killer.run(url, plan, state=state, what="plan", **when)["killed"]
    go_on(url, source, state, "apply", lambda: applied(url, plan, state=state))
    return hit


def killed_applies(killer, folder, *, kills, moment, seed):
    chance = random.Random(seed)  # noqa: S311  repeatable moments
    killed, whole = 0, {}
    with run_in_thread(db=folder / "sandbox.db", seed=1, faults="latency=2ms") as sandbox:
        for number in range(kills + 1):
            prefix = f"a{number}-"
            source, state = write_feed(folder, ROWS, prefix=prefix), folder / prefix
            asyncio.run(carried(sandbox.url, source, state=state))
            plan = asyncio.run(planned(sandbox.url, edited(source), state)).file
            if not number:
                whole = killer.run(sandbox.url, plan, state=state, what="plan")
            else:
                when = moment(chance, whole)
                killed += apply_killed(killer, sandbox.url, plan, source=source, state=state, when=when)
            after = asyncio.run(planned(sandbox.url, source, state))
            assert not after.has_changes, after.records
            assert after.summary.rows.unchanged == 26
    return killed


def killed_galleries(killer, folder, *, kills, moment, seed):
    chance = random.Random(seed)  # noqa: S311  the same
    killed, whole = 0, {}
    with run_in_thread(db=folder / "sandbox.db", seed=1, faults="latency=2ms") as sandbox:
        for number in range(kills + 1):
            prefix = f"g{number}-"
            source, state = write_gallery(folder, prefix), folder / prefix
            plan = asyncio.run(planned(sandbox.url, source, state)).file
            if not number:
                whole = killer.run(sandbox.url, plan, state=state, what="plan")
            else:
                when = moment(chance, whole)
                killed += apply_killed(killer, sandbox.url, plan, source=source, state=state, when=when)
            assert asyncio.run(links_of(sandbox.url, prefix)) == links_wanted(folder, prefix)
            assert not asyncio.run(planned(sandbox.url, source, state)).has_changes
    return killed


def killed_undoes(killer, folder, *, kills, moment, seed):
    chance = random.Random(seed)  # noqa: S311  the same
    killed, whole = 0, {}
    with run_in_thread(db=folder / "sandbox.db", seed=1, faults="latency=2ms") as sandbox:
        for number in range(kills + 1):
            prefix = f"u{number}-"
            source, state = write_feed(folder, ROWS, prefix=prefix), folder / prefix
            asyncio.run(carried(sandbox.url, source, state=state))
            before = asyncio.run(what_stands(sandbox.url))
            run = asyncio.run(carried(sandbox.url, edited(source), state=state)).run
            if not number:
                whole = killer.run(sandbox.url, run, state=state, what="run")
            else:
                when = moment(chance, whole)
                killed += killer.run(sandbox.url, run, state=state, what="run", **when)["killed"]
                if number % 2:
                    go_on(
                        sandbox.url,
                        source,
                        state,
                        "undo",
                        lambda r=run, s=state: undone(sandbox.url, r, state=s),
                    )
                else:
                    asyncio.run(undone(sandbox.url, run, state=state))
            assert asyncio.run(what_stands(sandbox.url)) == before
    return killed


def test_an_apply_killed_at_any_moment_is_finished_by_what_comes_next(tmp_path, killer):
    assert killed_applies(killer, tmp_path, kills=2, moment=in_steps, seed=3) == 2


def test_an_apply_killed_among_its_files_and_links_is_finished_by_what_comes_next(tmp_path, killer):
    assert killed_galleries(killer, tmp_path, kills=1, moment=in_steps, seed=7) == 1


def test_an_undo_killed_at_any_moment_is_finished_by_what_comes_next(tmp_path, killer):
    assert killed_undoes(killer, tmp_path, kills=2, moment=in_steps, seed=4) == 2


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_hundred_killed_applies_and_as_many_killed_undoes_are_finished(tmp_path, killer):
    for folder in ("a", "g", "u"):
        (tmp_path / folder).mkdir()
    killed = killed_applies(killer, tmp_path / "a", kills=50, moment=in_time, seed=5)
    killed += killed_galleries(killer, tmp_path / "g", kills=50, moment=in_time, seed=7)
    killed += killed_undoes(killer, tmp_path / "u", kills=100, moment=in_time, seed=6)
    assert killed >= 100
