"""The client at a sandbox that fails: reads get through, writes tell truly what may have been carried out."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from etl import errors
from etl.api import ItemKind, connect
from etl.model import Limits
from etl.sandbox import Sandbox
from tests.api.clock import Clock

READS = "http500=0.1,http502=0.1,http503=0.1,http429=0.1,truncate=0.1,page_html=0.1,reset=0.1,sql200=0.1"


def brands(count):
    return orjson.dumps(
        [
            {"entity": "Brand", "payload": {"id": f"b{n:03}", "name": f"B {n}", "code": f"c-{n:03}"}}
            for n in range(count)
        ]
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_reads_get_through_whatever_fails(tmp_path, seed):
    clock = Clock()
    async with (
        Sandbox.open(tmp_path / "sandbox.db", seed=seed) as sandbox,
        connect(sandbox.url, username="admin", password="admin", retry=clock.retry(attempts=30)) as pim,
    ):
        await pim.upsert(brands(60), count=60)
        sandbox.faults.replace(READS, seed)
        pim.retry = clock.retry(attempts=30, patience_s=1e9)
        ids = [record["id"] async for page in pim.pages("Brand", page_records=10) for record in page.records]
        assert ids == [f"b{n:03}" for n in range(60)]
        found = await pim.look_up("Brand", "code", values=[f"c-{n:03}" for n in range(80)], select=("code",))
        assert len(found) == 60
        assert pim.retries > 0


WRITES = [
    ("reset", errors.NoAnswer, 0),
    ("reset_after_commit", errors.NoAnswer, 3),
    ("truncate", errors.RequestFailed, 3),
    ("page_html", errors.AnswerUnusable, 0),
    ("sql200", errors.DatabaseRefused, 0),
    ("short_answer", errors.AnswerUnusable, 3),
    ("die_mid_batch", errors.RequestFailed, 1),
    ("http413", errors.TooLarge, 0),
    ("http429", errors.ServerFailed, 0),
    ("http500", errors.ServerFailed, 0),
    ("http502", errors.ServerFailed, 0),
    ("http503", errors.ServerFailed, 0),
    ("http504", errors.ServerFailed, 0),
    ("http403", errors.Refused, 0),
    ("max_body=20B", errors.TooLarge, 0),
]


@pytest.mark.parametrize(("fault", "expected", "stored"), WRITES, ids=[fault for fault, *_ in WRITES])
async def test_a_write_that_fails_tells_whether_it_may_have_been_carried_out(
    sandbox, pim, fault, expected, stored
):
    sandbox.faults.replace(fault, 1)
    with pytest.raises(expected) as caught:
        await pim.upsert(brands(3), count=3)
    sandbox.faults.replace("")
    assert await pim.total("Brand") == stored
    if stored:
        assert caught.value.may_be_done


async def test_a_server_that_hangs_after_its_work_may_have_done_it(sandbox, pim):
    usual, pim.limits = pim.limits, Limits(request_timeout_s=0.3)
    sandbox.faults.replace("hang_after_commit=1x", 1)
    with pytest.raises(errors.NoAnswer) as caught:
        await pim.upsert(brands(3), count=3)
    assert caught.value.may_be_done
    pim.limits = usual
    # On a slow machine the client may have left before the work was done.
    while await pim.total("Brand") < 3:
        pass


async def test_tokens_that_expire_again_and_again_cost_a_sign_in_each_and_nothing_else(sandbox, pim):
    sandbox.faults.replace("expire_token=0.1", 1)
    for _ in range(5):
        assert len(await asyncio.gather(*(pim.list("Brand") for _ in range(8)))) == 8
    sandbox.faults.replace("")
    assert (await pim.upsert(brands(1), count=1))[0].kind is ItemKind.CREATED
