"""The first pass over a source: what only the whole of it can tell. Sends nothing.

Rows are counted and their keys and cells digested; the digests (48 bytes a row) lie in an Arrow file of the
run's folder. Keys that stand twice are found there a part at a time: memory does not grow with the rows.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from etl.model import Outcome, Problem, Progress, Status
from etl.problems import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from etl.model import Frame, LinkTarget, Payloads, ProgressListener

OnDuplicate: TypeAlias = Literal["fail", "first", "last"]

DIGEST_BYTES = 16
LAYOUT = pa.schema(
    [
        ("row", pa.int64()),
        # The first row of the record; the row itself where each row is a record.
        ("head", pa.int64()),
        ("key", pa.binary(DIGEST_BYTES)),
        ("cells", pa.binary(DIGEST_BYTES)),
    ]
)
PART_ROWS = 262_144
"""Rows whose keys are compared at once: 6 MB."""
SHOWN_ROWS = 3
MOST_DEPTHS = 64
"""No hierarchy of products or categories is as deep: what is deeper is a circle."""
CELL_END, NO_CELL = "\x1f", "\x1e"


class Keyed(Protocol):
    """What of a mapping's rules is used here."""

    @property
    def used_columns(self) -> Sequence[str]:
        """Source columns that the mapping reads."""
        ...

    def keys(self, frame: Frame) -> pa.StringArray:
        """Return the canonical key of each row; null where it has none, or is not the first of its record."""
        ...

    def heads(self, frame: Frame) -> pa.Int64Array:
        """Return the number of the first row of each row's record."""
        ...


class Translates(Protocol):
    """The same, where the payloads are needed too."""

    def translate(self, frame: Frame) -> Payloads:
        """Return what is to be sent of one frame."""
        ...


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of a source that a run is about."""

    first: int = 1
    """1-based, as seen in the file."""
    last: int | None = None
    """Included; None: to the end."""
    limit: int | None = None
    """So many rows at most, counted from the first selected one; None: all."""

    @property
    def is_all(self) -> bool:
        """True where every row of the source is meant."""
        return self.first == 1 and self.last is None and self.limit is None

    def of(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the selected rows; ends reading behind the last of them."""
        left = self.limit
        for frame in frames:
            picked = self._within(frame, left)
            if len(picked) or picked.unreadable:
                yield picked
            if left is not None:
                left -= len(picked) + len(picked.unreadable)
            if left == 0 or (self.last is not None and _last_row(frame) >= self.last):
                return

    def _within(self, frame: Frame, left: int | None) -> Frame:
        unreadable = [one for one in frame.unreadable if self._has(one.row)]
        rows = np.asarray(frame.numbers)
        wanted = rows >= self.first
        if self.last is not None:
            wanted &= rows <= self.last
        if left is not None:
            numbers = sorted([*rows[wanted].tolist(), *(one.row for one in unreadable)])[:left]
            end = numbers[-1] if numbers else 0
            wanted &= rows <= end
            unreadable = [one for one in unreadable if one.row <= end]
        return dataclasses.replace(kept(frame, wanted), unreadable=tuple(unreadable))

    def _has(self, row: int) -> bool:
        return row >= self.first and (self.last is None or row <= self.last)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Of a row whose key stands in other rows too: where, and what that means for it."""

    others: tuple[int, ...]
    """Some of the other rows."""
    status: Status
    """`invalid` or `skipped`."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What the first pass found."""

    rows: int
    """All rows of the selection, unreadable ones included."""
    duplicates: Mapping[int, Duplicate]
    """By source row."""
    columns: Mapping[str, int]
    """Source column -> filled cells."""
    places: tuple[tuple[tuple[str, str | None], int], ...] = ()
    """File and sheet, and how many lines of the digests are of it, one after the other."""


