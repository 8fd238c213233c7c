"""What the XML of a sheet says that the fast reader does not, found by searching its bytes.

Error cells, formulas without a stored value, leading zeros that only a format shows, hidden or filtered rows,
merged cells. Chunks without any of them are passed over at the speed of unpacking.
"""

from __future__ import annotations

import html
import posixpath
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING
from xml.etree import ElementTree as ET

from etl.errors import SourceUnreadable
from etl.tables.columns import letters, position_of
from etl.tables.origin import read_bytes, suffix_of

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

SEARCHED = (".xlsx", ".xlsm")
CHUNK_BYTES = 1 << 20
LONGEST_CELL_XML = 64 << 20

MOST_UNPACKED_BYTES = 4 << 30
MOST_RATIO = 200
HARMLESS_BYTES = 100 << 20
"""Below this a workbook may be packed as tightly as it likes."""

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"

CELL = re.compile(rb'<c (?:[^>]*? )?r="([A-Z]+)(\d+)"([^>]*)>(.*?)</c>', re.DOTALL)
TAG = re.compile(rb"<(row|c)(?=[ />])([^>]*)")
ERROR = re.compile(
    rb'<c (?:[^>]*? )?r="([A-Z]+)(\d+)"[^>]*? t="e"[^>]*>(?:<f.*?(?:/>|</f>))?<v[^>]*>([^<]*)</v>', re.DOTALL
)
UNCACHED = re.compile(
    rb'<c (?:[^>]*? )?r="([A-Z]+)(\d+)"[^>]*>\s*<f(?:[^>]*/>|[^>]*>([^<]*)</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>'
)
HIDDEN_ROW = re.compile(rb'<row (?=[^>]*? hidden="(?:1|true)")[^>]*?r="(\d+)"')
HIDDEN_COLUMN = re.compile(rb'<col (?=[^>]*?hidden="(?:1|true)")[^>]*>')
MERGED = re.compile(rb'<mergeCell [^>]*?ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')

# Built-in formats that hide what is stored. Source: ECMA-376 Part 1, 18.8.30 (numFmt).
BUILT_IN = {9: "0%", 10: "0.00%", 5: "$#,##0", 6: "$#,##0", 7: "$#,##0.00", 8: "$#,##0.00", 44: "$#,##0.00"}
CURRENCY = re.compile(r"[€$£¥₽]|\b(?:EUR|USD|CHF|GBP)\b")


@dataclass(frozen=True, slots=True)
class Place:
    """One cell."""

    row: int
    """1-based."""
    column: int
    """0-based."""


@dataclass(slots=True)
class SheetFacts:
    """What was found in one sheet; filled while it is searched."""

    errors: dict[Place, str] = field(default_factory=dict)
    """Cells like `#N/A`, with the text that stands there."""
    uncached: dict[Place, str] = field(default_factory=dict)
    """Formulas whose value was never stored, as `=A1+B1`."""
    padded: dict[Place, str] = field(default_factory=dict)
    """Numbers that a format like `00000` shows with leading zeros, as they are shown."""
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    """0-based."""
    merged: list[str] = field(default_factory=list)
    """As `A1:C1`."""
    is_filtered: bool = False
    """A filter hides some of the rows."""
    has_formulas: bool = False
    percentages: set[int] = field(default_factory=set)
    """0-based columns whose first cells are shown as percentages: 0.19 is shown as 19 %."""
    currencies: set[int] = field(default_factory=set)

    def texts(self) -> dict[int, dict[int, str]]:
        """Return row -> column -> the text to read in place of what the fast reader gives."""
        found: dict[int, dict[int, str]] = {}
        for cells in (self.padded, self.uncached, self.errors):
            for place, text in cells.items():
                found.setdefault(place.row, {})[place.column] = text
        return found


@dataclass(frozen=True, slots=True)
class Styles:
    """Cell styles that change what a number means, by their index."""

    padded: dict[int, int] = field(default_factory=dict)
    """Style -> digits shown at least."""
    percentages: frozenset[int] = frozenset()
    currencies: frozenset[int] = frozenset()


