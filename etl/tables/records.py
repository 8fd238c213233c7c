"""Where the records of a CSV file begin and end, found in its bytes a block at a time.

Rule: a quote opens a cell only as its first byte; within, a doubled quote is one; after the closing quote
anything up to the next delimiter belongs to the cell (as pyarrow reads it). A quoted cell that holds a line
break and goes on after its closing quote, or is never closed, is a lost quote: its line is no row, and
reading goes on at the next line that has as many cells as the header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

Positions: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"
Bytes: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint8]]"

LONGEST_CELL_BYTES = 64 << 20
"""A quoted cell that is longer counts as one whose quote was lost: memory stays flat."""

NEWLINE, RETURN = 10, 13


@dataclass(frozen=True, slots=True)
class Grammar:
    """The patterns of one delimiter and quote, over bytes."""

    delimiter: bytes
    quote: bytes
    """Empty: quotes are letters."""
    record: re.Pattern[bytes]
    """One sound record with its line break."""
    cell: re.Pattern[bytes]
    """One cell, however broken, up to the delimiter."""
    open_cell: re.Pattern[bytes]
    """The sound cells before the first broken one of a record, with their delimiters."""


@lru_cache(maxsize=32)
def grammar(delimiter: str, quote: str) -> Grammar:
    """Return the patterns for a delimiter and a quote of one ASCII character each."""
    # Atomic groups: Python 3.11.0 to 3.11.4 matches possessive ones wrongly (python/cpython#106052).
    d, q = re.escape(delimiter.encode()), re.escape(quote.encode())
    if quote:
        inner = rb"[^" + q + rb"]"
        plain = rb"(?!" + q + rb")[^" + d + rb"\r\n]*+"
        line = q + rb"(?>(?:[^" + q + rb"\r\n]++|" + q + q + rb")*)" + q + rb"[^" + d + rb"\r\n]*+"
        lines = q + rb"(?>(?:" + inner + rb"++|" + q + q + rb")*)" + q + rb"(?=[" + d + rb"\r\n]|\Z)"
        field = rb"(?:" + plain + rb"|" + line + rb"|" + lines + rb")"
        loose = q + rb"(?>(?:" + inner + rb"++|" + q + q + rb")*)(?:" + q + rb"[^" + d + rb"\r\n]*+|\Z)"
        cell = rb"(?:" + loose + rb"|[^" + d + rb"\r\n]*+)"
    else:
        field = cell = rb"[^" + d + rb"\r\n]*+"
    end = rb"(?:\r\n|\n|\r|\Z)"
    return Grammar(
        delimiter.encode(),
        quote.encode(),
        re.compile(field + rb"(?>(?:" + d + field + rb")*)" + end),
        re.compile(cell),
        re.compile(rb"(?>(?:" + field + d + rb")*)"),
    )


@dataclass(frozen=True, slots=True)
class Broken:
    """A line whose quote was lost."""

    offset: int
    """Where the record begins, within the block."""
    opened: int
    """Where the quote stands, within the block."""
    end: int
    """Where reading goes on, within the block."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What of a buffer is whole records."""

    end: int
    """Bytes of whole records from the start of the buffer; the rest waits for the next block."""
    starts: Positions | None
    """Where each record that is no blank line begins; None: not looked for, no cell holds a line break."""
    broken: tuple[Broken, ...] = ()
    breaks: Positions | None = None
    """Where each line feed stands, as far as that was looked for; may reach beyond `end`."""


def cut(buffer: bytes, rules: Grammar, *, columns: int, is_last: bool) -> Cut:
    """Return how far a buffer that begins with a record consists of whole records.

    Args:
        columns: cells of the header; where reading goes on after a lost quote.
        is_last: the buffer ends with the file, so its last record needs no line break.
    """
    if not rules.quote or rules.quote not in buffer:
        if is_last:
            return Cut(len(buffer), None)
        end = max(buffer.rfind(b"\n") + 1, 0)
        if not end and len(buffer) > LONGEST_CELL_BYTES:
            return Cut(len(buffer), None)
        return Cut(end, None)
    # A CR that stands alone ends a record too: rare, so it is left to the slow way.
    has_lone_returns = b"\r" in buffer and (
        buffer.count(b"\r", 0, len(buffer) - (not is_last)) != buffer.count(b"\r\n")
    )
    sound = None if has_lone_returns else _cut_sound(buffer, rules, is_last=is_last)
    return sound if sound is not None else _cut_slowly(buffer, rules, columns=columns, is_last=is_last)