def scan_table(
    frames: Iterable[Frame],
    rules: Keyed,
    *,
    digests: Path,
    on_duplicate: OnDuplicate = "fail",
    listener: ProgressListener | None = None,
    rows_total: int | None = None,
    seed: int = 0,
    tells_rows: bool = False,
    with_files: Callable[[Frame, pa.Array], pa.Array] = lambda _, cells: cells,
) -> Scan:
    """Read all frames once.

    Args:
        digests: where the digests of keys and cells are written.
        seed: stands for all that rows are made with besides their cells: with another one the digests of
            cells are others.
        tells_rows: True: a row is another one in another place of the file.
        with_files: joins what the files of the rows look like to the digests of their cells.
        on_duplicate: `fail`: no row of a key that stands twice is sent; `first`, `last`: this one alone is.
        rows_total: for the progress; None: not known.
    """
    rows = 0
    filled: dict[str, int] = {}
    places: list[tuple[tuple[str, str | None], int]] = []
    with pa.OSFile(str(digests), "wb") as file, pa.ipc.new_file(file, LAYOUT) as writer:
        for frame in frames:
            keys = rules.keys(frame)
            cells = _digests(_joined_cells(frame, rules.used_columns, tells_rows=tells_rows), seed=seed)
            cells, heads = with_files(frame, cells), rules.heads(frame)
            if heads is not frame.numbers:
                cells = _of_records(cells, heads)
            writer.write_batch(pa.record_batch([frame.numbers, heads, _digests(keys), cells], schema=LAYOUT))
            if frame.unreadable:
                writer.write_batch(_rows_alone([one.row for one in frame.unreadable]))
            rows += len(frame) + len(frame.unreadable)
            _note(places, (frame.file, frame.sheet), len(frame) + len(frame.unreadable))
            for name in frame.data.columns:
                filled[name] = filled.get(name, 0) + len(frame) - frame.column(name).null_count
            if listener is not None:
                listener(Progress("scan", rows, rows_total))
    return Scan(rows, _find_duplicates(digests, on_duplicate), filled, tuple(places))


def _note(
    places: list[tuple[tuple[str, str | None], int]], place: tuple[str, str | None], lines: int
) -> None:
    if places and places[-1][0] == place:
        lines += places.pop()[1]
    places.append((place, lines))


def depths_of(frames: Iterable[Frame], rules: Translates) -> dict[int, int]:
    """Return how deep below its topmost parent each record of a source lies, by its first row; 0 is left out.

    Only for mappings whose links lead to their own entity: it translates every row, and holds the keys of the
    records that have a parent. The records of a circle are as deep as depths go; they are sent last.
    """
    parents: dict[str, list[str]] = {}
    rows: dict[str, int] = {}
    for frame in frames:
        payloads = rules.translate(frame)
        keys, numbers = payloads.keys.to_pylist(), payloads.numbers.to_pylist()
        for link in payloads.links:
            if leads_to_itself(link.target, payloads.entity):
                for key, row, texts in zip(keys, numbers, link.texts.to_pylist(), strict=True):
                    named = texts if isinstance(texts, list) else [texts]
                    if found := [text for text in named if text is not None]:
                        parents.setdefault(key, []).extend(found)
                        rows[key] = row
    depths: dict[str, int] = {}
    for _ in range(MOST_DEPTHS):
        deeper = {key: 1 + max(depths.get(parent, 0) for parent in above) for key, above in parents.items()}
        if deeper == depths:
            break
        depths = deeper
    return {rows[key]: depth for key, depth in depths.items()}


def leads_to_itself(target: LinkTarget, entity: str) -> bool:
    """Tell whether a link may point to records that the same source makes."""
    return target.entity == entity and target.place != "server"


