"""What stands on the server of a batch whose request was never answered.

A proxy gives up before the server does, so what stands there is looked at until it stands still.
Source: observations, "Speed": 504 came with 4,320 of 20,000 records stored, and the server went on to 7,083.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from etl.errors import ServerFailed, TimedOut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.api import Client, RetryClock
    from etl.errors import RequestFailed
    from etl.model import Batch
    from etl.resolving.keys import Record

GATEWAY_TIMEOUT = 504
BETWEEN_LOOKS_S = 5.0
"""A single record takes a server a tenth of a second; two looks that agree mean that it does nothing more."""
LONGEST_S = 600.0
"""Somebody else may keep changing these records; then they are sent again all the same."""
APPENDING = "AddOnlyMode"


def may_still_work(failure: RequestFailed) -> bool:
    """Tell whether the server may be at work on a request that failed so."""
    return isinstance(failure, TimedOut) or (
        isinstance(failure, ServerFailed) and failure.status == GATEWAY_TIMEOUT
    )


async def done_when_still(batch: Batch, client: Client, *, clock: RetryClock) -> list[int]:
    """Return the positions of items that stand as they were sent, once two looks at all of them agree.

    Raises:
        RequestFailed, NoAccess: the server cannot be asked.
    """
    items = [dict(item["payload"]) for item in orjson.loads(batch.body)]
    keys = sorted({key for item in items for key in item if key not in ("id", "_prev")})
    select = ("id", "modifiedAt", *(key for key in keys if not key.endswith(APPENDING)))
    ids = [str(item["id"]) for item in items]
    began, before = clock.now(), None
    while True:
        found = await client.look_up(batch.entity, "id", ids, select=select)
        records: dict[str, Record] = {str(record["id"]): record for record in found}
        if records == before or clock.now() - began > LONGEST_S:
            break
        before = records
        await clock.sleep(BETWEEN_LOOKS_S)
    return [at for at, item in enumerate(items) if stands_as_sent(item, records.get(ids[at]))]


def stands_as_sent(payload: Mapping[str, object], record: Record | None) -> bool:
    """Tell whether a record holds everything that a payload says; what cannot be read back never does."""
    if record is None:
        return False
    return all(
        is_equal(record.get(key), value, appends=f"{key.removesuffix('Ids')}{APPENDING}" in payload)
        for key, value in payload.items()
        if key not in ("id", "_prev") and not key.endswith(APPENDING)
    )


def is_equal(there: object, ours: object, *, appends: bool = False) -> bool:
    """Tell whether a value on the server is the one that was sent; lists of ids have no order.

    Args:
        appends: the list was added to what stood there.
    """
    if isinstance(there, list) and isinstance(ours, list):
        have, want = set(map(str, there)), set(map(str, ours))
        return want <= have if appends else want == have
    return there == ours or (there in (None, "") and ours in (None, ""))
