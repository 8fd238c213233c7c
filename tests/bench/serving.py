"""Servers of constant answers in processes of their own, so that only the client's work is measured."""

from __future__ import annotations

import asyncio
import sys
from base64 import b64encode
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS
from tests.bench.products import OWN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = orjson.dumps({"authorizationToken": b64encode(b"bench:token").decode()})
LARGEST_BODY = 16 * 1024**2


def json_answer(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def application(generation: str) -> web.Application:
    """Return a server that lets anybody sign in and tells the metadata; the rest is the caller's."""
    told_of = builtin_metadata(GENERATIONS[generation])
    told_of["entityDefs"]["Product"]["fields"] |= OWN_FIELDS
    metadata = orjson.dumps(told_of)

    async def sign_in(_: web.Request) -> web.Response:
        return json_answer(TOKEN)

    async def told(_: web.Request) -> web.Response:
        return json_answer(metadata)

    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_get("/api/v1/App/user", sign_in)
    app.router.add_get("/api/v1/Metadata", told)
    return app


def serve(app: web.Application) -> None:
    """Serve until standard input is closed, so that none outlives its benchmark; print the port first."""

    async def run() -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()

    asyncio.run(run())


@contextmanager
def running(module: str, *arguments: str) -> Iterator[str]:
    """Run a module that serves, in a process of its own, and give its address."""
    with Popen([sys.executable, "-m", module, *arguments], stdin=PIPE, stdout=PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the server has no pipes")
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()
