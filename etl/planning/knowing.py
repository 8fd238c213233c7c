"""Learns during a run which rows are known from now on, and what was known of their records before.

A row becomes known once everything that was made of it has ended well; until then it waits with its frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from etl.model import ChangeKind, Outcomes, Status
from etl.planning.conflicts import (
    NOTHING,
    Before,
    any_of,
    nothing_before,
    print_of,
    prints_of,
    settle_conflicts,
    without_kept,
)
from etl.planning.known import LAYOUT, WROTE, layout_of
from etl.planning.value_conflicts import settle_values
from etl.planning.waiting import Heard, Waiting, lacking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.api import ItemAnswer
    from etl.model import AttributeValues, Changes, Outcome, Payloads
    from etl.planning.conflicts import OnConflict, Prints
    from etl.planning.known_journal import KnownJournal
    from etl.planning.matching import Matched, Numbers, Place
    from etl.planning.value_conflicts import SettledValues
    from etl.planning.waiting import Moments
    from etl.resolving import Found
    from etl.resolving.attribute_values import LiveValues
    from etl.resolving.keys import Record
    from etl.resolving.links import LinkIds

NO_ROWS: Numbers = np.empty(0, np.int64)
NO_PRINTS: Mapping[str, int] = MappingProxyType({})
KNOWABLE = frozenset({Status.CREATED, Status.UPDATED, Status.UNCHANGED})
LANDED_AT_ONCE = 1000
"""Rows whose outcomes are put to them together."""
SENT = frozenset({ChangeKind.CREATE, ChangeKind.UPDATE})


@dataclass(slots=True)
class Knowing:
    """What an import learns of the rows of one mapping, or of one block of it."""

    entity: str
    matched: Matched
    journal: KnownJournal | None
    """None: nothing is written down."""
    fields: tuple[str, ...]
    """Payload keys of which is remembered what was written."""
    policies: Mapping[str, OnConflict]
    """Payload key -> what happens where somebody edited the field; missing: `report`."""
    ordered: frozenset[str] = frozenset()
    """Payload keys of lists whose order means something."""
    is_knowable: bool = True
    """False: rows of this mapping are never known, whatever becomes of them."""
    looks_once: bool = False
    """True: records were read long before they are written, so others may have written in between."""
    _waiting: dict[Place, list[Waiting]] = field(default_factory=dict)
    _heard: dict[Place, list[Heard]] = field(default_factory=dict)
    """What no row has taken yet: rows take it of many requests at once."""
    _landed: dict[tuple[Place, bool, bool], list[Numbers]] = field(default_factory=dict)
    """The same of rows whose record has its outcome: where, whether it is good, whether problems are told."""
    _rows_landed: int = 0
    """How many they are."""
    _revoked: dict[str, pa.RecordBatch] = field(default_factory=dict)
    """Id of a record that the server holds otherwise than it was sent, and whose row waits -> its line."""

    def weigh(
        self,
        changes: Changes,
        payloads: Payloads,
        found: Found,
        *,
        links: Sequence[LinkIds],
        has_values: bool = False,
    ) -> Changes:
        """Return the changes with the conflicts of their fields settled, and let their rows wait.

        Args:
            changes: of all records of `payloads`, position by position.
            links: the resolved links of the payloads.
            has_values: `weigh_values` is called for the same payloads, before anything of them is sent.
        """
        if not len(payloads):
            return changes
        # Nothing that has landed so far is an outcome of these rows.
        self._take_landed()
        place = (payloads.file, payloads.sheet)
        rows: Numbers = payloads.numbers.to_numpy()
        under_way = self.matched.taken(place, int(rows[0]))
        if under_way is None:
            return changes
        at = np.searchsorted(under_way.rows, rows)
        columns = dict(payloads.columns) | {one.target.key: one.ids for one in links}
        prints = {
            key: prints_of(columns[key], payloads.clears.get(key), is_ordered=key in self.ordered)
            for key in self.fields
            if key in columns
        }
        positions = under_way.before[at]
        has_line = positions >= 0
        lines_at = np.where(has_line, np.cumsum(has_line) - 1, -1)
        before = Before(self.matched.lines_before(positions[has_line]), lines_at)
        weighed, kept = settle_conflicts(
            changes, found, before=before, prints=prints, policies=self.policies, ordered=self.ordered
        )
        waiting = Waiting(
            rows,
            payloads.keys,
            changes.ids,
            under_way,
            at,
            {key: without_kept(made, kept.get(key)) for key, made in prints.items()},
            _moments_of(found.records),
            np.full(len(rows), None),
            any_of(kept, len(rows)),
            ~lacking(payloads, links),
            np.zeros(len(rows), np.int64),
            np.ones(len(rows), np.bool_),
            before,
            NO_ROWS,
            np.zeros(len(rows), np.bool_),
        )
        self._waiting.setdefault(place, []).append(waiting)
        if not has_values:
            self._intend(waiting, weighed)
        return weighed

    def weigh_values(
        self,
        own: Changes,
        attributes: Sequence[AttributeValues],
        payloads: Payloads,
        found: Found,
        *,
        live: LiveValues,
    ) -> SettledValues:
        """Return the records and their attribute values with the conflicts of these settled; see `weigh`."""
        some = self._waiting.get((payloads.file, payloads.sheet), ())
        waiting = next(
            (one for one in some if len(payloads) and one.rows[0] == payloads.numbers[0].as_py()), None
        )
        before = waiting.before if waiting is not None else nothing_before(len(own))
        settled = settle_values(own, attributes, found=found, live=live, before=before)
        if waiting is not None:
            waiting.prints |= settled.prints
            waiting.is_edited |= settled.is_edited
            self._intend(waiting, settled.whole)
        return settled

    def _intend(self, waiting: Waiting, changes: Changes) -> None:
        """Write what is about to be written into records, before it leaves."""
        has_line = np.flatnonzero(waiting.before.at >= 0).tolist()
        changed = [at for at in has_line if changes.kinds[at] is ChangeKind.UPDATE]
        waiting.changed = np.array(changed, np.int64)
        self._write_intents(waiting, waiting.prints, waiting.changed)

    def _write_intents(self, waiting: Waiting, prints: Mapping[str, Prints] | None, rows: Numbers) -> None:
        """Write what is about to be written into records before it leaves, or what was written before.

        Else, after a kill, the next import would take our own values for edits of somebody else.

        Args:
            prints: of all rows; None: as before.
            rows: positions of those records, of which something was known.
        """
        if self.journal is None or not len(rows):
            return
        lines = waiting.before.lines.take(pa.array(waiting.before.at[rows]))
        columns = [
            waiting.under_way.keys.take(pa.array(waiting.at[rows])),
            waiting.texts.take(pa.array(rows)),
            lines["id"].combine_chunks(),
            pa.nulls(len(rows), LAYOUT.field("made_from").type),
            lines["modified_at"].combine_chunks(),
        ]
        fields = tuple(dict.fromkeys((*self.fields, *waiting.prints)))
        for key in fields:
            if prints is not None:
                made = prints.get(key)
                columns.append(pa.array(np.zeros(len(rows), np.uint32) if made is None else made[rows]))
            elif f"{WROTE}{key}" in lines.column_names:
                columns.append(lines[f"{WROTE}{key}"].combine_chunks())
            else:
                columns.append(pa.array(np.zeros(len(rows), np.uint32)))
        self.journal.append(pa.record_batch(columns, schema=layout_of(fields)))

    def planned(self, changes: Changes) -> None:
        """Learn of changes before they leave: each of their rows waits for an outcome more."""
        numbers: Numbers = changes.numbers.to_numpy()
        wrong = np.array([one.row for one in changes.problems], np.int64)
        is_sent = np.array([kind in SENT for kind in changes.kinds], np.bool_)
        for waiting in self._waiting.get((changes.file, changes.sheet), ()):
            at, is_here = waiting.places(numbers)
            np.add.at(waiting.pending, at[is_here], 1)
            at, is_here = waiting.places(wrong)
            waiting.is_told[at[is_here]] = False
            if changes.entity == self.entity:
                at, is_own = waiting.places_of(numbers, changes.ids)
                waiting.is_written[at[is_own & is_sent]] = True

    def closed(self, payloads: Payloads) -> None:
        """Learn that nothing more will be made of these rows."""
        if not len(payloads):
            return
        first = payloads.numbers[0].as_py()
        for waiting in self._waiting.get((payloads.file, payloads.sheet), ()):
            if waiting.rows[0] == first:
                waiting.is_closed = True
        self._settle()

    def heard(self, changes: Changes, answers: Sequence[ItemAnswer]) -> None:
        """Learn when the server says that it changed records."""
        place = (changes.file, changes.sheet)
        if changes.entity == self.entity and self._waiting.get(place):
            moments = [one.modified_at for one in answers]
            heard = Heard(changes.numbers.to_numpy(), changes.ids, moments)
            self._heard.setdefault(place, []).append(heard)

    def _take_heard(self, place: Place) -> None:
        if not (some := self._heard.pop(place, None)):
            return
        rows = np.concatenate([one.rows for one in some])
        ids = pa.concat_arrays([one.ids for one in some])
        moments = np.array([moment for one in some for moment in one.moments], np.object_)
        is_told = moments != None  # noqa: E711  of each
        for waiting in self._waiting[place]:
            at, is_own = waiting.places_of(rows, ids)
            is_news = is_own & is_told
            waiting.heard[at[is_news]] = moments[is_news]

    def landed(self, outcomes: Iterable[Outcome]) -> None:
        """Learn what became of records."""
        portion = Outcomes.of(outcomes)
        for alike in portion.alike:
            if alike.status is Status.DELETED and alike.entity == self.entity:
                self.drop([key for key in alike.keys.to_pylist() if key])
            place, is_good = (alike.file, alike.sheet), self._is_good(alike.status, alike.entity)
            self._landed.setdefault((place, is_good, False), []).append(alike.rows.to_numpy())
        for one in portion.told:
            if one.status is Status.DELETED and one.entity == self.entity and one.key:
                self.drop([one.key])
            place, is_good = (one.file, one.sheet), self._is_good(one.status, one.entity)
            row = np.array([one.row], np.int64)
            self._landed.setdefault((place, is_good, bool(one.problems)), []).append(row)
        self._rows_landed += len(portion)
        if self._rows_landed >= LANDED_AT_ONCE:
            self._settle()

    def _is_good(self, status: Status, entity: str) -> bool:
        # Records of relations may be deleted while their row stays.
        return status in KNOWABLE or (status is Status.DELETED and entity != self.entity)

    def _take_landed(self) -> None:
        for (place, is_good, is_told), some in self._landed.items():
            rows = np.concatenate(some)
            for waiting in self._waiting.get(place, ()):
                at, is_here = waiting.places(rows)
                at = at[is_here]
                np.subtract.at(waiting.pending, at, 1)
                if not is_good:
                    waiting.is_good[at] = False
                if is_told:
                    waiting.is_told[at] = False
        self._landed.clear()
        self._rows_landed = 0

    def revoke(self, sent: Changes, there: Record) -> None:
        """Learn of a record that the server holds otherwise than it was sent: it is compared each time.

        Args:
            sent: the change of this one record.
            there: what stands now; it is no edit of anybody.
        """
        texts = sent.keys.to_pylist()
        if self.journal is None or sent.entity != self.entity or not all(texts):
            return
        # What has its outcome is written down first: of two lines of a record the later one counts.
        self._settle()
        prints = {
            key: print_of(there[key], is_ordered=key in self.ordered)
            for key in self.fields
            if key in there and key in sent.columns and sent.columns[key][0].is_valid
        }
        line = self._line(texts, sent.ids, moment=_moment(there.get("modifiedAt")), prints=prints)
        self.journal.append(line)
        waiting = self._waiting.get((sent.file, sent.sheet), ())
        if any(one.places_of(sent.numbers.to_numpy(), sent.ids)[1].any() for one in waiting):
            self._revoked[sent.ids[0].as_py()] = line

    def doubt(self, records: Sequence[tuple[str, Record]]) -> None:
        """Learn of records that are about to be deleted, with their canonical keys: they are compared."""
        if self.journal is not None and records:
            ids = pa.array([str(record["id"]) for _, record in records], pa.string())
            self.journal.append(self._line([key for key, _ in records], ids))

    def drop(self, texts: Sequence[str]) -> None:
        """Learn of records that were deleted, by their canonical keys: nothing is known of them any more."""
        if self.journal is not None and texts:
            self.journal.append(self._line(texts, pa.nulls(len(texts), pa.string())))

    def _line(
        self,
        texts: Sequence[str],
        ids: pa.StringArray,
        *,
        moment: str | None = None,
        prints: Mapping[str, int] = NO_PRINTS,
    ) -> pa.RecordBatch:
        """Return lines of records of which nobody knows what they were made from; without id: of none."""
        digests = pa.array(
            [xxhash.xxh3_128_digest(text.encode()) for text in texts], LAYOUT.field("key").type
        )
        made_from = pa.nulls(len(texts), LAYOUT.field("made_from").type)
        moments = pa.array([moment] * len(texts), pa.string())
        wrote = [pa.array([prints.get(key, NOTHING)] * len(texts), pa.uint32()) for key in self.fields]
        columns = [digests, pa.array(texts, pa.string()), ids, made_from, moments, *wrote]
        return pa.record_batch(columns, schema=layout_of(self.fields))

    def finish(self) -> None:
        """Write down what ended well, also where the run ended before all of it did."""
        self._take_landed()
        for place, some in self._waiting.items():
            self._take_heard(place)
            for waiting in some:
                if waiting.is_closed:
                    self._write(waiting)
        self._waiting.clear()

    def _settle(self) -> None:
        self._take_landed()
        for place, some in self._waiting.items():
            left = []
            for waiting in some:
                if waiting.is_closed and not waiting.pending.any():
                    self._take_heard(place)
                    self._write(waiting)
                else:
                    left.append(waiting)
            self._waiting[place] = left

    def _write(self, waiting: Waiting) -> None:
        is_refused = (waiting.pending == 0) & ~waiting.is_good
        self._write_intents(waiting, None, waiting.changed[is_refused[waiting.changed]])
        ended = np.flatnonzero((waiting.pending == 0) & waiting.is_good)
        if self.journal is None or not len(ended):
            return
        ids = waiting.ids.take(pa.array(ended))
        then, is_written = waiting.then[ended], waiting.is_written[ended]
        moments = np.where(is_written, waiting.heard[ended], then)
        moments[waiting.is_edited[ended]] = None
        is_known = waiting.is_told[ended] & (moments != None)  # noqa: E711  of each
        if self.looks_once:
            # Somebody else may have written between our look and our write.
            is_known &= ~is_written | (then == None)  # noqa: E711  of each
        revoked = (
            [one for one in dict.fromkeys(ids.to_pylist()) if one in self._revoked] if self._revoked else []
        )
        if revoked:
            is_known &= ~pc.is_in(ids, pa.array(revoked)).to_numpy(zero_copy_only=False)
        taken = pa.array(waiting.at[ended])
        cells = waiting.under_way.cells.take(taken)
        columns = [
            waiting.under_way.keys.take(taken),
            waiting.texts.take(pa.array(ended)),
            ids,
            pc.if_else(pa.array(is_known & self.is_knowable), cells, pa.scalar(None, cells.type)),
            pa.array(moments, pa.string()),
        ]
        fields = tuple(dict.fromkeys((*self.fields, *waiting.prints)))
        for key in fields:
            made = waiting.prints.get(key)
            columns.append(pa.array(np.zeros(len(ended), np.uint32) if made is None else made[ended]))
        self.journal.append(pa.record_batch(columns, schema=layout_of(fields)))
        for one in revoked:
            self.journal.append(self._revoked.pop(one))


def _moments_of(records: Sequence[Record | None]) -> Moments:
    moments = [None if one is None else _moment(one.get("modifiedAt")) for one in records]
    return np.array(moments, np.object_)


def _moment(value: object) -> str | None:
    return value if isinstance(value, str) else None
