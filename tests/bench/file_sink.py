"""A server that takes files and says at once what their clients expect: sizes and hashes are told beforehand.

It looks for the name and the place of a piece, and keeps nothing. Its argument: a JSON file that gives hash
and size of each name.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from tests.bench import serving
from tests.bench.serving import json_answer
from tests.bench.sink import listed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from aiohttp import web

FACT = re.compile(rb'"(id|name|start|piecesCount)": ?(?:"([^"]*)"|(\d+))')
FACTS_BYTES = 1000
"""What stands before and behind the content."""


def running(expected: Path) -> AbstractContextManager[str]:
    """Run a sink and give its address."""
    return serving.running("tests.bench.file_sink", str(expected))


def application(expected: dict[str, tuple[str, int]]) -> web.Application:
    """Return the sink."""
    pieces: dict[str, set[int]] = defaultdict(set)

    async def taken(request: web.Request) -> web.Response:
        body = await request.read()
        seen = FACT.findall(body[:FACTS_BYTES] + body[-FACTS_BYTES:])
        facts = {key.decode(): (text or number).decode() for key, text, number in seen}
        digest, size = expected[facts["name"]]
        record = {"id": facts["id"], "name": facts["name"], "hash": digest, "fileSize": size}
        if "piecesCount" not in facts:
            return json_answer(orjson.dumps(record))
        there = pieces[facts["id"]]
        there.add(int(facts["start"]))
        chunks = [str(start) for start in sorted(there)]
        is_whole = len(there) == int(facts["piecesCount"])
        return json_answer(orjson.dumps((record if is_whole else {}) | {"chunks": chunks}))

    app = serving.application("2.1")
    app.router.add_post("/api/v1/File", taken)
    app.router.add_get("/api/v1/{entity}", listed)
    return app


if __name__ == "__main__":
    serving.serve(application(json.loads(Path(sys.argv[1]).read_bytes())))
