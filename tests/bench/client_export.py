"""An export of so many records and what it used: `URL RECORDS FILE plain|people`."""

from __future__ import annotations

import asyncio
import itertools
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from etl.api import connect
from etl.exporting import How, What, run_export
from tests.bench.pages import COLUMNS
from tests.bench.usage import printed


async def export(url: str, records: int, path: Path, *, is_plain: bool) -> None:
    """Export through the whole way, with the run's folder and its pages on disk."""
    numbers = itertools.count()
    place = SimpleNamespace(
        state=path.parent / f"{path.stem}-state",
        cwd=path.parent,
        now=lambda: datetime.now(UTC),
        chance=lambda: next(numbers),
        version="bench",
        profile="",
        begins=lambda _: None,
    )
    columns = ",".join(COLUMNS).replace("brandId", "brand.id")
    what = What(entity="Product", columns=columns, where=f"name != 't{records}'")
    async with connect(url, username="bench", password="bench") as client:
        summary = await run_export(what, client, place=place, how=How(output=path.name, is_plain=is_plain))
    if summary.status != "ok":
        raise SystemExit(summary.error)


if __name__ == "__main__":
    with printed():
        asyncio.run(export(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), is_plain=sys.argv[4] == "plain"))
