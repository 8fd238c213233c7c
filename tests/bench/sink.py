"""A server of constant answers in a process of its own, so that only the client's work is measured.

It knows nobody, holds nothing, and says "created" to every item of an upsert.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from base64 import b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = orjson.dumps({"authorizationToken": b64encode(b"bench:token").decode()})
NOTHING = orjson.dumps({"total": 0, "list": []})
LARGEST_BODY = 16 * 1024**2


def json_answer(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


async def sign_in(_: web.Request) -> web.Response:
    return json_answer(TOKEN)


async def listed(_: web.Request) -> web.Response:
    return json_answer(NOTHING)


async def upserted(request: web.Request) -> web.Response:
    items = orjson.loads(await request.read())
    created = [
        {"status": "Created", "stored": True, "entity": {"id": item["payload"]["id"]}} for item in items
    ]
    return json_answer(orjson.dumps(created))


def serve() -> None:
    """Serve until standard input is closed, so that no sink outlives its benchmark; print the port first."""
    metadata = orjson.dumps(builtin_metadata(GENERATIONS["2.1"]))

    async def told(_: web.Request) -> web.Response:
        return json_answer(metadata)

    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_get("/api/v1/App/user", sign_in)
    app.router.add_get("/api/v1/Metadata", told)
    app.router.add_post("/api/v1/MassActions/action/upsert", upserted)
    app.router.add_get("/api/v1/{entity}", listed)

    async def run() -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()

    asyncio.run(run())


@contextmanager
def running() -> Iterator[str]:
    """Run a sink and give its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the sink has no pipes")
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()


if __name__ == "__main__":
    serve()
