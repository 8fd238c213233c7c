"""Writes a small `.xls` as Excel 97 did: records of BIFF8 in one stream of a compound file.

Sources: Microsoft's open specifications [MS-XLS] and [MS-CFB].
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SECTOR = 512
FREE, END, FAT, NOTHING = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
MOST_ROWS, MOST_COLUMNS = 1 << 16, 1 << 8
SMALLEST_STREAM = 4096
"""Shorter streams lie among the small sectors, which are not written here."""


def old_workbook(sheet: str, rows: Iterable[Sequence[str | float | bool]]) -> bytes:
    """Return the bytes of a workbook with one sheet of texts, numbers and booleans."""
    cells = b"".join(_cell(y, x, value) for y, row in enumerate(rows) for x, value in enumerate(row))
    content = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 6))
    content += _record(0x0200, struct.pack("<IIHHH", 0, MOST_ROWS, 0, MOST_COLUMNS, 0))
    content += cells + _record(0x000A)
    begin = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 6))
    named = struct.pack("<BB", len(sheet), 1) + sheet.encode("utf-16-le")
    where = len(begin) + 4 + 6 + len(named) + 4
    bound = _record(0x0085, struct.pack("<IH", where, 0) + named)
    return _compound(begin + bound + _record(0x000A) + content)


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _cell(y: int, x: int, value: str | float | bool) -> bytes:  # noqa: FBT001  a cell
    place = struct.pack("<HHH", y, x, 0)
    if isinstance(value, bool):
        return _record(0x0205, place + struct.pack("<BB", value, 0))
    if isinstance(value, str):
        return _record(0x0204, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
    return _record(0x0203, place + struct.pack("<d", value))


def _compound(stream: bytes) -> bytes:
    """Return a compound file: header, one sector of FAT, the directory, and the stream `Workbook`."""
    stream = stream.ljust(SMALLEST_STREAM, b"\0")
    stream += b"\0" * (-len(stream) % SECTOR)
    count = len(stream) // SECTOR
    chain = [FAT, END, *range(3, 2 + count), END]
    table = struct.pack(f"<{SECTOR // 4}I", *chain, *[FREE] * (SECTOR // 4 - len(chain)))
    entries = _entry("Root Entry", 5, child=1, first=END) + _entry("Workbook", 2, first=2, size=len(stream))
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIII109I",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"",
        0, 1, 1, 0, SMALLEST_STREAM, END, 0, END, 0,
        0, *[FREE] * 108,
    )  # fmt: skip
    return header + table + entries.ljust(SECTOR, b"\0") + stream


def _entry(name: str, kind: int, *, child: int = NOTHING, first: int = 0, size: int = 0) -> bytes:
    text = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16sIQQIQ",
        text, len(text) + 2, kind, 1, NOTHING, NOTHING, child, b"", 0, 0, 0, first, size,
    )  # fmt: skip