def refuse_bomb(path: Path, source: Path | io.BytesIO) -> None:
    """Refuse a workbook that would unpack to more than any sheet needs.

    Args:
        path: for the message.

    Raises:
        SourceUnreadable: it would.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        return  # no ZIP: what reads it says so
    packed = max(path.stat().st_size if isinstance(source, Path) else source.getbuffer().nbytes, 1)
    if unpacked > MOST_UNPACKED_BYTES or (unpacked > HARMLESS_BYTES and unpacked > MOST_RATIO * packed):
        raise SourceUnreadable(
            str(path),
            reason=f"it would unpack from {packed:,} to {unpacked:,} bytes.",
            advice="No table needs that: ask its sender, or save the sheet as CSV.",
        )


def scan_sheet(path: Path, title: str) -> SheetFacts:
    """Return what the XML of one sheet of an .xlsx or .xlsm tells; nothing for a file that is none."""
    facts = SheetFacts()
    if suffix_of(path) not in SEARCHED:
        return facts
    try:
        with zipfile.ZipFile(read_bytes(path)) as archive:
            member = _member(archive, title)
            if member is None:
                return facts
            styles = _styles(archive)
            with archive.open(member) as stream:
                is_first = True
                references = _References()
                for chunk in map(references.in_all_cells, _chunks(stream)):
                    _search(chunk, styles, facts)
                    if is_first:
                        _search_formats(chunk, styles, facts)
                    is_first = False
    except (zipfile.BadZipFile, ET.ParseError, KeyError) as error:
        raise SourceUnreadable(
            str(path),
            reason=f"the workbook is damaged ({error}).",
            advice="Open it in a spreadsheet and save it anew.",
        ) from None
    return facts


def _member(archive: zipfile.ZipFile, title: str) -> str | None:
    """Return the path of a sheet's XML in the package."""
    names = archive.namelist()
    if "xl/workbook.xml" not in names or "xl/_rels/workbook.xml.rels" not in names:
        return None
    targets = {
        one.get("Id", ""): one.get("Target", "") for one in _parsed(archive, "xl/_rels/workbook.xml.rels")
    }
    for sheet in _parsed(archive, "xl/workbook.xml").iter():
        if sheet.tag in (f"{MAIN}sheet", f"{STRICT}sheet") and sheet.get("name") == title:
            target = targets.get(sheet.get(RELATION) or sheet.get(STRICT_RELATION) or "", "")
            member = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            return member if member in names else None
    return None


def _parsed(archive: zipfile.ZipFile, member: str) -> ET.Element:
    data = archive.read(member)
    if b"<!DOCTYPE" in data[:2000]:
        raise KeyError(f"{member} declares a document type")
    return ET.fromstring(data)  # noqa: S314  no document type, so no entities to expand


