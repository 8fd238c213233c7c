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
REPORTED_AT_ONCE = 50_000


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

    def of(self, column: str) -> pa.ChunkedArray:
        """Return one column of all rows; it stays on disk."""
        return pa.ipc.open_file(pa.memory_map(str(self.path))).read_all()[column]

    def numbers(self, column: str) -> Numbers:
        """Return a column of numbers, in memory."""
        found: Numbers = self.of(column).to_numpy()
        return found


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
        rows, keys, cells = (self.digested.of(name) for name in ("row", "key", "cells"))
        at = 0
        for frame in frames:
            here = slice(at, at + len(frame))
            at += len(frame) + len(frame.unreadable)
            wanted = ~self.known[here]
            is_record = wanted & pc.is_valid(keys[here]).to_numpy()
            if is_record.any():
                mask = pa.array(is_record)
                self.in_flight.append(
                    InFlight(
                        (frame.file, frame.sheet),
                        rows[here].filter(mask).to_numpy(),
                        pa.concat_arrays(keys[here].filter(mask).chunks),
                        pa.concat_arrays(cells[here].filter(mask).chunks),
                        self.before[here][is_record],
                    )
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
        with pa.ipc.open_file(pa.memory_map(str(self.found))) as file:
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
    of_record = _records(rows, digested.numbers("head"))
    sizes = None if of_record is None else np.bincount(of_record, minlength=total)
    count = max(part_count(total), part_count(known.lines))
    others: list[tuple[Numbers, Numbers]] = []
    first = 0
    with pa.OSFile(str(matched.found), "wb") as sink, pa.ipc.new_file(sink, FOUND) as found:
        for part, lines in enumerate(known.parts(("made_from", "text", "id"), count=count)):
            positions, at = _met(digested, lines, part=part, count=count)
            is_known = _believed(matched, lines, positions, at, trust=trust, first=first, out=excluded)
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
        _, at = _met(digested, lines, part=part, count=count)
        is_absent = np.ones(len(lines), np.bool_)
        is_absent[at] = False
        if is_absent.any():
            yield lines.filter(pa.array(is_absent))


def _met(digested: Digested, lines: pa.Table, *, part: int, count: int) -> tuple[Numbers, Numbers]:
    """Where the keys of a part stand, in the scan and among the known lines; in the order of the scan."""
    begin, last = np.uint64(part * SPACE // count), np.uint64((part + 1) * SPACE // count - 1)
    found: list[Numbers] = []
    ours_first, ours_second = [], []
    at = 0
    for chunk in digested.of("key").chunks:
        first = first_halves(chunk)
        mine = (first >= begin) & (first <= last)
        if chunk.null_count:
            mine &= chunk.is_valid().to_numpy(zero_copy_only=False)
        here = np.flatnonzero(mine)
        found.append(here + at)
        ours_first.append(first[here])
        ours_second.append(second_halves(chunk)[here])
        at += len(chunk)
    if not found or not len(lines):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    positions = np.concatenate(found)
    first, second = np.concatenate(ours_first), np.concatenate(ours_second)
    theirs = first_halves(lines["key"])
    there = np.minimum(np.searchsorted(theirs, first), len(theirs) - 1)
    is_there = (theirs[there] == first) & (second_halves(lines["key"])[there] == second)
    return positions[is_there], there[is_there]


def _believed(
    matched: Matched,
    lines: pa.Table,
    positions: Numbers,
    at: Numbers,
    *,
    trust: Trust,
    first: int,
    out: Marks | None,
) -> Marks:
    """Tell of each row that was met whether its line is believed; count those that would be otherwise."""
    if not trust.is_any or not len(positions):
        return np.zeros(len(positions), np.bool_)
    theirs = lines["made_from"].take(pa.array(at))
    ours = matched.digested.of("cells").take(pa.array(positions))
    is_same = pc.fill_null(pc.equal(ours, theirs), False).to_numpy()  # noqa: FBT003  a value, no switch
    if out is not None:
        is_same &= ~out[positions]
    if trust.forgotten is not None:
        is_changed = trust.forgotten[first + at]
        matched.forgotten += int((is_same & is_changed).sum())
        is_same &= ~is_changed
    if trust.fraction > 0:
        share = first_halves(lines["key"])[at].astype(np.float64) / SPACE
        is_due = (share - trust.turn) % 1.0 < trust.fraction
        matched.verified += int((is_same & is_due).sum())
        is_same &= ~is_due
    believed: Marks = is_same
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
