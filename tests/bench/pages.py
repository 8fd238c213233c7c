"""A server of constant pages in a process of its own: invented products by id and by when they were made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

import orjson

from tests.bench import serving
from tests.bench.serving import json_answer

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from aiohttp import web

COLUMNS = (
    "number", "name", "description", "longDescription", "status", "isActive", "price", "rrp", "quantity",
    "ean", "mpn", "customsNumber", "note", "createdAt", "modifiedAt", "brandId", "priceUnitId", "rrpUnitId",
    "sortOrder",
)  # fmt: skip
WORDS = ["Bohrer", "Schraube", "Dübel", "Leiter", "Zange", "Hobel", "Feile", "Säge"]


# What lists of 2.1 show whatever is selected. Source: observations, "Lists"; recorded answers.
SENT_ALONG = {
    "data": None, "routes": [], "routesNames": [], "isRoot": True, "hasChildren": False, "createdById": "1",
    "mainImageId": None, "mainImageName": None, "assignedUserId": "1", "parentId": None, "parentName": None,
}  # fmt: skip


EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def created_at(number: int) -> str:
    """One a second, so that ranges of times are ranges of numbers."""
    return f"{EPOCH + timedelta(seconds=number):%Y-%m-%d %H:%M:%S}"


def number_of(time: str) -> int:
    return int((datetime.fromisoformat(f"{time}+00:00") - EPOCH).total_seconds())


def record(number: int) -> dict[str, object]:
    word = WORDS[number % len(WORDS)]
    return {
        "id": f"a{number:09}", "number": f"{number:08d}", "name": f"{word} {number}",
        "description": f"{word} aus gutem Stahl. " * 4, "longDescription": None, "status": "draft",
        "isActive": number % 3 > 0, "price": number % 900 + 0.25, "rrp": None, "quantity": float(number % 77),
        "ean": str(4_000_000_000_000 + number), "mpn": f"M-{number}", "customsNumber": None, "note": None,
        "createdAt": created_at(number), "modifiedAt": "2026-11-21 18:23:56", "brandId": f"b{number % 50}",
        "priceUnitId": "EUR", "rrpUnitId": None, "sortOrder": number,
        **SENT_ALONG,
    }  # fmt: skip


BLOCK = 2000
BLOCKS: dict[int, list[bytes]] = {}


def page(start: int, count: int, total: int) -> bytes:
    """Return a page; records are made once, so that the server is quick the second time."""
    parts = []
    for number in range(start, min(start + count, total)):
        block = BLOCKS.get(number // BLOCK)
        if block is None:
            first = number // BLOCK * BLOCK
            block = BLOCKS[number // BLOCK] = [orjson.dumps(record(n)) for n in range(first, first + BLOCK)]
        parts.append(block[number % BLOCK])
    return b'{"total":%d,"list":[%s]}' % (max(total - start, 0), b",".join(parts))


async def listed(request: web.Request) -> web.Response:
    asked = parse_qs(unquote(request.query_string))
    if request.match_info["entity"] != "Product":
        return json_answer(b'{"total":0,"list":[]}')
    first, total = int(asked.get("offset", ["0"])[0]), 100_000
    bounds = []
    for key, (value, *_) in asked.items():
        if not key.endswith("[value]"):
            continue
        if value.startswith("t"):
            total = int(value[1:])
        elif value.startswith("a"):
            first = max(first, int(value[1:]) + 1)
        else:
            bounds.append((asked[f"{key.removesuffix('[value]')}[type]"][0], number_of(value)))
    for operator, number in bounds:
        first = max(first, number) if operator == "greaterThanOrEquals" else first
        total = min(total, number) if operator == "lessThan" else total
    return json_answer(page(first, int(asked.get("maxSize", ["200"])[0]), total))


def running() -> AbstractContextManager[str]:
    """Run the server and give its address."""
    return serving.running("tests.bench.pages")


if __name__ == "__main__":
    app = serving.application("2.2")
    app.router.add_get("/api/v1/{entity}", listed)
    serving.serve(app)
