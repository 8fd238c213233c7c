"""Linked objects, found or created by the server itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from etl.errors import MappingInvalid

MAPPING = (
    "entity: Product\nkey: number\nfields:\n  number: No\n  name: Name\n"
    "  brand: {column: Maker, link: {by: name, send: object}}\n"
)
LINES = ("No,Name,Maker", "1,a,Acme", "2,b,Acme", "3,c,Bolt")


@pytest.mark.parametrize("sandbox", ["2.2", "2.3"], indirect=True)
async def test_the_server_finds_or_creates_the_linked_records(carry, records):
    summary = await carry(MAPPING, *LINES)
    assert (summary.rows.created, summary.rows.bad) == (3, 0), (summary.problems, summary.error)
    names = [one["brandName"] for one in await records("Product", "number", "brandName")]
    assert names == ["Acme", "Acme", "Bolt"]
    assert len(await records("Brand", "name")) == 2


async def test_a_server_that_drops_them_is_found_out_with_one_record(sandbox, carry, records):
    # As the first releases of 2.2 did.
    sandbox.instance.generation = replace(sandbox.instance.generation, linked_objects=False)
    summary = await carry(MAPPING, *LINES)
    assert (summary.status, summary.rows.created, summary.rows.pending) == ("stopped", 1, 2)
    assert 'Write "send: id" in the link.' in summary.error
    assert len(await records("Product", "number")) == 1


@pytest.mark.parametrize("sandbox", ["2.1"], indirect=True)
async def test_a_server_that_is_known_to_drop_them_is_refused_before_anything_is_sent(carry, records):
    with pytest.raises(MappingInvalid, match=r"servers of generation 2\.1 drop the object of brand"):
        await carry(MAPPING, *LINES)
    assert await records("Product", "number") == []
