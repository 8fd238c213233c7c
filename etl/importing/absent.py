"""Records that the source does not have: found before anything is sent, deleted or deactivated at the end.

A source answers for the records that its mapping's `scope` names. Only a whole source tells what is absent:
not a part of its rows, not the corrected rows of another run, not one of which rows failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import xxhash

from etl.api.filters import to_where
from etl.errors import TooManyAbsent
from etl.importing.absence import ABSENT, ACTIVE
from etl.model import ChangeKind, Changes, Problem
from etl.planning import AbsentCounts, Compared
from etl.resolving import Found
from etl.resolving.keys import keys_of_records
from etl.scanning import DIGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from etl.api import Client
    from etl.importing.legs import Leg
    from etl.planning.guards import Threshold
    from etl.resolving.keys import Record
    from etl.scanning import Selection
    from etl.schema import Schema
    from etl.tables import Table

FRAME_RECORDS = 5000


@dataclass(slots=True)
class Absent:
    """The records of one entity that the source does not have."""

    leg: Leg
    live: int = 0
    """Records that the mapping answers for."""
    records: list[tuple[str, Record]] = field(default_factory=list)
    """Key and record of each."""

    @property
    def deactivates(self) -> bool:
        """Whether they are deactivated; else they are deleted."""
        return self.leg.rules.mapping.doc.on_absent == "deactivate"

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
    legs: Sequence[Leg], *, schema: Schema, client: Client, selection: Selection
) -> tuple[list[Absent], list[Problem]]:
    """Return what the mappings answer for and the source does not have, and why it is not looked for.

    Raises:
        FilterInvalid: a scope cannot be understood.
        RequestFailed, NoAccess: the server could not be asked.
    """
    found: list[Absent] = []
    problems: list[Problem] = []
    for leg in legs:
        if leg.rules.mapping.doc.on_absent == "keep":
            continue
        if why := whole_source_lacks(leg.table, selection):
            facts = {"entity": leg.rules.entity.name, "why": why}
            problems.append(Problem("absent_not_looked_for", leg.table.name, leg.table.sheet, facts=facts))
            continue
        found.append(await _absent_of(leg, schema=schema, client=client))
    return found, problems


async def _absent_of(leg: Leg, *, schema: Schema, client: Client) -> Absent:
    rules, absent = leg.rules, Absent(leg)
    mapping = rules.mapping
    where = await to_where(
        client, mapping.doc.scope or "", entity=rules.entity, schema=schema, where=str(mapping.spot("scope"))
    )
    there = _sorted_keys(leg.digests)
    select = ("id", *rules.key_fields, "modifiedAt", *((ACTIVE,) if absent.deactivates else ()))
    async for page in client.pages(rules.entity.name, select=select, where=where):
        absent.live += len(page.records)
        keys = keys_of_records(page.records, rules.key_fields)
        for key, record, is_known in zip(keys, page.records, _are_among(keys, there), strict=True):
            is_done = absent.deactivates and record.get(ACTIVE) is not True
            # A record without a key is none of the feed's: nobody can say that a row of it is missing.
            if key is not None and not is_known and not is_done:
                absent.records.append((key, record))
    return absent


def _sorted_keys(digests: Path) -> np.ndarray[tuple[int], np.dtype[np.bytes_]]:
    """The digests of all keys of a source, sorted; 16 bytes a row."""
    table = pa.ipc.open_file(pa.memory_map(str(digests))).read_all()
    keys = table["key"].drop_null().to_pylist()
    return np.unique(np.array(keys, f"S{DIGEST_BYTES}"))


def _are_among(keys: Sequence[str | None], there: np.ndarray[tuple[int], np.dtype[np.bytes_]]) -> list[bool]:
    digests = [xxhash.xxh3_128_digest((key or "").encode()) for key in keys]
    found: list[bool] = np.isin(np.array(digests, f"S{DIGEST_BYTES}"), there).tolist()
    return found
