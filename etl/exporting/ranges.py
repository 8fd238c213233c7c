"""Ranges of an entity by when its records were created, so that several pages can be under way at once.

The ranges leave nothing out and share nothing, whatever is created or changed meanwhile: `createdAt` is set
once, by the server. A record without it is in the first range.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from etl.api.where import Condition, Operator, either
from etl.runs import write_whole

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from etl.api import Client
    from etl.exporting.rows import Rows
    from etl.schema import EntitySchema

CREATED = "createdAt"
LEAST_RECORDS = 2500
"""Of a range: fewer are read as quickly one page after the other."""


async def bounds_of(
    client: Client, entity: EntitySchema, where: Sequence[Condition], *, total: int | None
) -> tuple[str, ...]:
    """Return the times that part the records into ranges of about the same size; empty: one range.

    Times are the server's own words, in UTC, and go back to it as they came.

    Raises:
        RequestFailed, NoAccess: see `Client.ask`.
    """
    count = min(client.limits.in_flight, (total or 0) // LEAST_RECORDS)
    if total is None or count < 2 or CREATED not in entity.fields:  # noqa: PLR2004  one range is no range
        return ()
    places = [total * at // count for at in range(1, count)]
    asked = (
        client.list(
            entity.name,
            select=(CREATED,),
            where=tuple(where),
            offset=place,
            max_size=1,
            sort_by=CREATED,
            asc=True,
        )
        for place in places
    )
    pages = await asyncio.gather(*asked)
    found = {str(record[CREATED]) for page in pages for record in page.records if record.get(CREATED)}
    return tuple(sorted(found))


def ranges_of(bounds: Sequence[str]) -> list[tuple[Condition, ...]]:
    """Return the conditions of each range: all that was created before the first bound, and so on."""
    if not bounds:
        return [()]
    first = either(Condition(Operator.IS_NULL, CREATED), Condition(Operator.LESS_THAN, CREATED, (bounds[0],)))
    found: list[tuple[Condition, ...]] = [(first,)]
    for at, bound in enumerate(bounds):
        behind = Condition(Operator.GREATER_THAN_OR_EQUALS, CREATED, (bound,))
        before = [Condition(Operator.LESS_THAN, CREATED, (one,)) for one in bounds[at + 1 : at + 2]]
        found.append((behind, *before))
    return found


def keep(bounds: Sequence[str], path: Path) -> None:
    """Keep bounds on disk: an export that goes on must have the same ones."""
    write_whole(path, json.dumps(list(bounds)) + "\n")


def kept(path: Path) -> tuple[str, ...] | None:
    """Return bounds that were kept; None: there are none yet."""
    return tuple(json.loads(path.read_bytes())) if path.exists() else None


async def side_by_side(streams: Sequence[AsyncGenerator[Rows]]) -> AsyncGenerator[tuple[int, Rows]]:
    """Yield the pages of all ranges as they come, each with the number of its range, from 0.

    While one is used, each other range has at most a page waiting and one under way.
    """
    tasks = {asyncio.ensure_future(anext(one)): number for number, one in enumerate(streams)}
    try:
        while tasks:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                number = tasks.pop(task)
                try:
                    page = task.result()
                except StopAsyncIteration:
                    continue
                yield number, page
                tasks[asyncio.ensure_future(anext(streams[number]))] = number
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in streams:
            await one.aclose()
