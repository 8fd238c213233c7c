"""SIGKILL and faults among files and their links: in the end no content and no pair stands twice."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

import etl
from etl.errors import NothingToResume, RunUnknown
from etl.sandbox import run_in_thread
from tests.delivery.feeds import ALL_FAULTS, carried, set_faults, struck
from tests.delivery.test_kills import Killer, in_steps, in_time
from tests.importing.test_files import GALLERY, md5

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Moment = Callable[[random.Random, dict[str, float]], dict[str, float]]

FILES_OF_FEED, ROWS_OF_FEED = 8, 12


def write_gallery(folder: Path, prefix: str) -> Path:
    """Write a feed of products with two images each, and the images; return its table."""
    images = folder / "images"
    images.mkdir(exist_ok=True)
    for n in range(FILES_OF_FEED):
        (images / f"{prefix}{n}.png").write_bytes(b"\x89PNG" + f"{prefix}{n}".encode() * 50)
    (folder / "feed.yaml").write_text(GALLERY)
    names = [
        f"{prefix}{n % FILES_OF_FEED}.png|{prefix}{(n + 5) % FILES_OF_FEED}.png" for n in range(ROWS_OF_FEED)
    ]
    table = folder / f"{prefix}.csv"
    table.write_text(
        "No,Name,Images\n" + "".join(f"{prefix}{n:03d},x,{cell}\n" for n, cell in enumerate(names))
    )
    return table


async def links_of(url: str, prefix: str) -> list[tuple[str, str, int]]:
    """Number of the product, hash of the file, and place of each link."""
    async with etl.aio.connect(url, username="admin", password="admin") as pim:

        async def read(entity: str, *fields: str) -> dict[str, dict[str, object]]:
            pages = [page async for page in pim.pages(entity, select=("id", *fields))]
            return {record["id"]: record for page in pages for record in page.records}

        products, files = await read("Product", "number"), await read("File", "hash")
        links = await read("ProductFile", "productId", "fileId", "sorting")
    hashes = [one["hash"] for one in files.values()]
    assert len(hashes) == len(set(hashes)), "one record per content"
    return sorted(
        (products[one["productId"]]["number"], files[one["fileId"]]["hash"], one["sorting"])
        for one in links.values()
        if products[one["productId"]]["number"].startswith(prefix)
    )


def links_wanted(folder: Path, prefix: str) -> list[tuple[str, str, int]]:
    hashes = [md5(folder / "images" / f"{prefix}{n}.png") for n in range(FILES_OF_FEED)]
    return sorted(
        (f"{prefix}{n:03d}", hashes[(n + further) % FILES_OF_FEED], place)
        for n in range(ROWS_OF_FEED)
        for further, place in ((0, 10), (5, 20))
    )


def kill_and_go_on(folder: Path, *, kills: int, moment: Moment, seed: int) -> int:
    """Kill imports at moments of their own, and go on after each, by turns with `resume` and `import`."""
    chance = random.Random(seed)  # noqa: S311  repeatable moments
    killer, killed = Killer(), 0
    with run_in_thread(db=folder / "sandbox.db", seed=1, faults="latency=2ms") as sandbox:
        whole = killer.run(sandbox.url, write_gallery(folder, "w"), state=folder / "w")
        for number in range(kills):
            prefix = f"k{number}-"
            table, state = write_gallery(folder, prefix), folder / prefix
            killed += killer.run(sandbox.url, table, state=state, **moment(chance, whole))["killed"]
            try:
                resumes = None if number % 3 == 2 else "20"
                summary = asyncio.run(carried(sandbox.url, table, state=state, resumes=resumes))
            except (RunUnknown, NothingToResume):  # killed before the run had its folder, or after its end
                summary = asyncio.run(carried(sandbox.url, table, state=state))
            assert (summary.rows.read, summary.rows.bad, summary.rows.pending) == (ROWS_OF_FEED, 0, 0)
            assert asyncio.run(links_of(sandbox.url, prefix)) == links_wanted(folder, prefix)
            again = asyncio.run(carried(sandbox.url, table, state=state))
            assert (again.rows.unchanged, again.files.uploaded) == (ROWS_OF_FEED, 0)
    killer.end()
    return killed


def test_an_import_killed_among_its_files_and_links_is_finished_by_what_comes_next(tmp_path):
    assert kill_and_go_on(tmp_path, kills=2, moment=in_steps, seed=3) == 2


@pytest.mark.parametrize("seed", [4, 5])
def test_whatever_goes_wrong_on_the_way_every_content_and_every_pair_stands_once(tmp_path, seed):
    # Half stored records fail their row by right; bodies of some hundred bytes hold no file.
    faults = ",".join(
        one for one in ALL_FAULTS.split(",") if not one.startswith(("half", "failed_but", "max_body"))
    )
    with run_in_thread(db=tmp_path / "sandbox.db", seed=1) as sandbox:
        table = write_gallery(tmp_path, "f")
        summary = asyncio.run(carried(sandbox.url, table, state=tmp_path / "state", faults=faults, seed=seed))
        assert struck(sandbox.url), "at least one fault struck"
        set_faults(sandbox.url, "")
        assert (summary.rows.created, summary.files.failed) == (ROWS_OF_FEED, 0), summary.problems
        assert asyncio.run(links_of(sandbox.url, "f")) == links_wanted(tmp_path, "f")


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_hundred_imports_killed_among_their_files_are_finished(tmp_path):
    # How many are hit before their end is the machine's affair; that most are makes this a test.
    assert kill_and_go_on(tmp_path, kills=100, moment=in_time, seed=4) >= 50