def _cut_sound(buffer: bytes, rules: Grammar, *, is_last: bool) -> Cut | None:
    """Return the cut of a buffer whose quotes all open or close a cell or are doubled; None: one does not."""
    data = np.frombuffer(buffer, np.uint8)
    quotes = np.flatnonzero(data == rules.quote[0])
    if is_last and len(quotes) % 2:
        return None
    is_boundary = np.zeros(256, np.bool_)
    is_boundary[[rules.delimiter[0], NEWLINE, RETURN]] = True
    adjacent = quotes[1:] - quotes[:-1] == 1
    opens = is_boundary[data[quotes[::2] - 1]]
    opens[0] |= quotes[0] == 0
    opens[1:] |= adjacent[1::2][: len(opens) - 1]
    if not opens.all():
        return None
    closing = quotes[1::2]
    closes = is_boundary[data[np.minimum(closing + 1, len(data) - 1)]] | (closing == len(data) - 1)
    after = adjacent[1::2]
    closes[: len(after)] |= after
    if not closes.all():
        return None
    breaks = np.flatnonzero(data == NEWLINE)
    outside = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    if is_last:
        end = len(buffer)
    elif len(outside):
        end = int(outside[-1]) + 1
    else:
        # A cell so long that its quote must have been lost is looked at closely; else more bytes are needed.
        return None if len(buffer) > LONGEST_CELL_BYTES else Cut(0, None)
    if len(outside) == np.searchsorted(breaks, end):
        return Cut(end, None, breaks=breaks)
    return Cut(end, _record_starts(data, outside + 1, end=end), breaks=breaks)


def _record_starts(data: Bytes, ends: Positions, *, end: int) -> Positions:
    """Return where records begin, given where they end; blank lines are no records."""
    starts = np.concatenate(([0], ends)).astype(np.int64)
    starts = starts[starts < end]
    first = data[starts]
    second = data[np.minimum(starts + 1, len(data) - 1)]
    is_blank = (first == NEWLINE) | ((first == RETURN) & (second == NEWLINE))
    return np.extract(~is_blank, starts)


def starts_of(block: bytes, rules: Grammar) -> Positions:
    """Return where each record of a block of whole, sound records begins; blank lines are no records."""
    if (not rules.quote or rules.quote not in block) and block.count(b"\r") == block.count(b"\r\n"):
        data = np.frombuffer(block, np.uint8)
        return _record_starts(data, np.flatnonzero(data == NEWLINE) + 1, end=len(block))
    return np.array([at for at, _ in _records(block, rules)], np.int64)


def _records(block: bytes, rules: Grammar) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(block) and (found := rules.record.match(block, at)) is not None and found.end() > at:
        if block[at] not in (NEWLINE, RETURN):
            yield at, found.end()
        at = found.end()


def _cut_slowly(buffer: bytes, rules: Grammar, *, columns: int, is_last: bool) -> Cut:
    """Return the cut of a buffer with stray or lost quotes, record by record."""
    starts: list[int] = []
    broken: list[Broken] = []
    at = 0
    while at < len(buffer):
        found = rules.record.match(buffer, at)
        if found is not None:
            if not _is_ended(buffer, found.end(), is_last=is_last):
                break
            if buffer[at] not in (NEWLINE, RETURN):
                starts.append(at)
            at = found.end()
            continue
        if not is_last and len(buffer) - at <= LONGEST_CELL_BYTES and _may_go_on(buffer, at, rules):
            break
        one = _broken(buffer, at, rules, columns=columns, is_last=is_last)
        if one is None:
            break
        broken.append(one)
        at = one.end
    return Cut(at, np.array(starts, np.int64), tuple(broken))


