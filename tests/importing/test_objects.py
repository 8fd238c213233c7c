"""Linked objects, found or created by the server itself."""

from __future__ import annotations

import pytest

import etl

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


@pytest.mark.parametrize("sandbox", ["2.1"], indirect=True)
async def test_a_server_that_drops_them_is_not_sent_any(carry, records):
    with pytest.raises(etl.EtlError, match="object"):
        await carry(MAPPING, *LINES)
    assert await records("Product", "number") == []
