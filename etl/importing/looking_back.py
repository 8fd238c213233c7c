"""What the server made of what it was sent: read back while a run goes on, and keys looked up once more.

What it changes on save it does not say: units are converted, floats rounded, HTML cleaned, lists told apart.
Source: quirks, 17; observations, "Bulk upsert": `entity` of an answer echoes the input, not what is stored.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa

from etl.batching import slice_of
from etl.errors import NoAccess, RequestFailed
from etl.model import Alike, Outcomes, Problem, Status
from etl.planning.diff import differs
from etl.resolving.records import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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
        self,
        client: Client,
        schema: Schema,
        *,
        reads_all: bool,
        report: Callable[[Iterable[Problem]], None],
    ) -> None:
        """Begin with nothing.

        Args:
            reads_all: False: the first records of each request, and no more than `SAMPLE_IN_ALL`.
            report: takes a Problem for each value that the server holds otherwise than it was sent.
        """
        self._client, self._schema, self._reads_all, self._report = client, schema, reads_all, report
        self._left = SAMPLE_IN_ALL
        self.told: Callable[[Changes, Record], None] = lambda sent, there: None  # noqa: ARG005  nobody listens
        """Told each change of which the server holds something else, one record, and what it holds."""
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
            one = slice_of(batch.changes, position, position + 1)
            self._under_way[one.ids[0].as_py()] = one

    async def landed(self, outcomes: Iterable[Outcome]) -> None:
        """Read back those that are remembered and arrived, once there are enough of them for a request."""
        portion = Outcomes.of(outcomes)
        for alike in portion.alike:
            if self._under_way:
                self._landed(alike.ids.to_pylist(), alike.status)
        for outcome in portion.told:
            self._landed([outcome.record_id], outcome.status)
        for entity, changes in self._arrived.items():
            if len(changes) >= READ_AT_ONCE:
                await self._compare(entity, changes)

    def _landed(self, ids: Iterable[str], status: Status) -> None:
        for record_id in self._under_way.keys() & ids:
            sent = self._under_way.pop(record_id)
            if status in ARRIVED:
                self._arrived.setdefault(sent.entity, {})[record_id] = sent

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
            moment = ("modifiedAt",) if "modifiedAt" in known.fields else ()
            found = await self._client.look_up(entity, "id", list(changes), select=("id", *moment, *select))
        except (RequestFailed, NoAccess) as failure:
            # The rows have arrived; only what the server made of them stays unknown.
            log.warning("not read back", extra={"entity": entity, "why": str(failure)})
            return
        for record in found:
            sent = changes[str(record["id"])]
            if problems := list(self._changed(sent, record, select)):
                self._report(problems)
                self.told(sent, record)

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

    Another writer may have made it between our look-up and our create. Of the keys about `KEYS_AT_ONCE` are
    in memory.

    Args:
        created: rows that were created, about.
    """
    problems: list[Problem] = []
    if not created or not records.key_fields or records.key_fields == ("id",):
        return problems
    is_ready = False
    for some in _in_portions(_created(journal, entity, block)):
        try:
            if not is_ready:
                # Where most of the entity is ours, reading it whole is cheaper than asking for each key.
                await records.prepare(created)
                is_ready = True
            standing = await records.standing([key for one in some for key in one.keys.to_pylist() if key])
        except (RequestFailed, NoAccess) as failure:
            log.warning("keys not looked up once more", extra={"entity": entity, "why": str(failure)})
            return problems
        if standing:
            field = ", ".join(records.key_fields)
            problems += [problem for one in some for problem in _doubled(one, standing, field=field)]
    return problems


def _doubled(ours: Alike, standing: Mapping[str, Sequence[Record]], *, field: str) -> Iterator[Problem]:
    for row, key, record_id in zip(
        ours.rows.to_pylist(), ours.keys.to_pylist(), ours.ids.to_pylist(), strict=True
    ):
        others = [str(other["id"]) for other in standing.get(key, ()) if other["id"] != record_id]
        if others:
            facts = {"other": others[0], "id": record_id}
            value = readable(key)[:SHOWN_VALUE]
            yield Problem("second_record", ours.file, ours.sheet, row, field=field, value=value, facts=facts)


def _created(journal: Journal, entity: str, block: str) -> Iterator[Alike]:
    """What this run created of an entity, as columns."""
    sought = (Status.CREATED, entity, block)
    for outcomes in journal.outcomes():
        yield from (one for one in outcomes.alike if (one.status, one.entity, one.part) == sought)
        for one in outcomes.told:
            if (one.status, one.entity, one.part) == sought:
                rows, keys, ids = pa.array([one.row]), pa.array([one.key]), pa.array([one.record_id])
                yield Alike(one.file, one.sheet, entity, one.status, rows, keys, ids, 1, block)


def _in_portions(created: Iterator[Alike]) -> Iterator[list[Alike]]:
    """Put together what makes a look-up worth while."""
    some: list[Alike] = []
    keys = 0
    for one in created:
        some.append(one)
        keys += len(one)
        if keys >= KEYS_AT_ONCE:
            yield some
            some, keys = [], 0
    if some:
        yield some


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text[:SHOWN_VALUE]
