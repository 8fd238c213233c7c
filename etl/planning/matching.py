"""The rows of a scan held against what is known: which need no look, and what was known of the others.

Both sides are sorted by the digest of the key and met a part of the range of keys at a time, so memory does
not grow with either. What was found lies in two Arrow files of the run's folder.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.planning.known import SPACE, first_halves, layout_of, part_count, second_halves

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from etl.model import Frame
    from etl.planning.known import Known, Marks

Numbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"
Place: TypeAlias = tuple[str, str | None]
"""File and sheet."""

NONE = -1
FOUND = pa.schema([("at", pa.int64()), ("row", pa.int64()), ("text", pa.string()), ("id", pa.string())])
REPORTED_AT_ONCE = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Digested:
    """What a scan left of the rows, in its order."""

    path: Path
    """Arrow file with the columns `row`, `head`, `key`, `cells`, a line for each row."""
    places: Sequence[tuple[Place, int]]
    """File and sheet, and how many lines are of it, one after the other."""

    @property
    def total(self) -> int:
        """Rows, unreadable ones included."""
        return sum(lines for _, lines in self.places)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all lines, a frame at a time; one frame in memory."""
        # Not mapped: pages that were read once would stay in the memory of the process.
        with pa.OSFile(str(self.path)) as source, pa.ipc.open_file(source) as file:
            for number in range(file.num_record_batches):
                yield file.get_batch(number)

    def numbers(self, column: str) -> Numbers:
        """Return a column of numbers, in memory."""
        found = np.empty(self.total, np.int64)
        at = 0
        for batch in self.batches():
            found[at : at + len(batch)] = batch[column].to_numpy()
            at += len(batch)
        return found

    @property
    def has_groups(self) -> bool:
        """Whether several rows make a record somewhere."""
        return any(not batch["row"].equals(batch["head"]) for batch in self.batches())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Which known lines are believed without a look at the server."""

    is_any: bool = True
    """False: none; everything is compared."""
    forgotten: Marks | None = None
    """By line of the known state: true where the record was changed since; None: nowhere."""
    turn: float = 0.0
    """Keys from this share of their range on are compared all the same …"""
    fraction: float = 0.0
    """… so many of them, as a share of all."""


@dataclass(slots=True)
class InFlight:
    """The rows of a frame that is under way, as far as they stand for records."""

    place: Place
    rows: Numbers
    keys: pa.Array
    """Digests of the canonical keys."""
    cells: pa.Array
    """Fingerprints of what the rows are made from."""
    before: Numbers
    """Where their known lines stand in `Matched.lines_before`; -1: there is none."""


@dataclass(slots=True)
class Matched:
    """What is known of the rows of one source; the rows that are left pass through `left`."""

    digested: Digested
    known: Marks
    """By line of the scan: true where the row needs no look."""
    before: Numbers
    """By line of the scan: where its known line stands in the file of those; -1: there is none."""
    found: Path
    """Arrow file of the rows that need no look."""
    lines: Path
    """Arrow file of the known lines of the others."""
    verified: int = 0
    """Rows that would need no look and are compared because it is their turn."""
    forgotten: int = 0
    """The same, because their records were changed since."""
    in_flight: deque[InFlight] = field(default_factory=deque)

    @property
    def rows(self) -> int:
        """How many rows need no look."""
        return int(self.known.sum())

    @property
    def is_all(self) -> bool:
        """True where there is no other row."""
        return bool(self.known.all())

    def left(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Yield the frames of the source with the rows that need a look; frames without any are left out."""
        at = 0
        batches = self.digested.batches()
        for frame in frames:
            here = slice(at, at + len(frame))
            at += len(frame) + len(frame.unreadable)
            wanted = ~self.known[here]
            # The scan wrote a batch for each frame, and one for the rows of it that could not be read.
            digests = next(batches)
            if frame.unreadable:
                next(batches)
            is_record = wanted & digests["key"].is_valid().to_numpy(zero_copy_only=False)
            if is_record.any():
                digests = digests.filter(pa.array(is_record))
                rows, keys, cells = (digests[name] for name in ("row", "key", "cells"))
                before = self.before[here][is_record]
                self.in_flight.append(
                    InFlight((frame.file, frame.sheet), rows.to_numpy(), keys, cells, before)
                )
            if wanted.all():
                yield frame
            elif wanted.any() or frame.unreadable:
                numbers = frame.numbers.filter(pa.array(wanted))
                yield dataclasses.replace(frame, data=frame.data[wanted], numbers=numbers)

    def taken(self, place: Place, first_row: int) -> InFlight | None:
        """Return what is known of the frame under way that has this row, and drop the frames before it."""
        while self.in_flight:
            one = self.in_flight[0]
            if one.place == place and one.rows[0] <= first_row <= one.rows[-1]:
                return self.in_flight.popleft()
            self.in_flight.popleft()
        return None

    def lines_before(self, positions: Numbers) -> pa.Table:
        """Return the known lines at some positions of their file."""
        table = pa.ipc.open_file(pa.memory_map(str(self.lines))).read_all()
        return table.take(pa.array(positions))

    def reported(self) -> Iterator[tuple[Place, pa.Table]]:
        """Yield the rows that need no look, some thousand at a time: columns `row`, `text` and `id`."""
        ends = np.cumsum([0, *(count for _, count in self.digested.places)])
        with pa.OSFile(str(self.found)) as source, pa.ipc.open_file(source) as file:
            for number in range(file.num_record_batches):
                batch = pa.Table.from_batches([file.get_batch(number)])
                at = batch["at"].to_numpy()
                for (place, _), begin, end in zip(self.digested.places, ends, ends[1:], strict=False):
                    low, high = np.searchsorted(at, (begin, end))
                    if low < high:
                        yield place, batch.slice(low, high - low).select(["row", "text", "id"])


