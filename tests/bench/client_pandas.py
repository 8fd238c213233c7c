"""The simple way to the same file: json_normalize and pandas' writers: `URL RECORDS FILE`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import openpyxl
import pandas as pd

from tests.bench.pages import COLUMNS
from tests.bench.usage import printed

PAGE = 1000


async def read(url: str, records: int) -> list[dict[str, object]]:
    """Return all records, page by page."""
    found: list[dict[str, object]] = []
    async with aiohttp.ClientSession() as session:
        while True:
            where = f"where[0][value]=t{records}" + (f"&where[1][value]={found[-1]['id']}" if found else "")
            address = f"{url}/api/v1/Product?maxSize={PAGE}&{where}"
            async with session.get(address) as response:
                listed = json.loads(await response.read())["list"]
            found += listed
            if len(listed) < PAGE:
                return found


def write(records: list[dict[str, object]], path: Path) -> None:
    """Write them as somebody would who has pandas; sheets with openpyxl in its quickest way."""
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append(list(COLUMNS))
        for record in records:
            sheet.append([record[name] for name in COLUMNS])
        book.save(path)
        return
    frame = pd.json_normalize(records)[list(COLUMNS)]
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)


if __name__ == "__main__":
    with printed():
        write(asyncio.run(read(sys.argv[1], int(sys.argv[2]))), Path(sys.argv[3]))
