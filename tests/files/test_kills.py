"""SIGKILL at random moments: a rerun sends the rest, and the server ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from etl.api import connect
from etl.sandbox import run_in_thread
from tests.files.store import made, records, stored

REPOSITORY = Path(__file__).parents[2]
SIZES = (1, 500, 1000, 1001, 7500, 20_000)


@pytest.fixture(scope="module")
def killer():
    command = [sys.executable, "-W", "ignore", "-m", "tests.files.killing"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=REPOSITORY, text=True, **pipes) as process:
        yield process
        process.stdin.close()


def upload(killer, url, folder, state, after_s):
    order = {"url": url, "folder": str(folder), "state": str(state), "after_s": after_s}
    killer.stdin.write(json.dumps(order) + "\n")
    killer.stdin.flush()
    return json.loads(killer.stdout.readline())["killed"]


async def files_of(url):
    async with connect(url, username="admin", password="admin") as client:
        folders = [record async for page in client.pages("Folder") for record in page.records]
        return await records(client), folders


def kill_until_done(killer, tmp_path, *, seed, generation):
    chance = random.Random(seed)  # noqa: S311  no secret
    folder = tmp_path / "images"
    folder.mkdir()
    for size in SIZES:
        made(folder / f"{size}.bin", size, seed=size)
    made(folder / "twice.bin", 7500, seed=7500)
    kills = 0
    with run_in_thread(db=tmp_path / "sandbox.db", seed=1, generation=generation) as sandbox:
        for _ in range(6):
            kills += upload(killer, sandbox.url, folder, tmp_path / "state", chance.uniform(0.02, 0.3))
        assert not upload(killer, sandbox.url, folder, tmp_path / "state", 60.0)
        found, folders = asyncio.run(files_of(sandbox.url))
        assert sorted(one["fileSize"] for one in found) == sorted(SIZES)
        for one in found:
            assert stored(sandbox, one["id"]) == (folder / f"{one['fileSize']}.bin").read_bytes()
        assert sorted(one["name"] for one in folders) == ["images", "shop"]
        before = len(sandbox.requests)
        assert not upload(killer, sandbox.url, folder, tmp_path / "state", 60.0)
        assert not [one for one in list(sandbox.requests)[before:] if one.method == "POST"]
    return kills


@pytest.mark.parametrize("generation", ["1.10", "2.3"])
def test_a_killed_upload_goes_on_where_it_was(killer, tmp_path, generation):
    assert kill_until_done(killer, tmp_path, seed=generation, generation=generation) > 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
def test_a_killed_upload_goes_on_whenever_it_was_killed(killer, tmp_path, seed):
    kill_until_done(killer, tmp_path, seed=seed, generation=("1.10", "2.1", "2.2", "2.3")[seed % 4])
