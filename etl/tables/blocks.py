"""Blocks of a CSV file to rows: parsed by pyarrow, each row with the physical line where it begins."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from etl.errors import SourceUnreadable
from etl.model import Problem, UnreadableRow
from etl.tables.origin import opened
from etl.tables.records import (
    NEWLINE,
    RETURN,
    Bytes,
    Positions,
    cut,
    grammar,
    lines_in,
    split_record_bytes,
    starts_of,
)
from etl.tables.table import to_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from etl.model import Frame
    from etl.tables.records import Broken

BLOCK_BYTES = 2 << 20
UTF8 = ("utf-8", "utf-8-sig", "ascii")
SHOWN_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows of one file lie and how its bytes become cells."""

    path: Path
    name: str
    encoding: str
    is_mac: bool
    """True where each line ends with CR alone, as old Macs wrote."""
    delimiter: str
    quote: str
    header: tuple[str, ...]
    offset: int
    """Bytes, as UTF-8, before the first row."""
    line: int
    """Physical line of the first byte at `offset`."""


def not_text(path: Path, encoding: str, *, line: int) -> SourceUnreadable:
    """Return the error for bytes that are not of the encoding, with the line where they stand."""
    return SourceUnreadable(
        str(path),
        reason=f"line {line} is not {encoding}.",
        advice="Set source.encoding to what wrote it, for example windows-1252.",
    )


