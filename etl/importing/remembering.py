"""What earlier imports knew of the rows of a leg: asked for before its second pass, written down after it."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow.compute as pc

from etl.errors import RequestFailed, ServerUnreachable
from etl.mapping.steady import unsteady
from etl.model import Alike, Outcomes, Status
from etl.planning.knowing import Knowing
from etl.planning.known import (
    BROKEN,
    About,
    KnownHeader,
    damaged,
    is_damage,
    name_of,
    read_known,
    to_plain,
)
from etl.planning.known_journal import KnownJournal
from etl.planning.known_writing import mended, write_header, write_known
from etl.planning.matching import Digested, Matched, Trust, changed_since_then, match
from etl.report.summary import KnownCounts
from etl.resolving.changed import changed_since, newest_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from etl.api import Client
    from etl.importing.legs import Leg
    from etl.journal import Place, RowNumbers
    from etl.mapping import Rules
    from etl.model import Changes, Frame
    from etl.planning.conflicts import OnConflict
    from etl.planning.known import Known, Marks
    from etl.resolving.changed import Changed
    from etl.resolving.keys import Record
    from etl.schema import EntitySchema, Schema

Marked: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bool_]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class HowToRemember:
    """Where known state lies and how far it is believed."""

    state: Path | None = None
    """The state folder; None: nothing is known and nothing remembered."""
    version: str = ""
    """Of this package: what another version knew is compared anew, since it may convert otherwise."""
    run: str = ""
    """The run that remembers."""
    verify_fraction: float = 0.02
    """The share of known records that is compared all the same, others each time. 0: none."""
    refreshes: bool = False
    """True: everything is compared, whatever is known."""
    writes: bool = True
    """False: nothing is written down."""


FORGETFUL = HowToRemember()


@dataclass(frozen=True, slots=True)
class _Known:
    """What there is where rows have something to be known by."""

    known: Known
    header: KnownHeader
    """What the known state will say of itself after this run."""
    forgotten: Marks | None
    matched: Matched
    knowing: Knowing
    journal: KnownJournal | None


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of the rows of one leg, while an import goes on."""

    leg: Leg
    how: HowToRemember
    of: _Known | None
    """None: its rows have nothing to be known by."""
    why: str
    """Why rows had to be compared that could have been known, in words; empty: nothing stood in the way."""

    @property
    def knowing(self) -> Knowing | None:
        """Learns of the rows under way."""
        return self.of.knowing if self.of is not None else None

    @property
    def left(self) -> int:
        """Rows that are looked at."""
        return self.leg.scan.rows - (self.of.matched.rows if self.of is not None else 0)

    def rest(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Yield the frames of the source with those rows alone."""
        return self.of.matched.left(frames) if self.of is not None else frames

    def revoke(self, sent: Changes, there: Record) -> None:
        """Learn of a record that the server holds otherwise than it was sent, and what stands there."""
        if self.of is not None:
            self.of.knowing.revoke(sent, there)

    def doubt(self, records: Sequence[tuple[str, Record]]) -> None:
        """Believe no row of records that are about to go, by key; they stay known until they are gone."""
        if self.of is not None:
            self.of.knowing.doubt(records)

    def drop(self, keys: Sequence[str]) -> None:
        """Forget records that are gone, by their canonical keys."""
        if self.of is not None:
            self.of.knowing.drop(keys)

    def outcomes(self) -> Iterator[Outcomes]:
        """Yield what became of the rows that need no look, some thousand at a time."""
        for (file, sheet), found in self.of.matched.reported() if self.of is not None else ():
            rows, keys, ids = (found[name].combine_chunks() for name in ("row", "text", "id"))
            entity, part = self.leg.rules.entity.name, self.leg.block
            records = pc.count_distinct(ids).as_py()
            alike = Alike(file, sheet, entity, Status.UNCHANGED, rows, keys, ids, records, part=part)
            yield Outcomes((alike,))

    def keep(self, *, ended_well: bool, is_whole: bool, all_known: bool) -> None:
        """Write down what this run learnt.

        Args:
            ended_well: every row was looked at.
            is_whole: they were all rows of the source.
            all_known: each of them has a record.
        """
        if self.of is None or self.of.journal is None:
            return
        self.of.knowing.finish()
        has_learnt = self.of.journal.close()
        known, forgotten = self.of.known, self.of.forgotten
        is_done = ended_well and is_whole
        header = dataclasses.replace(
            self.of.header,
            turn=(known.header.turn + self.how.verify_fraction * is_done) % 1.0,
            is_complete=known.header.is_complete or (is_done and all_known),
        )
        if has_learnt or known.why or (forgotten is not None and forgotten.any()):
            write_known(known, header, forgotten=forgotten)
        else:
            write_header(known, header)

    def told(self, *, asked: int) -> KnownCounts:
        """Return what the report says of it.

        Args:
            asked: requests that only read.
        """
        matched = self.of.matched if self.of is not None else None
        return KnownCounts(
            rows=self.leg.scan.rows - self.left,
            compared=self.left,
            changed=matched.forgotten if matched is not None else 0,
            verified=matched.verified if matched is not None else 0,
            unsteady=self.leg.unsteady,
            asked=asked,
            why=self.why,
        )


async def recall(
    legs: Sequence[Leg],
    *,
    schema: Schema,
    client: Client,
    folder: Path,
    how: HowToRemember,
    done: Sequence[Mapping[Place, RowNumbers]] = (),
) -> list[Memory]:
    """Return what is known of the rows of each leg, before anything is sent.

    Args:
        folder: of the run.
        done: of each leg, the rows that a stopped part of the run tells of: they are not for us.

    Raises:
        ServerUnreachable, NoAccess: the server could not be asked what was changed.
    """
    try:
        return [
            await _recalled(
                leg,
                entity=schema.entity(leg.rules.entity.name),
                client=client,
                folder=folder,
                how=how,
                done=told,
            )
            for leg, told in zip(legs, done or [{}] * len(legs), strict=True)
        ]
    except RequestFailed as error:
        raise ServerUnreachable(client.url, reason=str(error)) from error


async def _recalled(
    leg: Leg,
    *,
    entity: EntitySchema,
    client: Client,
    folder: Path,
    how: HowToRemember,
    done: Mapping[Place, RowNumbers],
) -> Memory:
    rules, reason = leg.rules, unsteady(leg.rules)
    has_none = how.state is None or not rules.key_fields or rules.mapping.write in ("create", "none")
    if how.state is None or has_none:
        return Memory(leg, how, None, reason)
    known = await asyncio.to_thread(read_known, how.state, about_of(rules, client, how.state))
    if how.writes:
        known = await asyncio.to_thread(mended, known)
    changed: Changed | None = None
    if known.lines:
        changed = await changed_since(client, entity.name, seen_to=known.header.seen_to)
        seen_to = max(known.header.seen_to, changed.newest)
    else:
        seen_to = await newest_change(client, entity)

    def matched() -> tuple[Known, Marks | None, Matched]:
        try:
            return _matched(known, leg, changed, folder=folder, how=how, done=done, is_steady=not reason)
        except BROKEN as error:
            if not is_damage(error):
                raise
            empty = damaged(known)
            return _matched(empty, leg, None, folder=folder, how=how, done=done, is_steady=not reason)

    known, forgotten, found = await asyncio.to_thread(matched)
    why = reason or known.why or (REFRESHED if how.refreshes else "")
    if not why and known.header.context != leg.context:
        why = "the mapping, its tables, the form of the source, the schema or atro-etl changed"
    header = KnownHeader(about=known.header.about, context=leg.context, seen_to=seen_to, run=how.run)
    journal = KnownJournal(known.journal, header=to_plain(header)) if how.writes else None
    knowing = Knowing(
        entity.name,
        found,
        journal,
        fields=_remembered_fields(rules),
        policies=_policies(rules),
        ordered=frozenset(one.key for one in rules.fields if one.field.kind == "array"),
        is_knowable=not reason,
    )
    return Memory(leg, how, _Known(known, header, forgotten, found, knowing, journal), why)


REFRESHED = "everything is compared, as asked for"


def _matched(
    known: Known,
    leg: Leg,
    changed: Changed | None,
    *,
    folder: Path,
    how: HowToRemember,
    done: Mapping[Place, RowNumbers],
    is_steady: bool,
) -> tuple[Known, Marks | None, Matched]:
    forgotten = None
    if changed is not None:
        forgotten = changed_since_then(known, changed.ids, changed.moments, since=changed.since)
    trust = Trust(
        is_any=is_steady and not how.refreshes,
        forgotten=forgotten,
        turn=known.header.turn,
        fraction=how.verify_fraction,
    )
    digested = Digested(path=leg.digests, places=leg.scan.places)
    name = f"-{leg.block}" if leg.block else ""
    excluded = _excluded(digested, leg.scan.duplicates, done)
    return known, forgotten, match(known, digested, trust=trust, folder=folder, name=name, excluded=excluded)


def _excluded(
    digested: Digested, duplicates: Iterable[int], done: Mapping[Place, RowNumbers]
) -> Marked | None:
    """Rows that are told about because of their key, and rows that are done."""
    twice = np.fromiter(duplicates, np.int64)
    if not len(twice) and not done:
        return None
    rows = digested.numbers("row")
    excluded: Marked = np.isin(rows, twice)
    at = 0
    for place, lines in digested.places:
        if place in done:
            here = slice(at, at + lines)
            excluded[here] |= np.isin(rows[here], done[place])
        at += lines
    return excluded


def about_of(rules: Rules, client: Client, state: Path) -> About:
    """Return what the known state of a mapping, or of one of its blocks, is about."""
    return About(
        url=client.url,
        mapping=name_of(rules.mapping.path, state),
        block=rules.mapping.block,
        entity=rules.entity.name,
        key_fields=rules.key_fields,
    )


def _remembered_fields(rules: Rules) -> tuple[str, ...]:
    """Payload keys of fields that a person may edit and an import would overwrite."""
    appended = {link.key for link in rules.links if link.is_multiple and not link.replaces}
    left_out = appended | set(rules.object_keys) | set(rules.key_fields) | {"id"}
    return tuple(key for key in rules.payload_keys if key not in left_out)


def _policies(rules: Rules) -> Mapping[str, OnConflict]:
    doc = rules.mapping.doc
    found: dict[str, OnConflict] = {}
    for rule in rules.fields:
        said = doc.fields.get(rule.name)
        found[rule.key] = (said.on_conflict if said is not None else None) or doc.on_conflict
    return found