def match(
    known: Known,
    digested: Digested,
    *,
    trust: Trust,
    folder: Path,
    name: str,
    excluded: Marks | None = None,
) -> Matched:
    """Return what is known of the rows that a scan digested.

    Args:
        trust: which lines are believed.
        folder: of the run.
        name: tells the files of several blocks apart.
        excluded: by line of the scan: rows that are not for us to settle; None: all are.

    Raises:
        OSError, pa.ArrowException: the known state is damaged.
    """
    rows = digested.numbers("row")
    total = len(rows)
    matched = Matched(
        digested,
        np.zeros(total, np.bool_),
        np.full(total, NONE, np.int64),
        folder / f"known{name}.arrow",
        folder / f"before{name}.arrow",
    )
    of_record = _records(rows, digested.numbers("head")) if digested.has_groups else None
    sizes = None if of_record is None else np.bincount(of_record, minlength=total)
    count = max(part_count(total), part_count(known.lines))
    others: list[tuple[Numbers, Numbers]] = []
    first = 0
    with pa.OSFile(str(matched.found), "wb") as sink, pa.ipc.new_file(sink, FOUND) as found:
        for part, lines in enumerate(known.parts(("made_from", "text", "id"), count=count)):
            positions, at, is_same = _met(digested, lines, part=part, count=count)
            is_known = _believed(
                matched, lines, positions, at, is_same, trust=trust, first=first, out=excluded
            )
            first += len(lines)
            mine, theirs = positions[is_known], at[is_known]
            matched.known[mine] = True
            _write_found(found, lines, mine, theirs, rows=rows, sizes=sizes)
            others.append((positions[~is_known], at[~is_known]))
    _write_before(matched, known, others)
    if of_record is not None:
        matched.known &= of_record == np.arange(total)
        matched.known = matched.known[of_record]
    return matched


def _write_before(matched: Matched, known: Known, others: Sequence[tuple[Numbers, Numbers]]) -> None:
    """Write the known lines of the rows that need a look.

    Args:
        others: of each part, where the rows stand in the scan, and their lines in the part.
    """
    layout = layout_of(known.fields)
    layout = pa.schema([one for one in layout if one.name not in ("key", "text")])
    kept = 0
    with pa.OSFile(str(matched.lines), "wb") as sink, pa.ipc.new_file(sink, layout) as before:
        if not any(len(mine) for mine, _ in others):
            return
        for lines, (mine, theirs) in zip(known.parts(layout.names, count=len(others)), others, strict=True):
            matched.before[mine] = kept + np.arange(len(mine))
            kept += len(mine)
            before.write_table(lines.select(layout.names).take(pa.array(theirs)))


def absent(known: Known, digested: Digested) -> Iterator[pa.Table]:
    """Yield the known lines whose key is in no row of a scan, a part of them at a time.

    Columns `key`, `text` (the canonical key), `id`, `modified_at`. Rows whose key could not be read stand for
    no key: who deletes what is absent must know that there are none.

    Raises:
        OSError, pa.ArrowException: the known state is damaged.
    """
    count = max(part_count(digested.total), part_count(known.lines))
    for part, lines in enumerate(known.parts(("text", "id", "modified_at"), count=count)):
        _, at, _ = _met(digested, lines, part=part, count=count)
        is_absent = np.ones(len(lines), np.bool_)
        is_absent[at] = False
        if is_absent.any():
            yield lines.filter(pa.array(is_absent))


