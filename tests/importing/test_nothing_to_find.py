"""Frames of which no row is left to be looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from etl.report import Summary

MAPPING = """\
entity: Product
key: number
fields:
  number: SKU
  name: Name
  price: Price
"""


async def test_rows_that_are_all_wrong_are_reported_against_a_large_entity(
    carry: Callable[..., Awaitable[Summary]],
) -> None:
    await carry(MAPPING, "SKU,Name,Price", *(f"S{number},Shelf,9" for number in range(30)), name="many")

    summary = await carry(MAPPING, "SKU,Name,Price", "N1,Nail,cheap", "N2,Nut,dear", name="few")

    assert summary.rows.invalid == 2
    assert summary.status == "partial"
