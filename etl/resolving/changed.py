"""Which records of an entity were changed since some moment, by the server's own clock.

No clock of ours is compared with the server's. `modifiedAt` has steps of one second and does not move when
only a relation changes. Source: observations, "The way of writing".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from etl.api import Condition, Operator

if TYPE_CHECKING:
    from etl.api import Client
    from etl.schema import EntitySchema

TIMES = "%Y-%m-%d %H:%M:%S"
MARGIN = timedelta(minutes=5)
"""A cluster's clocks may differ, and a slow request may be stored with a moment that has passed."""


@dataclass(slots=True)
class Changed:
    """The records that were changed since a moment; all of them in memory, some 50 bytes each."""

    since: str
    """As the server writes times; empty: since ever."""
    ids: list[str] = field(default_factory=list)
    moments: list[str] = field(default_factory=list)
    """`modifiedAt` of each."""

    @property
    def newest(self) -> str:
        """The latest of the moments; empty: there is none."""
        return max(self.moments, default="")


async def changed_since(client: Client, entity: str, *, seen_to: str) -> Changed:
    """Return the records that were changed after `seen_to`, less a margin; asked once, page by page.

    Raises:
        RequestFailed, NoAccess: the server could not be asked.
    """
    since = earlier(seen_to)
    where = (Condition(Operator.GREATER_THAN_OR_EQUALS, "modifiedAt", (since,)),) if since else ()
    found = Changed(since)
    async for page in client.pages(entity, select=("modifiedAt",), where=where):
        found.ids += [str(record["id"]) for record in page.records]
        found.moments += [str(record.get("modifiedAt") or "") for record in page.records]
    return found


def earlier(moment: str) -> str:
    """Return a moment of the server less the margin; empty: it is none."""
    try:
        return (datetime.strptime(moment, TIMES) - MARGIN).strftime(TIMES)  # noqa: DTZ007  both are UTC
    except ValueError:
        return ""


async def newest_change(client: Client, entity: EntitySchema) -> str:
    """Return when a record of an entity was changed last, by the server's clock; empty: nobody knows.

    What an export noted here is what the next one gives as `changed_since`: no clock of ours is compared with
    the server's. Source: observations: `modifiedAt` has steps of one second and does not move for relations.
    """
    if "modifiedAt" not in entity.fields:
        return ""
    # Nulls come first in PostgreSQL's descending order. Source: PostgreSQL, ORDER BY.
    page = await client.list(
        entity.name,
        select=("modifiedAt",),
        where=(Condition(Operator.IS_NOT_NULL, "modifiedAt"),),
        max_size=1,
        sort_by="modifiedAt",
        asc=False,
    )
    return str(page.records[0].get("modifiedAt") or "") if page.records else ""
