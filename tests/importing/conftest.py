"""Tables and mappings into a sandbox, through the library's door for event loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import etl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from etl.api import Client
    from etl.report import Summary


@pytest.fixture
def carry(tmp_path: Path, pim: Client) -> Callable[..., Awaitable[Summary]]:
    """Import rows written as CSV with a mapping written as YAML."""

    async def carried(mapping: str, *lines: str, name: str = "feed", **options: object) -> Summary:
        (tmp_path / f"{name}.yaml").write_text(mapping, encoding="utf-8")
        source = tmp_path / f"{name}.csv"
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        state = tmp_path / "state"
        return await etl.aio.import_table(source, tmp_path / f"{name}.yaml", pim, state_dir=state, **options)

    return carried


@pytest.fixture
def records(pim: Client) -> Callable[..., Awaitable[list[dict[str, object]]]]:
    """All records of an entity, some fields of them, sorted by the first one."""

    async def read(entity: str, *fields: str) -> list[dict[str, object]]:
        pages = [page async for page in pim.pages(entity, select=fields)]
        found = [{key: record.get(key) for key in fields} for page in pages for record in page.records]
        return sorted(found, key=lambda record: str(record[fields[0]]))

    return read
