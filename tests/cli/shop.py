"""What tests of the command share: calls of it, and what then stands in the sandbox."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner

import etl
from etl.cli import main

REPOSITORY = Path(__file__).parents[2]
OTHERS = ("created", "updated", "unchanged", "deleted", "failed", "invalid", "skipped", "pending")


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


FIELDS = {
    "Brand": ("code", "name"),
    "Product": ("number", "name", "price", "ean", "brandName", "description", "isActive", "categoriesIds"),
}


def records_in(url: str, entity: str = "Product") -> list[dict[str, object]]:
    kept = ("id", *FIELDS[entity])

    async def read() -> list[dict[str, object]]:
        async with etl.aio.connect(url, username="admin", password="admin") as client:
            pages = [page async for page in client.pages(entity, select=FIELDS[entity])]
            found = [{key: record.get(key) for key in kept} for page in pages for record in page.records]
            return sorted(found, key=lambda record: record["id"])

    return asyncio.run(read())
