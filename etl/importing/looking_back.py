"""What the server made of what it was sent: read back while a run goes on, and keys looked up once more.

What it changes on save it does not say: units are converted, floats rounded, HTML cleaned, lists told apart.
Source: quirks, 17; observations, "Bulk upsert": `entity` of an answer echoes the input, not what is stored.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from etl.batching import take
from etl.errors import NoAccess, RequestFailed
from etl.model import Problem, Status
from etl.planning.diff import differs
from etl.resolving.records import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from etl.api import Client
    from etl.journal import Journal
    from etl.model import Batch, Changes, Outcome
    from etl.resolving import RecordFinder
    from etl.resolving.keys import Record
    from etl.schema import Schema

log = logging.getLogger(__name__)

SAMPLE_PER_BATCH = 2
SAMPLE_IN_ALL = 100
READ_AT_ONCE = 50
KEYS_AT_ONCE = 1000
SHOWN_VALUE = 200
ARRIVED = frozenset({Status.CREATED, Status.UPDATED})


class LookingBack:
    """Reads records back once their outcome is known; holds those alone that are under way."""

    def __init__(
        self, client: Client, schema: Schema, *, reads_all: bool, report: Callable[[Iterable[Problem]], None]
    ) -> None:
        """Begin with nothing.

        Args:
            reads_all: False: the first records of each request, and no more than `SAMPLE_IN_ALL`.
            report: takes a Problem for each value that the server holds otherwise than it was sent.
        """
        self._client, self._schema, self._reads_all, self._report = client, schema, reads_all, report
        self._left = SAMPLE_IN_ALL
        self._under_way: dict[str, Changes] = {}
        """Record id -> the change that was sent, alone."""
        self._arrived: dict[str, dict[str, Changes]] = {}
        """Entity -> those of them that wait for being read."""

    def sending(self, batch: Batch) -> None:
        """Remember what is about to leave."""
        if not batch.body or batch.changes.attribute_keys:
            return
        count = len(batch) if self._reads_all else min(SAMPLE_PER_BATCH, len(batch), self._left)
        if not self._reads_all:
            self._left -= count
        for position in range(count):
            self._under_way[batch.changes.ids[position].as_py()] = take(batch.changes, [position])

    async def landed(self, outcomes: Sequence[Outcome]) -> None:
        """Read back those that are remembered and arrived, once there are enough of them for a request."""
        for outcome in outcomes:
            sent = self._under_way.pop(outcome.record_id, None)
            if sent is not None and outcome.status in ARRIVED:
                self._arrived.setdefault(sent.entity, {})[outcome.record_id] = sent
        for entity, changes in self._arrived.items():
            if len(changes) >= READ_AT_ONCE:
                await self._compare(entity, changes)

    async def finish(self) -> None:
        """Read back what is left."""
        for entity, changes in self._arrived.items():
            await self._compare(entity, changes)

    async def _compare(self, entity: str, waiting: dict[str, Changes]) -> None:
        changes = dict(waiting)
        waiting.clear()
        if not changes:
            return
        known = self._schema.entity(entity)
        keys = dict.fromkeys(key for one in changes.values() for key in one.columns)
        select = [key for key in keys if known.by_payload_key(key) is not None]
        try:
            found = await self._client.look_up(entity, "id", list(changes), select=("id", *select))
        except (RequestFailed, NoAccess) as failure:
            # The rows have arrived; only what the server made of them stays unknown.
            log.warning("not read back", extra={"entity": entity, "why": str(failure)})
            return
        for record in found:
            self._report(self._changed(changes[str(record["id"])], record, select))

    def _changed(self, sent: Changes, record: Record, keys: Sequence[str]) -> Iterator[Problem]:
        known = self._schema.entity(sent.entity)
        for key in keys:
            # What is not shown at all cannot be compared: the role may hide it.
            if (column := sent.columns.get(key)) is None or not column.is_valid()[0].as_py():
                continue
            if key not in record:
                continue
            field = known.by_payload_key(key)
            there = record[key]
            if differs(column, [there], field=field, appends=key in sent.appends)[0].as_py():
                yield Problem(
                    "changed_by_server",
                    sent.file,
                    sent.sheet,
                    sent.numbers[0].as_py(),
                    field=key,
                    value=_shown(column[0].as_py()),
                    facts={"there": _shown(there)},
                )


async def second_records(
    journal: Journal, records: RecordFinder, *, entity: str, block: str, created: int
) -> list[Problem]:
    """Return a Problem for each record that we created and whose key another record has too.

    Another writer may have made it between our look-up and our create. Not more than `KEYS_AT_ONCE` keys are
    in memory.

    Args:
        created: rows that were created, about.
    """
    problems: list[Problem] = []
    if not created or not records.key_fields or records.key_fields == ("id",):
        return problems
    ours = (
        one
        for outcomes in journal.outcomes()
        for one in outcomes
        if one.status is Status.CREATED and one.entity == entity and one.part == block and one.key
    )
    is_ready = False
    while some := list(islice(ours, KEYS_AT_ONCE)):
        try:
            if not is_ready:
                # Where most of the entity is ours, reading it whole is cheaper than asking for each key.
                await records.prepare(created)
                is_ready = True
            standing = await records.standing([one.key for one in some])
        except (RequestFailed, NoAccess) as failure:
            log.warning("keys not looked up once more", extra={"entity": entity, "why": str(failure)})
            return problems
        for one in some:
            others = [str(other["id"]) for other in standing.get(one.key, ()) if other["id"] != one.record_id]
            if others:
                field, facts = ", ".join(records.key_fields), {"other": others[0], "id": one.record_id}
                problems.append(
                    Problem(
                        "second_record",
                        one.file,
                        one.sheet,
                        one.row,
                        field=field,
                        value=readable(one.key)[:SHOWN_VALUE],
                        facts=facts,
                    )
                )
    return problems


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text[:SHOWN_VALUE]