def at_depth(
    frames: Iterable[Frame], rules: Keyed, *, depths: Mapping[int, int], depth: int
) -> Iterator[Frame]:
    """Yield the rows of records of one depth; rows that cannot be read come with depth 0."""
    for frame in frames:
        heads = rules.heads(frame).to_pylist()
        wanted = np.array([depths.get(head, 0) == depth for head in heads], np.bool_)
        unreadable = frame.unreadable if depth == 0 else ()
        if wanted.any() or unreadable:
            yield dataclasses.replace(kept(frame, wanted), unreadable=unreadable)


def without_duplicates(
    frame: Frame, scan: Scan, *, rules: Keyed, entity: str, field: str
) -> tuple[Frame, list[Outcome]]:
    """Split the rows that are not sent because of their key from a frame, as outcomes.

    Args:
        field: the key, as the mapping names it.
    """
    if not any(row in scan.duplicates for row in frame.numbers.to_pylist()):
        return frame, []
    heads = rules.heads(frame).to_pylist()
    keys = dict(zip(frame.numbers.to_pylist(), rules.keys(frame).to_pylist(), strict=True))
    positions = [i for i, head in enumerate(heads) if head in scan.duplicates]
    outcomes = []
    for position in positions:
        ref, key = frame.ref(position), keys[heads[position]]
        duplicate = scan.duplicates[heads[position]]
        problem = Problem(
            "duplicate_key",
            ref.file,
            ref.sheet,
            ref.row,
            field=field,
            value=key.replace(CELL_END, " / "),
            facts={"rows": ", ".join(map(str, duplicate.others))},
        )
        outcome = Outcome(ref.file, ref.sheet, ref.row, entity, key, duplicate.status)
        outcomes.append(_told(outcome, problem))
    wanted = np.ones(len(frame), np.bool_)
    wanted[positions] = False
    return kept(frame, wanted), outcomes


def unreadable_outcomes(frame: Frame, *, entity: str) -> list[Outcome]:
    """Return the outcomes of rows that could not be read as rows of the table."""
    return [
        _told(Outcome(frame.file, frame.sheet, one.row, entity, "", Status.INVALID), one.problem)
        for one in frame.unreadable
    ]


def _told(outcome: Outcome, problem: Problem) -> Outcome:
    return dataclasses.replace(outcome, code=problem.code, message=say(problem), problems=(problem,))


def kept(frame: Frame, wanted: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Frame:
    """Return the rows of a frame where `wanted` is true, and no unreadable ones unless all are wanted."""
    if wanted.all():
        return frame
    return dataclasses.replace(
        frame, data=frame.data[wanted], numbers=frame.numbers.filter(pa.array(wanted)), unreadable=()
    )


def scanned_rows(digests: Path) -> Iterator[list[int]]:
    """Yield the numbers of all rows that a scan read, unreadable ones included, some thousand at a time."""
    for batch in _batches(digests):
        yield batch["row"].to_pylist()


def _batches(digests: Path) -> Iterator[pa.RecordBatch]:
    # Not mapped: pages that were read once would stay in the memory of the process.
    with pa.OSFile(str(digests)) as source, pa.ipc.open_file(source) as file:
        for number in range(file.num_record_batches):
            yield file.get_batch(number)


def _rows_alone(rows: list[int]) -> pa.RecordBatch:
    nothing = pa.nulls(len(rows), pa.binary(DIGEST_BYTES))
    numbers = pa.array(rows, pa.int64())
    return pa.record_batch([numbers, numbers, nothing, nothing], schema=LAYOUT)


def _last_row(frame: Frame) -> int:
    last = frame.numbers[-1].as_py() if len(frame) else 0
    return max([last, *(one.row for one in frame.unreadable)])


def _joined_cells(frame: Frame, columns: Sequence[str], *, tells_rows: bool) -> pa.StringArray:
    """The used cells of each row as one text; an empty cell differs from one with empty text in it."""
    texts = [frame.column(name).cast(pa.string()) for name in columns if name in frame.data.columns]
    if tells_rows:
        texts.append(frame.numbers.cast(pa.string()))
    if not texts:
        return pa.array([""] * len(frame), pa.string())
    return pc.binary_join_element_wise(*texts, CELL_END, null_handling="replace", null_replacement=NO_CELL)


def _digests(texts: pa.StringArray, *, seed: int = 0) -> pa.Array:
    values = texts.cast(pa.binary()).to_pylist()
    # The seed by its place: named, it makes the calls take three times as long.
    if texts.null_count:
        digests = [None if value is None else xxhash.xxh3_128_digest(value, seed) for value in values]
        return pa.array(digests, pa.binary(DIGEST_BYTES))
    joined = pa.py_buffer(b"".join(map(xxhash.xxh3_128_digest, values, repeat(seed))))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(DIGEST_BYTES), len(values), [None, joined])


