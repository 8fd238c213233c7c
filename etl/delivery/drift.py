"""Records that somebody changed between our look at them and our update: sorted out here.

An update carries the old values of what it changes (`_prev`); the server answers 409 where one of them does
not stand any more. Source: observations, "The way of writing"; api-contract §3.4: values that look like
numbers can raise a false alarm, so what stands is read before a row is called drifted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import orjson

from etl.delivery.standing import is_equal, stands_as_sent
from etl.model import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import ItemAnswer
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
