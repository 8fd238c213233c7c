"""Whatever a night brings: the server ends as after a clean run, and every row's outcome is true."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from urllib.request import Request, urlopen

import pytest

import etl
from etl.api import RetryClock
from etl.model import Limits
from etl.planning.guards import Guards, Threshold
from etl.sandbox import Sandbox

ROWS = 120
MAPPING = """entity: Product
key: number
source: {number: {decimal: ","}}
fields:
  number: No
  name: {column: Name, required: true}
  price: Price
  brand: {column: Maker, link: {by: name, missing: create}}
  channels: {column: Where, split: "|", link: {by: code, missing: create, create: {name: shop}}}
"""
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
    "hang_after_commit=0.1",
    "max_body=4KB",
    "max_uri=2KB",
    "half_stored=0.1",
    "failed_but_stored=0.05",
    "latency=5ms,reset=0.1,http502=0.1,truncate=0.1,die_mid_batch=0.1,short_answer=0.1",
]


async def _at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


# Tests wait for nothing: pauses are skipped, and many tries are allowed since so much goes wrong.
CLOCK = RetryClock(attempts=60, patience_s=3600, sleep=_at_once)
UNGUARDED = Guards(max_errors=Threshold())
LIMITS = Limits(batch_rows=10, attempts=60, silence_s=3600, request_timeout_s=0.5)


@pytest.fixture
def feed(tmp_path):
    lines = [
        f"{i:04d};Produkt {i};{i},50;Maker {i % 5};{'web|shop' if i % 2 else 'web'}" for i in range(ROWS)
    ]
    source = tmp_path / "feed.csv"
    source.write_text("\n".join(["No;Name;Price;Maker;Where", *lines]) + "\n")
    (tmp_path / "feed.yaml").write_text(MAPPING)
    return source


async def carried(sandbox: Sandbox, feed, tmp_path, faults=""):
    connection = etl.aio.connect(sandbox.url, username="admin", password="admin", limits=LIMITS, retry=CLOCK)
    async with connection as pim:
        await asyncio.to_thread(set_faults, sandbox, faults)
        return await etl.aio.import_table(
            feed, tmp_path / "feed.yaml", pim, state_dir=tmp_path / "state", guards=UNGUARDED
        )


def set_faults(sandbox: Sandbox, faults: str) -> None:
    body = json.dumps({"faults": faults, "seed": 7}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{sandbox.url}/sandbox/faults", body, headers)  # noqa: S310  a sandbox on loopback
    urlopen(request).read()  # noqa: S310  the same


async def what_stands(sandbox: Sandbox):
    async with etl.aio.connect(sandbox.url, username="admin", password="admin") as pim:
        found = {}
        for entity, fields in (
            ("Product", ("id", "number", "name", "price", "brandId", "channelsIds")),
            ("Brand", ("id", "name")),
            ("Channel", ("id", "code", "name")),
        ):
            pages = [page async for page in pim.pages(entity, select=fields)]
            records = [{key: one.get(key) for key in fields} for page in pages for one in page.records]
            for one in records:
                one["channelsIds"] = sorted(one.get("channelsIds") or ())
            found[entity] = sorted(records, key=lambda one: one["id"])
        return found


@pytest.fixture(scope="module")
def clean_state(tmp_path_factory):
    """What stands after a run without faults."""
    folder = tmp_path_factory.mktemp("clean")

    async def run():
        lines = [
            f"{i:04d};Produkt {i};{i},50;Maker {i % 5};{'web|shop' if i % 2 else 'web'}" for i in range(ROWS)
        ]
        (folder / "feed.csv").write_text("\n".join(["No;Name;Price;Maker;Where", *lines]) + "\n")
        (folder / "feed.yaml").write_text(MAPPING)
        async with Sandbox.open(folder / "clean.db", seed=1) as sandbox:
            summary = await carried(sandbox, folder / "feed.csv", folder)
            assert summary.rows.created == ROWS
            return await what_stands(sandbox)

    return asyncio.run(run())


@pytest.mark.parametrize("faults", FAULTS)
async def test_the_server_ends_as_after_a_clean_run(tmp_path, feed, clean_state, faults):
    async with Sandbox.open(tmp_path / "faulty.db", seed=7) as sandbox:
        summary = await carried(sandbox, feed, tmp_path, faults)
        await asyncio.to_thread(set_faults, sandbox, "")
        state = await what_stands(sandbox)
        rows = summary.rows
        assert rows.read == ROWS
        assert rows.pending == 0, summary.error
        if rows.created != ROWS:
            # A failed row says the truth: what it holds is not there, or not whole; another import mends it.
            assert rows.failed > 0
            again = await carried(sandbox, feed, tmp_path)
            assert again.rows.bad == 0, again.problems
            state = await what_stands(sandbox)
    assert state == clean_state


def test_limits_of_these_tests_are_no_defaults():
    assert dataclasses.asdict(Limits()) != dataclasses.asdict(LIMITS)