def _styles(archive: zipfile.ZipFile) -> Styles:
    if "xl/styles.xml" not in archive.namelist():
        return Styles()
    root = _parsed(archive, "xl/styles.xml")
    space = MAIN if root.tag.startswith(MAIN) else STRICT
    codes = dict(BUILT_IN)
    for one in root.iter(f"{space}numFmt"):
        codes[int(one.get("numFmtId", "0"))] = one.get("formatCode", "")
    padded: dict[int, int] = {}
    percentages, currencies = set(), set()
    found = root.find(f"{space}cellXfs")
    for at, style in enumerate(found if found is not None else ()):
        code = codes.get(int(style.get("numFmtId", "0")), "").partition(";")[0]
        plain = re.sub(r'\\(.)|"([^"]*)"|\[\$([^-\]]*)[^\]]*\]', r"\1\2\3", code)
        if re.fullmatch(r"0{2,}", plain):
            padded[at] = len(plain)
        elif "%" in plain:
            percentages.add(at)
        elif CURRENCY.search(plain):
            currencies.add(at)
    return Styles(padded, frozenset(percentages), frozenset(currencies))


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the XML in pieces that end between cells or rows, with plain names for its tags."""
    carry = b""
    prefix: bytes | None = None
    while piece := stream.read(CHUNK_BYTES):
        buffer = carry + piece
        if prefix is None:
            named = re.search(rb"<(\w+:)worksheet", buffer[:4096])
            prefix = named[1] if named else b""
        end = max(buffer.rfind(b"</c>") + 4, buffer.rfind(b"</row>") + 6)
        if prefix:
            end = buffer.rfind(b"</" + prefix + b"row>") + 6 + len(prefix)
        if end < 10:  # noqa: PLR2004  nothing was found
            if len(buffer) > LONGEST_CELL_XML:
                carry = b""
                continue
            end = 0
        carry = buffer[end:]
        if end:
            yield _plain(buffer[:end], prefix)
    yield _plain(carry, prefix or b"")


class _References:
    """Gives cells their `r="B7"` where the writer of a sheet left it out: the next cell, the next row.

    Source: ECMA-376 Part 1, 18.3.1.4 (c) and 18.3.1.73 (row): `r` is optional.
    """

    def __init__(self) -> None:
        self._row = self._column = 0
        self._is_missing: bool | None = None

    def in_all_cells(self, chunk: bytes) -> bytes:
        """Return a chunk with a reference in every cell; nearly always the chunk as it is."""
        if self._is_missing is None:
            first = re.search(rb"<c(?: [^>]*)?>", chunk)
            self._is_missing = None if first is None else re.search(rb' r="', first[0]) is None
        return TAG.sub(self._numbered, chunk) if self._is_missing else chunk

    def _numbered(self, tag: re.Match[bytes]) -> bytes:
        named = re.search(rb' r="([A-Z]*)(\d+)"', tag[2])
        if tag[1] == b"row":
            self._row, self._column = int(named[2]) if named else self._row + 1, 0
            return tag[0] if named else b'<row r="%d"%b' % (self._row, tag[2])
        if named:
            self._column = position_of(named[1].decode()) + 1
            return tag[0]
        self._column += 1
        return b'<c r="%b%d"%b' % (letters(self._column - 1).encode(), self._row, tag[2])


def _plain(chunk: bytes, prefix: bytes) -> bytes:
    return chunk.replace(b"<" + prefix, b"<").replace(b"</" + prefix, b"</") if prefix else chunk


def _search(chunk: bytes, styles: Styles, facts: SheetFacts) -> None:
    """Look for what is rare by its bytes first; only chunks that have it are searched with patterns."""
    if b't="e"' in chunk:
        for column, row, text in ERROR.findall(chunk):
            facts.errors[_place(column, row)] = html.unescape(text.decode())
    if b"<f" in chunk:
        facts.has_formulas |= b"<f>" in chunk or b"<f " in chunk
        for column, row, formula in UNCACHED.findall(chunk):
            facts.uncached[_place(column, row)] = "=" + html.unescape(formula.decode())
    for style, digits in styles.padded.items():
        if b's="%d"' % style in chunk:
            _search_padded(chunk, style, digits, facts)
    if b'hidden="' in chunk:
        _search_hidden(chunk, facts)
    if b"<mergeCell " in chunk:
        facts.merged += [(b"%b%b:%b%b" % parts).decode() for parts in MERGED.findall(chunk)]
    facts.is_filtered |= b"<filterColumn" in chunk


def _search_hidden(chunk: bytes, facts: SheetFacts) -> None:
    facts.hidden_rows += [int(row) for row in HIDDEN_ROW.findall(chunk)]
    for column in HIDDEN_COLUMN.findall(chunk):
        first, last = re.search(rb'min="(\d+)"', column), re.search(rb'max="(\d+)"', column)
        if first and last:
            facts.hidden_columns += range(int(first[1]) - 1, min(int(last[1]), 16_384))


def _search_formats(chunk: bytes, styles: Styles, facts: SheetFacts) -> None:
    """Note the columns whose first cells are shown as percentages or with a currency."""
    for column, _, attributes, _ in CELL.findall(chunk[: CHUNK_BYTES // 8]):
        named = re.search(rb's="(\d+)"', attributes)
        style = int(named[1]) if named else -1
        if style in styles.percentages:
            facts.percentages.add(position_of(column.decode()))
        elif style in styles.currencies:
            facts.currencies.add(position_of(column.decode()))


def _search_padded(chunk: bytes, style: int, digits: int, facts: SheetFacts) -> None:
    pattern = (
        rb'<c (?=[^>]*?s="%d")(?:[^>]*? )?r="([A-Z]+)(\d+)"[^>]*>(?:<f.*?(?:/>|</f>))?<v>(\d+)(?:\.0+)?</v>'
    )
    for column, row, number in re.findall(pattern % style, chunk):
        if len(number) < digits:
            facts.padded[_place(column, row)] = number.decode().zfill(digits)


def _place(column: bytes, row: bytes) -> Place:
    return Place(int(row), position_of(column.decode()))
