"""Files that AtroCore fetches from an address itself: no hash beforehand, and 50 seconds for each.

Source: api-contract §7.1. An address is fetched once; what it brings later is not seen.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from etl.api.silence import LOST_RIGHTS
from etl.errors import AnswerUnusable, NoAnswer, Refused, RightsLost, ServerFailed, ServerGone
from etl.files.fetching import shown
from etl.files.finding import ENTITY, SELECT, is_older
from etl.files.wanted import Flaw
from etl.resolving.keys import own_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import Client
    from etl.api.wire import Record
    from etl.files.remembering import Memory

log = logging.getLogger(__name__)

SERVER_BROKE = 500
BROKEN_TRIES = 2
"""A 500 says as well that the address answered 404, so it is hardly worth asking again."""


def own_address_id(url: str) -> str:
    """Return the id under which the server stores what it fetches from an address."""
    return own_id(ENTITY, ("url",), key=url)


async def find_fetched(client: Client, urls: Sequence[str], *, memory: Memory) -> dict[str, Record]:
    """Return the files that the server fetched from addresses before, as far as they still stand.

    Raises:
        RequestFailed, NoAccess: the server cannot be asked.
    """
    if not urls:
        return {}
    ids = {url: own_address_id(url) for url in urls} | memory.linked(urls)
    records = await client.look_up(ENTITY, "id", list(ids.values()), select=SELECT)
    by_id = {str(record["id"]): record for record in records}
    return {url: by_id[file_id] for url, file_id in ids.items() if file_id in by_id}


async def fetch_there(client: Client, url: str, facts: Mapping[str, object]) -> Record | Flaw:
    """Let the server fetch an address and return the record; of two of the same content the older one.

    Args:
        facts: what the record gets besides its content: payload key -> value.

    Raises:
        Stopped: the server is gone, or does not let us write.
        RequestFailed, NoAccess: it cannot be asked.
    """
    file_id = own_address_id(url)
    record = await _sent(client, url, {"id": file_id, "url": url, **facts})
    if isinstance(record, Flaw):
        return record
    if record.get("fileSize") == 0:
        await client.delete(ENTITY, file_id, for_good=True)
        return Flaw("file_empty", {"path": shown(url)})
    other = record.get("duplicate")
    if isinstance(other, dict) and _is_same(other, record) and is_older(other, record):
        await client.delete(ENTITY, file_id, for_good=True)
        return other
    return record


def _is_same(other: Record, record: Record) -> bool:
    return all(other.get(one) == record.get(one) for one in ("hash", "fileSize"))


async def _sent(client: Client, url: str, payload: Mapping[str, object]) -> Record | Flaw:
    tries = broken = 0
    while True:
        try:
            return await client.create(ENTITY, payload)
        except Refused as refusal:
            if refusal.status in LOST_RIGHTS:
                raise RightsLost(client.url, status=refusal.status) from refusal
            return await _standing(client, str(payload["id"])) or _not_fetched(url, str(refusal))
        except (NoAnswer, ServerFailed, AnswerUnusable) as failure:
            tries += 1
            broken += failure.status == SERVER_BROKE or isinstance(failure, AnswerUnusable)
            if (record := await _standing(client, str(payload["id"]))) is not None:
                return record
            if broken >= BROKEN_TRIES:
                return _not_fetched(url, str(failure))
            if tries >= client.limits.attempts:
                reason = f"{failure}, {tries} times in a row"
                raise ServerGone(client.url, reason=reason) from failure
            log.warning("no answer", extra={"url": shown(url), "tries": tries, "why": str(failure)})
            await client.retry.sleep(client.retry.pause_s(tries, retry_after_s=failure.retry_after_s))


async def _standing(client: Client, file_id: str) -> Record | None:
    found = await client.look_up(ENTITY, "id", [file_id], select=SELECT)
    return found[0] if found else None


def _not_fetched(url: str, reason: str) -> Flaw:
    return Flaw("file_not_fetched", {"url": shown(url), "reason": f"by AtroCore: {reason}"})
