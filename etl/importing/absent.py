"""Records that the source does not have: found before anything is sent, deleted or deactivated at the end.

A source answers for the records that its mapping's `scope` names or, without one, for those that earlier
imports of the mapping made or found, once that is known completely. Only a whole source tells what is absent:
not a part of its rows, not the corrected rows of another run, not one of which rows failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import xxhash

from etl.api.filters import to_where
from etl.errors import TooManyAbsent
from etl.importing.remembering import about_of
from etl.mapping.absence import ACTIVE
from etl.model import ChangeKind, Changes, Problem
from etl.planning import AbsentCounts, Compared
from etl.planning.known import BROKEN, is_damage, read_known
from etl.resolving import Found
from etl.resolving.keys import keys_of_records
from etl.scanning import DIGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from etl.api import Client
    from etl.importing.legs import Leg
    from etl.planning.guards import Threshold
    from etl.planning.known import Known
    from etl.resolving.keys import Record
    from etl.scanning import Selection
    from etl.schema import Schema
    from etl.tables import Table

ABSENT = "absent"
"""The part that absent records are in plans and results."""
NAME = "name"
"""The field that tells people which record it is."""
FRAME_RECORDS = 5000


@dataclass(slots=True)
class Absent:
    """The records of one entity that the source does not have."""

    leg: Leg
    live: int = 0
    """Records that the mapping answers for."""
    records: list[tuple[str, Record]] = field(default_factory=list)
    """Key and record of each."""
    vanished: list[str] = field(default_factory=list)
    """Keys of those that were known and do not stand any more."""

    @property
    def deactivates(self) -> bool:
        """Whether they are deactivated; else they are deleted."""
        return self.leg.rules.mapping.doc.on_absent == "deactivate"

    @property
    def select(self) -> tuple[str, ...]:
        """What is read of them."""
        more = ACTIVE if self.deactivates else NAME
        known = (more,) if more in self.leg.rules.entity.fields else ()
        return tuple(dict.fromkeys(("id", *self.leg.rules.key_fields, "modifiedAt", *known)))

    def take(self, found: Iterable[tuple[str, Record]]) -> None:
        """Add records by their keys; those that are deactivated already need nothing."""
        for key, record in found:
            if not self.deactivates or record.get(ACTIVE) is True:
                self.records.append((key, record))

    def check(self, most: Threshold) -> None:
        """Stop the run where they are too many.

        Raises:
            TooManyAbsent: more than `most` of them, or all.
        """
        insist_on_few(self.leg.rules.entity.name, len(self.records), self.live, most=most)

    @property
    def counts(self) -> AbsentCounts:
        """How many there are, of how many."""
        return AbsentCounts(self.leg.rules.entity.name, len(self.records), self.live)

    def left(self, why: str) -> Problem:
        """Return what is told where they are left alone."""
        entity, table = self.leg.rules.entity.name, self.leg.table
        facts = {"count": f"{len(self.records):,}", "entity": entity, "why": why}
        return Problem("absent_left", table.name, table.sheet, facts=facts)

    def changes(self) -> Iterator[Compared]:
        """Yield what shall be done with them."""
        for start in range(0, len(self.records), FRAME_RECORDS):
            yield self._compared(self.records[start : start + FRAME_RECORDS])

    def _compared(self, some: Sequence[tuple[str, Record]]) -> Compared:
        ids = [str(record["id"]) for _, record in some]
        count, table = len(some), self.leg.table
        kind = ChangeKind.UPDATE if self.deactivates else ChangeKind.DELETE
        changes = Changes(
            self.leg.rules.entity.name,
            table.name,
            table.sheet,
            numbers=pa.array([0] * count, pa.int64()),
            keys=pa.array([key for key, _ in some], pa.string()),
            ids=pa.array(ids, pa.string()),
            kinds=[kind] * count,
            columns={ACTIVE: pa.array([False] * count)} if self.deactivates else {},
            old={ACTIVE: pa.array(["true"] * count)} if self.deactivates else {},
            prev_keys=frozenset({ACTIVE} if self.deactivates else ()),
            part=ABSENT,
        )
        return Compared(changes, Found(ids, [record for _, record in some], {}))


def insist_on_few(entity: str, count: int, live: int, *, most: Threshold) -> None:
    """Stop a run that would delete or deactivate too many records.

    Raises:
        TooManyAbsent: more than `most`, which a share is of the `live` ones, or all of them.
    """
    limit = most.of(live)
    if count and (count >= live or (limit is not None and count > limit)):
        raise TooManyAbsent(entity, count=count, live=live, most=str(most), are_all=count >= live)


def whole_source_lacks(table: Table, selection: Selection) -> str:
    """Return why a source cannot tell what is absent; empty: it can."""
    if table.is_partial:
        return "the source holds the rejected rows of another run"
    return "" if selection.is_all else "only some rows of the source are meant"


async def find_absent(
    legs: Sequence[Leg], *, schema: Schema, client: Client, selection: Selection, state: Path | None
) -> tuple[list[Absent], list[Problem]]:
    """Return what the mappings answer for and the source does not have, and why it is not looked for.

    Args:
        state: the state folder; None: nothing is known.

    Raises:
        FilterInvalid: a scope cannot be understood.
        RequestFailed, NoAccess: the server could not be asked.
    """
    found: list[Absent] = []
    problems: list[Problem] = []
    for leg in legs:
        if leg.rules.mapping.doc.on_absent == "keep":
            continue
        why = whole_source_lacks(leg.table, selection)
        one = None if why else await _absent_of(leg, schema=schema, client=client, state=state)
        if one is not None:
            found.append(one)
            continue
        facts = {"entity": leg.rules.entity.name, "why": why or UNKNOWN}
        problems.append(Problem("absent_not_looked_for", leg.table.name, leg.table.sheet, facts=facts))
    return found, problems


UNKNOWN = "the mapping gives no scope, and what earlier imports made is not known completely yet"


async def _absent_of(leg: Leg, *, schema: Schema, client: Client, state: Path | None) -> Absent | None:
    """Return what is absent; None: nobody can tell."""
    there = _sorted_keys(leg.digests)
    if (leg.rules.mapping.doc.scope or "").strip():
        return await _absent_in_scope(leg, there, schema=schema, client=client)
    if state is None:
        return None
    known = read_known(state, about_of(leg.rules, client, state))
    if not known.header.is_complete:
        return None
    try:
        gone = _gone(known, there)
    except BROKEN as error:
        if not is_damage(error):
            raise
        return None
    return await _absent_of_known(leg, gone, live=known.lines, client=client)


async def _absent_in_scope(leg: Leg, there: Digests, *, schema: Schema, client: Client) -> Absent:
    rules, absent = leg.rules, Absent(leg)
    spot = str(rules.mapping.spot("scope"))
    where = await to_where(
        client, rules.mapping.doc.scope or "", entity=rules.entity, schema=schema, where=spot
    )
    async for page in client.pages(rules.entity.name, select=absent.select, where=where):
        absent.live += len(page.records)
        keys = keys_of_records(page.records, rules.key_fields)
        digests = [xxhash.xxh3_128_digest((key or "").encode()) for key in keys]
        # A record without a key is none of the feed's: nobody can say that a row of it is missing.
        absent.take(
            (key, record)
            for key, record, is_there in zip(keys, page.records, _are_among(digests, there), strict=True)
            if key is not None and not is_there
        )
    return absent


async def _absent_of_known(leg: Leg, gone: Mapping[str, str], *, live: int, client: Client) -> Absent:
    absent = Absent(leg, live)
    name, key_fields = leg.rules.entity.name, leg.rules.key_fields
    records = await client.look_up(name, "id", list(gone), select=absent.select)
    keys = keys_of_records(records, key_fields)
    standing = {str(record["id"]) for record in records}
    absent.vanished.extend(key for one, key in gone.items() if one not in standing)
    # Whoever gave a record another key in AtroCore made it his own.
    absent.take(
        (key, record)
        for key, record in zip(keys, records, strict=True)
        if key is not None and gone[str(record["id"])] == key
    )
    return absent


def _gone(known: Known, there: Digests) -> dict[str, str]:
    """Return id -> key of the records that earlier imports knew and the source does not have."""
    gone: dict[str, str] = {}
    for part in known.parts(["key", "text", "id"]):
        digests, texts, ids = (part[name].to_pylist() for name in ("key", "text", "id"))
        absent = zip(ids, texts, _are_among(digests, there), strict=True)
        gone |= {one: text for one, text, is_there in absent if one and text is not None and not is_there}
    return gone


Digests: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bytes_]]"
"""Of keys, sorted."""


def _sorted_keys(digests: Path) -> Digests:
    """The digests of all keys of a source; 16 bytes a row."""
    table = pa.ipc.open_file(pa.memory_map(str(digests))).read_all()
    keys = table["key"].drop_null().to_pylist()
    return np.unique(np.array(keys, f"S{DIGEST_BYTES}"))


def _are_among(digests: Sequence[bytes], there: Digests) -> list[bool]:
    found: list[bool] = np.isin(np.array(digests, f"S{DIGEST_BYTES}"), there).tolist()
    return found
