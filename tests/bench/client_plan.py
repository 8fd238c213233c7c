"""What stands on a server, read in three ways. Its arguments: WAY URL FOLDER [TABLE MAPPING]."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from etl import aio
from etl.aio import HowToExport, What, connect
from tests.bench.usage import printed

COLUMNS = ("number", "name", "description", "price", "quantity", "ean", "isActive")


async def plan(url: str, folder: Path, table: str, mapping: str) -> None:
    """Plan the import of a table that stands there already, and insist that nothing would change."""
    async with connect(url, username="admin", password="admin") as pim:
        foreseen = await aio.plan(table, mapping, pim, state_dir=folder)
    if foreseen.has_changes or not foreseen.summary.rows.unchanged:
        raise SystemExit(str(foreseen.records))


async def export(url: str, folder: Path) -> None:
    """Export the same columns into a CSV file."""
    how = HowToExport(output=str(folder / "out.csv"), is_forced=True)
    what = What(entity="Product", columns=",".join(COLUMNS))
    async with connect(url, username="admin", password="admin") as pim:
        await aio.export_file(what, pim, how=how, state_dir=folder)


async def pages(url: str, _folder: Path) -> None:
    """Page the same columns and drop them."""
    async with connect(url, username="admin", password="admin") as pim:
        async for _ in pim.pages("Product", select=COLUMNS):
            pass


WAYS = {"plan": plan, "export": export, "pages": pages}

if __name__ == "__main__":
    way, address, place, *more = sys.argv[1:]
    with printed():
        asyncio.run(WAYS[way](address, Path(place), *more))
