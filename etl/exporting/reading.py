"""All records of an entity, page by page by id, the next page being fetched while one is used."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from etl.api import wire
from etl.api.where import greater_than
from etl.errors import AnswerUnusable, ServerFailed, TimedOut, TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from etl.api import Client, Condition
    from etl.api.wire import Answer, Request
    from etl.exporting.rows import Rows

FIRST_RECORDS = 200
"""Of the first page: servers differ by a factor of twenty, so nothing is assumed."""
QUICK_S, SLOW_S = 1.0, 5.0
"""Seconds for a page, below which pages grow, and above which they shrink."""
LEAST_RECORDS = 50
LARGE_BYTES = 16 * 2**20
"""Of a page: it is held in memory several times over."""


@dataclass(slots=True)
class PageSize:
    """How many records are asked for at once; found by watching how long the server takes."""

    most: int
    records: int = field(init=False)

    def __post_init__(self) -> None:
        """Begin small."""
        self.records = min(FIRST_RECORDS, self.most)

    def shrink(self, asked: int) -> None:
        """Take notice that a page of so many records did not come."""
        self.records = min(self.records, max(asked // 2, LEAST_RECORDS))

    def learn(self, seconds: float, *, page_bytes: int) -> None:
        """Take notice of how long a page took, and how large it was."""
        if seconds > SLOW_S or page_bytes > LARGE_BYTES:
            self.records = max(self.records // 2, LEAST_RECORDS)
        elif seconds < QUICK_S and page_bytes < LARGE_BYTES // 2:
            self.records = min(self.records * 2, self.most)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read: an entity, a filter, and what each record shall show."""

    entity: str
    select: tuple[str, ...]
    where: tuple[Condition, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()
    """Further parameters, as names and values: `attributes`."""
    headers: tuple[tuple[str, str], ...] = ()
    after: str = ""
    """The last id that is there already; empty: from the start."""

    def request(self, after: str, records: int) -> Request:
        """Return the request for the page behind `after`."""
        behind = (greater_than("id", after),) if after else ()
        made = wire.list_records(
            self.entity,
            select=("id", *(one for one in self.select if one != "id")),
            where=(*self.where, *behind),
            max_size=records,
            sort_by="id",
            asc=True,
        )
        query = "&".join([made.query, *(f"{name}={value}" for name, value in self.extra)])
        return replace(made, query=query, headers=dict(self.headers))


async def pages(
    client: Client,
    reading: Reading,
    *,
    size: PageSize,
    read: Callable[[Request, Answer], Rows],
) -> AsyncGenerator[Rows]:
    """Yield all records in the server's order of ids, in pages; the `total` of each counts it and the rest.

    Ids are never compared here: which is greater is the server's own affair. A record that was there when the
    first page was asked for, and is not deleted meanwhile, comes exactly once.
    Source: observations, "The way of writing", keyset paging; quirk 16.

    Raises:
        RequestFailed, NoAccess: see `Client.ask`.
        AnswerUnusable: a page does not go on by id.
    """
    clock = client.retry.now

    async def ask(after: str) -> Rows:
        while True:
            before, asked = clock(), size.records
            try:
                page = await client.ask(reading.request(after, asked), read)
            except (ServerFailed, TimedOut, TooLarge):
                # Too much for its memory or its patience, perhaps: half of it may be not.
                if asked <= LEAST_RECORDS:
                    raise
                size.shrink(asked)
                continue
            size.learn(clock() - before, page_bytes=page.bytes)
            return page

    upcoming: asyncio.Task[Rows] | None = asyncio.create_task(ask(reading.after))
    last = reading.after
    try:
        while upcoming is not None:
            page, upcoming = await upcoming, None
            if not page.count:
                return
            before, last = last, page.last_id
            if not last or last == before:
                raise AnswerUnusable(f"GET {reading.entity}", reason="with a page that does not go on by id")
            if page.total is None or page.total > page.count:
                upcoming = asyncio.create_task(ask(last))
            yield page
    finally:
        if upcoming is not None:
            upcoming.cancel()


def selected(keys: Sequence[str]) -> tuple[str, ...]:
    """Return payload keys as `select` takes them: each once, none of ours."""
    return tuple(dict.fromkeys(key for key in keys if key and not key.startswith("attribute:")))
