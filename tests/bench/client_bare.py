"""The least that an import can be: read, zip dicts, encode, post. Its arguments: FILE URL."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import aiohttp
import orjson
import pyarrow as pa
import pyarrow.csv as pc

from tests.bench.usage import printed

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS, IN_FLIGHT = 100, 4


def bodies(path: str) -> Iterator[bytes]:
    """Yield the bodies of the requests, all columns as text but for the id."""
    parse = pc.ParseOptions(delimiter=";", newlines_in_values=True)
    names = pc.open_csv(path, parse_options=parse).schema.names
    convert = pc.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    for block in pc.open_csv(path, parse_options=parse, convert_options=convert):
        columns = [column.to_pylist() for column in block.columns]
        records = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
        for start in range(0, len(records), ROWS):
            part = records[start : start + ROWS]
            yield orjson.dumps(
                [{"entity": "Product", "payload": {"id": record["number"], **record}} for record in part]
            )


async def post_all(path: str, url: str) -> None:
    """Post every body, some at once, and read every answer."""
    waiting = bodies(path)
    headers = {"Content-Type": "application/json"}

    async def worker(session: aiohttp.ClientSession) -> None:
        for body in waiting:
            address = f"{url}/api/v1/MassActions/action/upsert"
            async with session.post(address, data=body, headers=headers) as answer:
                orjson.loads(await answer.read())

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(worker(session) for _ in range(IN_FLIGHT)))


if __name__ == "__main__":
    with printed():
        asyncio.run(post_all(sys.argv[1], sys.argv[2]))