def _met(digested: Digested, lines: pa.Table, *, part: int, count: int) -> tuple[Numbers, Numbers, Marks]:
    """Where the keys of a part stand, in the scan and among the known lines, in the order of the scan.

    And whether the row is made from the same.
    """
    begin, last = np.uint64(part * SPACE // count), np.uint64((part + 1) * SPACE // count - 1)
    found: list[Numbers] = []
    there: list[Numbers] = []
    same: list[Marks] = []
    firsts, seconds = first_halves(lines["key"]), second_halves(lines["key"])
    has_made = "made_from" in lines.column_names
    made = lines["made_from"].combine_chunks() if has_made else None
    is_valid = made.is_valid().to_numpy(zero_copy_only=False) if made is not None else None
    made_first, made_second = (first_halves(made), second_halves(made)) if made is not None else (None, None)
    at = 0
    for batch in digested.batches() if len(lines) else ():
        first = first_halves(batch["key"])
        mine = (first >= begin) & (first <= last)
        if batch["key"].null_count:
            mine &= batch["key"].is_valid().to_numpy(zero_copy_only=False)
        here = np.flatnonzero(mine)
        first = first[here]
        theirs = np.minimum(np.searchsorted(firsts, first), len(firsts) - 1)
        is_there = (firsts[theirs] == first) & (seconds[theirs] == second_halves(batch["key"])[here])
        here, theirs = here[is_there], theirs[is_there]
        found.append(here + at)
        there.append(theirs)
        if made_first is not None and made_second is not None and is_valid is not None:
            cells = batch["cells"]
            is_equal = (made_first[theirs] == first_halves(cells)[here]) & is_valid[theirs]
            same.append(is_equal & (made_second[theirs] == second_halves(cells)[here]))
        at += len(batch)
    nothing = np.empty(0, np.int64)
    positions = np.concatenate(found) if found else nothing
    is_same = np.concatenate(same) if same else np.zeros(len(positions), np.bool_)
    return positions, np.concatenate(there) if there else nothing, is_same


def _believed(
    matched: Matched,
    lines: pa.Table,
    positions: Numbers,
    at: Numbers,
    is_same: Marks,
    *,
    trust: Trust,
    first: int,
    out: Marks | None,
) -> Marks:
    """Tell of each row that was met whether its line is believed; count those that would be otherwise.

    Args:
        is_same: whether the row is made from the same.
    """
    if not trust.is_any:
        return np.zeros(len(positions), np.bool_)
    believed: Marks = is_same if out is None else is_same & ~out[positions]
    if trust.forgotten is not None:
        is_changed = trust.forgotten[first + at]
        matched.forgotten += int((believed & is_changed).sum())
        believed = believed & ~is_changed
    if trust.fraction > 0:
        share = first_halves(lines["key"])[at].astype(np.float64) / SPACE
        is_due = (share - trust.turn) % 1.0 < trust.fraction
        matched.verified += int((believed & is_due).sum())
        believed = believed & ~is_due
    return believed


def _write_found(
    found: pa.RecordBatchFileWriter,
    lines: pa.Table,
    positions: Numbers,
    at: Numbers,
    *,
    rows: Numbers,
    sizes: Numbers | None,
) -> None:
    """Write the rows that need no look, those of a record after its first one."""
    for begin in range(0, len(positions), REPORTED_AT_ONCE):
        some = positions[begin : begin + REPORTED_AT_ONCE]
        theirs = at[begin : begin + REPORTED_AT_ONCE]
        if sizes is not None:
            of_each = sizes[some]
            starts = np.repeat(np.cumsum(of_each) - of_each, of_each)
            some = np.repeat(some, of_each) + np.arange(of_each.sum()) - starts
            theirs = np.repeat(theirs, of_each)
        of_lines = lines.select(["text", "id"]).take(pa.array(theirs))
        columns = [pa.array(some), pa.array(rows[some]), *(one.combine_chunks() for one in of_lines.columns)]
        found.write_table(pa.table(columns, schema=FOUND))


def _records(rows: Numbers, heads: Numbers) -> Numbers | None:
    """Return for each line where the first row of its record stands; None where each is a record itself."""
    is_head = rows == heads
    if is_head.all():
        return None
    first: Numbers = np.maximum.accumulate(np.where(is_head, np.arange(len(rows)), 0))
    return first


def changed_since_then(known: Known, ids: Sequence[str], moments: Sequence[str], *, since: str) -> Marks:
    """Tell of each known line whether its record is another one since it was written down.

    Args:
        ids: the records that the server calls changed since `since`.
        moments: `modifiedAt` of each of them.
        since: as the server writes times; empty: since ever.

    Raises:
        OSError, pa.ArrowException: the known state is damaged.
    """
    changed, then = pa.array(ids, pa.string()), pa.array(moments, pa.string())
    marks = []
    for lines in known.parts(("id", "modified_at")):
        at = pc.index_in(lines["id"], value_set=changed)
        # What we wrote ourselves is among them, with the moment that we know.
        other = pc.fill_null(pc.not_equal(then.take(at), lines["modified_at"]), True)  # noqa: FBT003  a value
        # What should be among them and is not was deleted, or an older copy of the database was put back.
        gone = pc.fill_null(pc.greater_equal(lines["modified_at"], since), True)  # noqa: FBT003  a value
        marks.append(pc.if_else(pc.is_valid(at), other, gone).to_numpy())
    return np.concatenate(marks)