def _pieces(layout: Layout, stream: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of the rows as UTF-8, in pieces of about a block, with LF or CR LF between lines."""
    decoder = None if layout.encoding in UTF8 else codecs.getincrementaldecoder(layout.encoding)()
    skip = layout.offset + (len(codecs.BOM_UTF8) if layout.encoding == "utf-8-sig" else 0)
    line = 1
    is_done = False
    while not is_done:
        raw = stream.read(BLOCK_BYTES)
        is_done = not raw
        if decoder is not None:
            try:
                piece = decoder.decode(raw, final=is_done).encode()
            except UnicodeDecodeError as error:
                line += lines_in(raw[: error.start])
                raise not_text(layout.path, layout.encoding, line=line) from None
            line += piece.count(b"\n")
        else:
            piece = raw
        if layout.is_mac:
            piece = piece.replace(b"\r", b"\n")
        if skip:
            taken = min(skip, len(piece))
            piece, skip = piece[taken:], skip - taken
        if piece:
            yield piece


def frames_of(layout: Layout, frame_rows: int) -> Iterator[Frame]:
    """Read the rows of a file from its start, holding one block of it."""
    reader = _Reader(layout)
    line = layout.line
    with opened(layout.path) as stream:
        pieces = _pieces(layout, stream)
        buffer, wanted, is_last = b"", 1, False
        while not is_last:
            while len(buffer) < wanted and not is_last:
                piece = next(pieces, b"")
                is_last = not piece
                buffer = buffer + piece if buffer else piece
            if not buffer:
                return
            rows = reader.rows_of(buffer, line, is_last=is_last)
            if rows is None:
                # A cell longer than a block: twice as much, so that long cells cost linear time.
                wanted = 2 * len(buffer)
                continue
            yield from _split(rows, layout, frame_rows)
            buffer = buffer[rows.end :]
            wanted = len(buffer) + 1
            line += rows.lines


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one block."""

    data: pa.Table
    numbers: Positions
    unreadable: tuple[UnreadableRow, ...]
    end: int
    """Bytes of the buffer that these rows are."""
    lines: int
    """Physical lines in them."""


class _Reader:
    """Turns blocks of records into rows; holds pyarrow's options, which cost more to make than to use."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.rules = grammar(layout.delimiter, layout.quote)
        self.skipped: list[arrow_csv.InvalidRow] = []
        self.had_breaks = False
        self.scratch = np.empty(0, np.bool_)
        self.is_checked = layout.encoding in UTF8
        self.parsing = arrow_csv.ParseOptions(
            delimiter=layout.delimiter,
            quote_char=layout.quote or False,
            newlines_in_values=True,
            invalid_row_handler=self._skip,
        )
        # Valid UTF-8 is checked once per block: cell by cell takes a fifth of the time of reading.
        self.converting = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(layout.header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,
        )

    def _scratch(self, size: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        # Fresh memory for every block costs more in page faults than the comparison itself.
        if len(self.scratch) < size:
            self.scratch = np.empty(size, np.bool_)
        return self.scratch[:size]

    def _skip(self, row: arrow_csv.InvalidRow) -> str:
        self.skipped.append(row)
        return "skip"

    def rows_of(self, buffer: bytes, line: int, *, is_last: bool) -> _Rows | None:
        """Return the whole records at the start of a buffer as rows; None: more bytes are needed for one.

        The buffer begins at physical line `line`. Most blocks have one record per line, which shows by their
        counts once they are parsed; only the others are looked at byte by byte.
        """
        end = len(buffer) if is_last else buffer.rfind(b"\n") + 1
        table: pa.Table | None = None
        # Where the last block had line breaks in its cells this one has them too, most likely.
        if end and not self.had_breaks:
            data = np.frombuffer(buffer, np.uint8, end)
            feeds = int(np.count_nonzero(np.equal(data, NEWLINE, out=self._scratch(end))))
            table = self._parse(buffer, end, line)
            records = len(table) + len(self.skipped)
            is_ended = data[-1] == NEWLINE
            is_plain = records == feeds + (not is_ended) and self._ends_soundly(buffer, end)
            if is_plain and not (b"\r" in buffer and _has_lone_returns(data)):
                numbers = np.arange(line, line + records, dtype=np.int64)
                return self._rows(table, numbers, end=end, lines=feeds)
        found = cut(buffer, self.rules, columns=len(self.layout.header), is_last=is_last)
        if not found.end:
            return None
        self.had_breaks = found.starts is not None
        block = buffer[: found.end]
        if table is None or found.end != end or found.broken:
            sound = _without(block, found.broken) if found.broken else block
            table = self._parse(sound, len(sound), line)
        records = len(table) + len(self.skipped)
        starts = found.starts if found.starts is not None else starts_of(block, self.rules)
        if len(starts) != records:
            raise SourceUnreadable(
                str(self.layout.path),
                reason=f"its lines from {line} on cannot be told apart.",
                advice="Set source.delimiter and source.quote, or save the file anew.",
            )
        lost = [self._lost_quote(block, one, line) for one in found.broken]
        breaks = found.breaks if found.breaks is not None else _breaks_in(block)
        numbers = line + np.searchsorted(breaks, starts).astype(np.int64)
        lines = int(np.searchsorted(breaks, found.end))
        return self._rows(table, numbers, end=found.end, lines=lines, lost=lost)

    def _ends_soundly(self, buffer: bytes, end: int) -> bool:
        """Tell whether the last line is a record of its own, so that the block does not end within a cell."""
        found = self.rules.record.match(buffer, buffer.rfind(b"\n", 0, end - 1) + 1, end)
        return found is not None and found.end() == end

    def _rows(
        self, table: pa.Table, numbers: Positions, *, end: int, lines: int, lost: Sequence[UnreadableRow] = ()
    ) -> _Rows:
        unreadable = list(lost)
        if self.skipped:
            at = np.array([row.number - 1 for row in self.skipped], np.int64)
            unreadable += [self._ragged(row, int(numbers[row.number - 1])) for row in self.skipped]
            unreadable.sort(key=lambda row: row.row)
            numbers = np.delete(numbers, at)
        keep = _with_content(table)
        if keep is not None:
            table, numbers = table.filter(keep), numbers[keep.to_numpy()]
        return _Rows(table, numbers, tuple(unreadable), end, lines)

    def _parse(self, block: bytes, end: int, line: int) -> pa.Table:
        self.skipped.clear()
        view = pa.py_buffer(block).slice(0, end)
        if self.is_checked and not block.isascii() and not _is_utf8(view):
            raise not_text(self.layout.path, "utf-8", line=line + _lines_before_fault(block))
        if block[:1] in (b"", b"\r", b"\n") and not block[:end].strip(b"\r\n"):
            return pa.table({name: pa.array([], pa.string()) for name in self.layout.header})
        reading = arrow_csv.ReadOptions(
            column_names=self.layout.header, use_threads=False, block_size=end + 1
        )
        try:
            return arrow_csv.read_csv(
                pa.BufferReader(view),
                read_options=reading,
                parse_options=self.parsing,
                convert_options=self.converting,
            )
        except pa.ArrowInvalid as error:
            raise SourceUnreadable(
                str(self.layout.path), reason=f"from line {line} on: {error}.", advice="Save the file anew."
            ) from None

    def _ragged(self, row: arrow_csv.InvalidRow, number: int) -> UnreadableRow:
        facts = {"cells": str(row.actual_columns), "columns": str(row.expected_columns)}
        problem = Problem(
            "ragged_row", self.layout.name, row=number, value=row.text[:SHOWN_LETTERS], facts=facts
        )
        return UnreadableRow(number, tuple(split_record_bytes(row.text.encode(), self.rules)), problem)

    def _lost_quote(self, block: bytes, one: Broken, line: int) -> UnreadableRow:
        number = line + lines_in(block[: one.opened])
        swallowed = block[one.offset : one.end]
        value = block[one.opened : one.opened + SHOWN_LETTERS].decode(errors="replace").partition("\n")[0]
        facts = {"lines": str(max(lines_in(swallowed), 1))}
        problem = Problem("unclosed_quote", self.layout.name, row=number, value=value, facts=facts)
        return UnreadableRow(number, tuple(split_record_bytes(swallowed, self.rules)), problem)


def _without(block: bytes, broken: Sequence[Broken]) -> bytes:
    kept, at = [], 0
    for one in broken:
        kept.append(block[at : one.offset])
        at = one.end
    kept.append(block[at:])
    return b"".join(kept)


def _breaks_in(block: bytes) -> Positions:
    """Return where lines end: at each LF, and at each CR that stands alone."""
    data = np.frombuffer(block, np.uint8)
    breaks = np.flatnonzero(data == NEWLINE)
    if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
        is_alone = data == RETURN
        is_alone[:-1] &= data[1:] != NEWLINE
        breaks = np.sort(np.concatenate((breaks, np.flatnonzero(is_alone))))
    return breaks


def _with_content(table: pa.Table) -> pa.ChunkedArray | None:
    """Return which rows have a cell that is not empty; None: every one has."""
    columns = sorted(table.columns, key=lambda column: int(column.null_count))
    if not columns or not columns[0].null_count:
        return None
    keep = pc.is_valid(columns[0])
    for column in columns[1:]:
        if not column.null_count:
            return None
        keep = pc.or_(keep, pc.is_valid(column))
    return None if pc.all(keep, min_count=0).as_py() else keep


def _is_utf8(block: pa.Buffer) -> bool:
    bounds = pa.py_buffer(np.array([0, block.size], np.int32))
    try:
        pa.StringArray.from_buffers(1, bounds, block).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _lines_before_fault(block: bytes) -> int:
    try:
        block.decode()
    except UnicodeDecodeError as error:
        return lines_in(block[: error.start])
    return 0


def _has_lone_returns(data: Bytes) -> bool:
    is_return = data == RETURN
    returns = np.count_nonzero(is_return)
    return bool(returns) and returns != np.count_nonzero(is_return[:-1] & (data[1:] == NEWLINE))


def _split(rows: _Rows, layout: Layout, frame_rows: int) -> Iterator[Frame]:
    total = len(rows.numbers)
    parts = max(-(-total // frame_rows), 1)
    size = -(-total // parts)
    left = list(rows.unreadable)
    for part in range(parts):
        numbers = rows.numbers[part * size : (part + 1) * size]
        is_last = part == parts - 1
        here = [one for one in left if is_last or one.row < numbers[-1]]
        left = left[len(here) :]
        if len(numbers) or here:
            data = rows.data.slice(part * size, len(numbers))
            yield to_frame(data, pa.array(numbers), name=layout.name, unreadable=tuple(here))
