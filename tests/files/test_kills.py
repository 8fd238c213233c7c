"""SIGKILL at random moments: a rerun sends the rest, and the server ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import random

import pytest

from etl.api import connect
from etl.sandbox import run_in_thread
from tests.delivery.test_kills import Killer
from tests.files.store import made, records, stored

SIZES = (1, 500, 1000, 1001, 7500, 20_000)


@pytest.fixture
def killer():
    running = Killer("tests.files.killing")
    yield running
    running.end()


async def files_of(url):
    async with connect(url, username="admin", password="admin") as client:
        folders = [record async for page in client.pages("Folder") for record in page.records]
        return await records(client), folders


def in_steps(chance):
    return {"after_steps": chance.randint(5, 80)}


def in_time(chance):
    return {"after_s": chance.uniform(0.02, 0.3)}


def kill_until_done(killer, tmp_path, *, moment, seed, generation):
    chance = random.Random(seed)  # noqa: S311  no secret
    folder = tmp_path / "images"
    folder.mkdir()
    for size in SIZES:
        made(folder / f"{size}.bin", size, seed=size)
    made(folder / "twice.bin", 7500, seed=7500)
    kills = 0
    with run_in_thread(db=tmp_path / "sandbox.db", seed=1, generation=generation) as sandbox:
        for _ in range(6):
            kills += killer.run(sandbox.url, folder, state=tmp_path / "state", **moment(chance))["killed"]
        assert not killer.run(sandbox.url, folder, state=tmp_path / "state")["killed"]
        found, folders = asyncio.run(files_of(sandbox.url))
        assert sorted(one["fileSize"] for one in found) == sorted(SIZES)
        for one in found:
            assert stored(sandbox, one["id"]) == (folder / f"{one['fileSize']}.bin").read_bytes()
        assert sorted(one["name"] for one in folders) == ["images", "shop"]
        before = len(sandbox.requests)
        assert not killer.run(sandbox.url, folder, state=tmp_path / "state")["killed"]
        assert not [one for one in list(sandbox.requests)[before:] if one.method == "POST"]
    return kills


@pytest.mark.parametrize("generation", ["1.10", "2.3"])
def test_a_killed_upload_goes_on_where_it_was(killer, tmp_path, generation):
    killed = kill_until_done(killer, tmp_path, moment=in_steps, seed=generation, generation=generation)
    # Whole, it takes more steps than any of these moments; how many later ones are left depends on the kills.
    assert killed > 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
def test_a_killed_upload_goes_on_whenever_it_was_killed(killer, tmp_path, seed):
    generation = ("1.10", "2.1", "2.2", "2.3")[seed % 4]
    kill_until_done(killer, tmp_path, moment=in_time, seed=seed, generation=generation)
