"""A server of the test's own making: answers what the test says, and remembers what it was asked."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

USER, PASSWORD = "etl", "not-a-real-one"


def json(value: object, status: int = 200, **headers: str) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), status=status, content_type="application/json", headers=headers
    )


def text(body: str, status: int, **headers: str) -> web.Response:
    return web.Response(text=body, status=status, content_type="text/html", headers=headers)


class Stub:
    """Signs in like AtroCore; everything else is `answer`."""

    def __init__(self, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
        self.answer = answer
        self.base = "/api/v1"
        self.sign_in = "App/user"
        self.valid = "token-1"
        self.sign_ins = 0
        self.refused_sign_ins = 0
        self.seen: list[web.Request] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        path = request.path
        if not path.startswith(f"{self.base}/"):
            return text("<html><body>no such page</body></html>", 404)
        basic = request.headers.get("Authorization")
        if basic is not None and path == f"{self.base}/{self.sign_in}":
            if basic != "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode():
                self.refused_sign_ins += 1
                return text("", 401)
            self.sign_ins += 1
            return json({"authorizationToken": self.valid})
        if request.headers.get("Authorization-Token") != self.valid:
            return text("", 401)
        if path == f"{self.base}/{self.sign_in}":
            return json({"user": {"userName": USER, "isAdmin": True}, "authorizationToken": self.valid})
        return await self.answer(request)


@asynccontextmanager
async def serving(stub: Stub) -> AsyncIterator[Stub]:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", stub.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        stub.url = f"http://127.0.0.1:{port}"
        yield stub
    finally:
        await runner.cleanup()
