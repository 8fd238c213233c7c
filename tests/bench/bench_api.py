"""The client against bare aiohttp, and the pace against the best fixed setting on a model of a server."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import TYPE_CHECKING

import aiohttp
import orjson

from etl.api import connect
from etl.model import Limits
from etl.pacing import Pacer
from tests.bench import sink
from tests.test_pacing import Clock, best_fixed, deliver, p95

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

REQUESTS, ITEMS, KEYS = 300, 200, 100
ROUNDS = 5
WORKERS = (1, 2, 4, 8)
ROWS = 100_000
BODY = orjson.dumps(
    [
        {
            "entity": "Product",
            "payload": {"id": f"p{n:023}", "name": f"Hammer {n}", "description": "Stahl " * 90},
        }
        for n in range(ITEMS)
    ]
)


async def cpu_s(send: Callable[[], Awaitable[object]]) -> float:
    """Return the processor time of some hundred requests, four at once."""
    began = time.process_time()
    for _ in range(REQUESTS // 4):
        await asyncio.gather(*(send() for _ in range(4)))
    return time.process_time() - began


async def upsert_ratio(url: str) -> float:
    """Return the processor time of bulk upserts in shares of a bare post that decodes the answer."""
    headers = {"Content-Type": "application/json"}
    async with connect(url, username="bench", password="bench") as client, aiohttp.ClientSession() as bare:

        async def post() -> None:
            address = f"{url}/api/v1/MassActions/action/upsert"
            async with bare.post(address, data=BODY, headers=headers) as answer:
                orjson.loads(await answer.read())

        ratios = [
            await cpu_s(lambda: client.upsert(BODY, count=ITEMS)) / await cpu_s(post) for _ in range(ROUNDS)
        ]
    return median(ratios)


async def look_up_ratio(url: str) -> float:
    """Return the processor time of look-ups of a hundred keys in shares of a bare get."""
    keys = [f"A-{n:05}" for n in range(KEYS)]
    query = "&".join(f"where[0][value][]={key}" for key in keys)
    address = f"{url}/api/v1/Product?select=id,number&where[0][type]=in&where[0][attribute]=number&{query}"
    async with connect(url, username="bench", password="bench") as client, aiohttp.ClientSession() as bare:

        async def get() -> None:
            async with bare.get(address) as answer:
                orjson.loads(await answer.read())

        async def look_up() -> None:
            await client.look_up("Product", "number", values=keys, select=("id", "number"))

        ratios = [await cpu_s(look_up) / await cpu_s(get) for _ in range(ROUNDS)]
    return median(ratios)


def paces() -> tuple[float, float]:
    """Return the worst throughput and the worst p95 latency, in shares of the best fixed setting."""
    throughputs, latencies = [], []
    for workers in WORKERS:
        fixed, fixed_latency = best_fixed(workers=workers, rows=ROWS, noise=0.3, seed=1)
        clock = Clock()
        pacer = Pacer(Limits(in_flight=16), now=clock.now)
        throughput, seen = deliver(pacer, clock, workers=workers, rows=ROWS, noise=0.3, seed=1)
        throughputs.append(throughput / fixed)
        latencies.append(p95(seen) / fixed_latency)
    return min(throughputs), max(latencies)


def rows() -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of the client and of the pace."""
    with sink.running() as url:
        compared = f"{ITEMS} records, {len(BODY) // 1000} KB, against a bare post that decodes the answer"
        yield "api: upsert, client CPU", asyncio.run(upsert_ratio(url)), "<= 2.5", compared
        compared = f"{KEYS} keys against a bare get of the same address"
        yield "api: look-up, client CPU", asyncio.run(look_up_ratio(url)), "<= 2", compared
    throughput, latency = paces()
    compared = (
        f"the worst of {', '.join(map(str, WORKERS))} workers against the best fixed setting, {ROWS:,} rows"
    )
    yield "pacing: rows per second", throughput, ">= 0.9", compared
    yield "pacing: p95 latency", latency, "<= 2", compared


if __name__ == "__main__":
    for row in rows():
        print(row)