def _of_records(cells: pa.Array, heads: pa.Int64Array) -> pa.Array:
    """Give every row the digest of all rows of its record, which stand together."""
    of_rows, first = cells.to_pylist(), heads.to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(np.append(True, first[1:] != first[:-1])) if len(first) else np.empty(0, np.int64)
    ends = np.append(starts[1:], len(first))
    made: list[bytes | None] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        held = of_rows[start:end]
        made += [None if None in held else _together(held)] * len(held)
    return pa.array(made, pa.binary(DIGEST_BYTES))


def _together(digests: Sequence[bytes]) -> bytes:
    return digests[0] if len(digests) == 1 else xxhash.xxh3_128_digest(b"".join(digests))


def _find_duplicates(digests: Path, on_duplicate: OnDuplicate) -> dict[int, Duplicate]:
    parts = -(-sum(map(len, _batches(digests))) // PART_ROWS)
    found: dict[int, Duplicate] = {}
    for part in range(parts):
        for rows in _equal_keys(digests, part=part, parts=parts):
            spared = {"fail": None, "first": rows[0], "last": rows[-1]}[on_duplicate]
            status = Status.INVALID if on_duplicate == "fail" else Status.SKIPPED
            for row in rows:
                if row != spared:
                    others = tuple(other for other in rows if other != row)[:SHOWN_ROWS]
                    found[row] = Duplicate(others, status)
    return found


def _equal_keys(digests: Path, *, part: int, parts: int) -> Iterator[list[int]]:
    """Yield the rows of each key that stands more than once, of the keys that belong to this part."""
    halves_kept, rows_kept = [], []
    for batch in _batches(digests):
        is_key = np.asarray(pc.is_valid(batch["key"]).to_numpy(zero_copy_only=False))
        data = np.frombuffer(_bytes(batch["key"]), np.uint64)
        halves = data.reshape(-1, 2)[is_key]
        mine = halves[:, 0] % np.uint64(parts) == part
        halves_kept.append(halves[mine])
        rows_kept.append(np.asarray(batch["row"])[is_key][mine])
    keys, rows = np.concatenate(halves_kept), np.concatenate(rows_kept)
    if not len(rows):
        return
    # By one half first: hardly any are equal in it, and these alone are looked at whole.
    order = np.argsort(keys[:, 0])
    first = keys[order, 0]
    is_equal = first[1:] == first[:-1]
    if not is_equal.any():
        return
    order = order[np.append(is_equal, False) | np.insert(is_equal, 0, False)]
    order = order[np.lexsort((rows[order], keys[order, 1], keys[order, 0]))]
    keys, rows = keys[order], rows[order]
    is_start = np.ones(len(keys), np.bool_)
    is_start[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    starts = np.flatnonzero(is_start)
    for start, stop in zip(starts, np.append(starts[1:], len(keys)), strict=True):
        if stop - start > 1:
            yield [int(row) for row in rows[start:stop]]


def _bytes(column: pa.Array) -> memoryview:
    """The digests of a column behind each other; those of nulls are there too and mean nothing."""
    width = DIGEST_BYTES
    return memoryview(column.buffers()[1])[column.offset * width : (column.offset + len(column)) * width]
