"""A server of constant answers in a process of its own, so that only the client's work is measured.

It knows nobody, holds nothing, and says "created" to every item of an upsert.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from tests.bench import serving
from tests.bench.serving import json_answer

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from aiohttp import web

NOTHING = orjson.dumps({"total": 0, "list": []})
STORED = "2026-01-01 00:00:00"
"""When whatever is sent was stored."""
NEWEST = orjson.dumps({"total": 1, "list": [{"id": "another", "modifiedAt": "2026-06-01 00:00:00"}]})
"""The one record that was changed later: nobody's."""


async def listed(request: web.Request) -> web.Response:
    asked = (request.query.get("sortBy"), request.query.get("where[0][attribute]"))
    return json_answer(NEWEST if "modifiedAt" in asked else NOTHING)


async def upserted(request: web.Request) -> web.Response:
    items = orjson.loads(await request.read())
    created = [
        {
            "status": "Created",
            "stored": True,
            "entity": {"id": item["payload"]["id"], "modifiedAt": STORED},
        }
        for item in items
    ]
    return json_answer(orjson.dumps(created))


def running() -> AbstractContextManager[str]:
    """Run a sink and give its address."""
    return serving.running("tests.bench.sink")


if __name__ == "__main__":
    app = serving.application("2.1")
    app.router.add_post("/api/v1/MassActions/action/upsert", upserted)
    app.router.add_get("/api/v1/{entity}", listed)
    serving.serve(app)
