"""A sandbox with something in front of it, as a proxy is: what this does with each request a test says."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from etl.sandbox import Options, Sandbox
from etl.sandbox.calls import HTML, Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from etl.sandbox.calls import Call

    Front: TypeAlias = Callable[[Call, Callable[[], Awaitable[Answer | None]]], Awaitable[Answer | None]]
    """Gets a request, and what passes it on; returns the answer, None where the connection is cut."""


class Fronted(Sandbox):
    """Hands requests to a front once there is one."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.front: Front | None = None

    async def _faulty(self, request: web.BaseRequest, path: str, call: Call) -> Answer | None:
        async def pass_on() -> Answer | None:
            return await Sandbox._faulty(self, request, path, call)

        return await (pass_on() if self.front is None else self.front(call, pass_on))


def says(status: int, **headers: str) -> Answer:
    """Return what the front says by itself."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, b"<html>not now</html>", HTML, named)
