"""Records that somebody changed between our look at them and our update: sorted out here.

An update carries the old values of what it changes (`_prev`); the server answers 409 where one of them does
not stand any more, unless its setting `checkForConflicts` is off: then they are held against it here, before
the update leaves. Source: observations, "The way of writing"; api-contract §3.4: values that look like
numbers can raise a false alarm, so what stands is read before a row is called drifted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import orjson

from etl.delivery.standing import APPENDING, is_equal, stands_as_sent
from etl.model import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import Client, ItemAnswer
    from etl.model import Batch
    from etl.resolving.keys import Record

OnDrift: TypeAlias = Literal["fail", "skip", "overwrite"]
CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Sorted:
    """Positions of a batch whose items the server refused as drifted."""

    done: frozenset[int]
    """What we sent stands there: an earlier request was carried out."""
    again: tuple[int, ...]
    """To be sent once more without old values: a false alarm, or the user wants it overwritten."""
    drifted: frozenset[int]


async def drifted_by_now(batch: Batch, client: Client) -> dict[int, str]:
    """Read the records of a batch of updates once more; return the positions of those that somebody changed.

    For an instance that does not compare old values itself. `modifiedAt` alone would not do: it moves for
    fields that are none of ours. Between this look and the update some seconds remain.

    Returns:
        Position -> what was changed and when, in words.

    Raises:
        RequestFailed, NoAccess: the server cannot be asked.
    """
    payloads = {
        at: dict(item["payload"])
        for at, (kind, item) in enumerate(zip(batch.changes.kinds, orjson.loads(batch.body), strict=True))
        if kind is ChangeKind.UPDATE and "_prev" in item["payload"]
    }
    keys = sorted({key for one in payloads.values() for key in one if key not in ("id", "_prev")})
    ids = [str(one["id"]) for one in payloads.values()]
    select = ("id", "modifiedAt", *(key for key in keys if not key.endswith(APPENDING)))
    found = await client.look_up(batch.entity, "id", ids, select=select) if ids else []
    records = {str(record["id"]): record for record in found}
    drifted: dict[int, str] = {}
    for at, payload in payloads.items():
        record = records.get(str(payload["id"]))
        if record is None:
            drifted[at] = "it was deleted"
        elif not stands_as_sent(payload, record):
            changed = [key for key, value in payload["_prev"].items() if not is_equal(record.get(key), value)]
            if changed:
                drifted[at] = f"{', '.join(changed)} changed, last at {record.get('modifiedAt')} UTC"
    return drifted


def alarms(batch: Batch, answers: Sequence[ItemAnswer]) -> list[int]:
    """Return the positions of updates that the server refused because of an old value."""
    return [
        position
        for position, (kind, answer) in enumerate(zip(batch.changes.kinds, answers, strict=True))
        if kind is ChangeKind.UPDATE and answer.code == CONFLICT
    ]


def sort_out(
    batch: Batch, positions: Sequence[int], *, records: Mapping[str, Record], on_drift: OnDrift
) -> Sorted:
    """Tell true drift from false alarms.

    Args:
        records: what stands on the server now, by id.
    """
    items = orjson.loads(batch.body)
    done, again, drifted = set(), [], set()
    for position in positions:
        payload = dict(items[position]["payload"])
        record, old = records.get(str(payload.pop("id"))), payload.pop("_prev", {})
        if record is None:
            drifted.add(position)
        elif stands_as_sent(payload, record):
            done.add(position)
        elif on_drift == "overwrite" or all(is_equal(record.get(key), value) for key, value in old.items()):
            again.append(position)
        else:
            drifted.add(position)
    return Sorted(frozenset(done), tuple(again), frozenset(drifted))
