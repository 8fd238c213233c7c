"""Reading many records: an entity page by page, and look-ups in several requests at once. No network."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from etl.api import wire
from etl.api.where import Condition, Where, greater_than
from etl.errors import AnswerUnusable, ungrouped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from etl.api.wire import Page, Records, Request


class AskPage(Protocol):
    """One request for a list, repeated as the client repeats reads."""

    async def __call__(self, request: Request) -> Page:
        """Return the page, or raise what the client raises."""


async def by_id(
    ask: AskPage, entity: str, *, select: Sequence[str], where: Where, page_records: int
) -> AsyncIterator[Page]:
    """Yield all records that fit, sorted by id, in pages of at most `page_records`.

    Pages go by the last id seen and not by an offset: records that come or go meanwhile move no other record
    across a page's edge. Source: observations, "The way of writing", keyset paging; quirk 16.

    Raises:
        AnswerUnusable: a page does not go on by id.
    """
    columns = (*select, "id") if select and "id" not in select else tuple(select)
    after: tuple[Condition, ...] = ()
    last = ""
    while True:
        page = await ask(
            wire.list_records(
                entity,
                select=columns,
                where=(*where, *after),
                max_size=page_records,
                sort_by="id",
                asc=True,
            )
        )
        if not page.records:
            return
        yield page
        # The total counts this page and what follows: the filter holds the rest only.
        if page.total is not None and page.total <= len(page.records):
            return
        before, last = last, str(page.records[-1].get("id", ""))
        if not last or last == before:
            raise AnswerUnusable(f"GET {entity}", reason="with a page that does not go on by id")
        after = (greater_than("id", last),)


async def all_of(ask: AskPage, requests: Sequence[Request], *, slots: asyncio.Semaphore) -> Records:
    """Return the records of all lists, in no order, asking as many at once as `slots` allows.

    Raises:
        EtlError: of the first list that failed; the others are dropped.
    """

    async def whole(request: Request) -> Records:
        records: Records = []
        async with slots:
            while True:
                page = await ask(wire.from_offset(request, len(records)))
                records.extend(page.records)
                if len(page.records) < wire.LOOK_UP_RECORDS or page.total == len(records):
                    return records

    with ungrouped():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(whole(request)) for request in requests]
    return [record for task in tasks for record in task.result()]