def _may_go_on(buffer: bytes, at: int, rules: Grammar) -> bool:
    """Tell whether the record at `at` is merely incomplete: its last cell reaches the end of the buffer."""
    before = rules.open_cell.match(buffer, at)
    opened = before.end() if before is not None else at
    cell = rules.cell.match(buffer, opened)
    return cell is None or cell.end() >= len(buffer) - 1


def _broken(buffer: bytes, at: int, rules: Grammar, *, columns: int, is_last: bool) -> Broken | None:
    """Return the lost quote of the record at `at` and where reading goes on; None: behind the buffer."""
    before = rules.open_cell.match(buffer, at)
    opened = before.end() if before is not None else at
    waits = not is_last and len(buffer) - at <= LONGEST_CELL_BYTES
    going_on = _next_line(buffer, opened)
    while going_on < len(buffer) and columns > 1:
        found = rules.record.match(buffer, going_on)
        if found is None:
            if waits and _may_go_on(buffer, going_on, rules):
                return None
        elif not _is_ended(buffer, found.end(), is_last=is_last):
            return None if waits else Broken(at, opened, len(buffer))
        elif len(split_record_bytes(buffer[going_on : found.end()], rules)) == columns:
            return Broken(at, opened, going_on)
        going_on = _next_line(buffer, going_on)
    # In one column nothing tells a row from a line of the cell: all to the end is swallowed.
    return None if waits else Broken(at, opened, len(buffer))


def _is_ended(buffer: bytes, end: int, *, is_last: bool) -> bool:
    """Tell whether a record that was matched up to `end` ends there, whatever bytes come next."""
    if is_last:
        return True
    # The line feed after a CR may come with the next block.
    return buffer[end - 1] in (NEWLINE, RETURN) and not (end == len(buffer) and buffer[-1] == RETURN)


def _next_line(buffer: bytes, at: int) -> int:
    found = buffer.find(b"\n", at)
    return len(buffer) if found < 0 else found + 1


def split_record_bytes(record: bytes, rules: Grammar) -> list[str]:
    """Return the cells of one record as text, unquoted; bytes that are not UTF-8 are replaced."""
    record = record.rstrip(b"\r\n")
    cells: list[str] = []
    at = 0
    while True:
        found = rules.cell.match(record, at)
        end = found.end() if found is not None else len(record)
        cells.append(_unquoted(record[at:end], rules.quote).decode("utf-8", errors="replace"))
        if end >= len(record) or record[end : end + 1] != rules.delimiter:
            return cells
        at = end + 1


def _unquoted(cell: bytes, quote: bytes) -> bytes:
    if not quote or not cell.startswith(quote):
        return cell
    inner, closed, rest = cell[1:].replace(quote + quote, b"\0\0").partition(quote)
    return (inner + rest if closed else inner).replace(b"\0\0", quote)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a sample."""

    line: int
    """1-based physical line where it begins."""
    offset: int
    """Bytes before it."""
    length: int
    """Bytes, with its line break."""
    cells: list[str]


def first_records(block: bytes, rules: Grammar, *, most: int) -> list[Record]:
    """Return the first records of a text in UTF-8; blank lines are left out.

    The last one may be cut where the text is.
    """
    records: list[Record] = []
    line, at = 1, 0
    while at < len(block) and len(records) < most:
        found = rules.record.match(block, at)
        end = found.end() if found is not None and found.end() > at else _next_line(block, at)
        if block[at] not in (NEWLINE, RETURN):
            records.append(Record(line, at, end - at, split_record_bytes(block[at:end], rules)))
        line += lines_in(block[at:end])
        at = end
    return records


def lines_in(block: bytes) -> int:
    """Return how many line breaks there are: LF, CR LF, or a CR that stands alone."""
    feeds = block.count(b"\n")
    returns = block.count(b"\r")
    return feeds if not returns else feeds + returns - block.count(b"\r\n")
