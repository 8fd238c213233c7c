"""A server that cleans what it is sent: what it made of a value is nobody's edit."""

from __future__ import annotations

import pytest

from etl.sandbox import Options
from tests.delivery.fronted import Fronted
from tests.importing.test_known import PRODUCT, Clock


async def cleaned(call, pass_on):
    """Take the tags out of whatever is stored."""
    call.raw = call.raw.replace(b"<b>", b"")
    return await pass_on()


@pytest.fixture(params=["2.1", "2.3"])
async def sandbox(request, tmp_path):
    running = Fronted(Options(db=tmp_path / "sandbox.db", seed=1, generation=request.param, clock=Clock()))
    running.front = cleaned
    await running.start()
    yield running
    await running.stop()


@pytest.mark.parametrize("is_edited", [False, True])
async def test_a_value_that_the_server_cleaned_can_be_changed_by_the_source(
    carry, records, pim, sandbox, is_edited
):
    # 2.3 does not say when it stored a record: only those that are read back are certain, two a batch.
    for rows in (2,) if sandbox.options.generation == "2.3" else (2, 60):
        first = [f"{row},<b>one,{row:03}" for row in range(rows)]
        assert (await carry(PRODUCT, "No,Name,Mpn", *first, name=f"feed{rows}")).rows.bad == 0
        sandbox.options.clock.now += 600
        if is_edited:
            (one,) = [each for each in await records("Product", "number", "id") if each["number"] == "1"]
            await pim.patch("Product", one["id"], payload={"mpn": "by hand"})
        changed = [line.replace("one", "uno") for line in first]
        summary = await carry(PRODUCT, "No,Name,Mpn", *changed, name=f"feed{rows}")
        assert (summary.rows.updated, summary.rows.bad) == (rows, 0), summary.problems
        assert {one["name"] for one in await records("Product", "name")} == {"uno"}
