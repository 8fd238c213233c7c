"""Finds out how a CSV file is written: encoding, delimiter, quote and header row, from its first megabyte."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from charset_normalizer import from_bytes

from etl.tables.records import Record, first_records, grammar

SAMPLE_BYTES = 1 << 20
SHAPE_BYTES = 1 << 16
"""Delimiter and quote show in the first lines."""
SAMPLE_RECORDS = 100
DELIMITERS = (";", ",", "\t", "|")

BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its first two bytes are the same
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# What Western European shops write beside ASCII; anything else in a text read as 1252 speaks against 1252.
WESTERN = frozenset(
    "äöüÄÖÜßéèêëàâáãåæçñóòôõøœíìîïúùûýÿÉÈÊËÀÂÁÃÅÆÇÑÓÒÔÕØŒÍÌÎÏÚÙÛÝ€£§°²³µ·½¼¾®©™«»„“”…•¡¿ªº±"
    "\xa0\xd7\u201a\u2018\u2019\u2013\u2014"  # no-break space, times, low and high single quotes, dashes
)
NUMBER = re.compile(r"[-+]?\d[\d.,' ]*%?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes of a file become text."""

    name: str
    """Python's name; `utf-8-sig`: UTF-8 with a byte order mark."""
    is_guess: bool
    """True where only the look of the letters speaks for it."""


def sniff_encoding(sample: bytes) -> Encoding:
    """Return the encoding that the first bytes of a file show.

    A byte order mark decides; then UTF-16 by its zero bytes; then UTF-8 if it is valid; else Windows-1252 if
    the text looks Western, else what charset-normalizer holds most likely.
    """
    for mark, name in BOMS:
        if sample.startswith(mark):
            return Encoding(name, is_guess=False)
    if (zeros := _utf16_by_zeros(sample)) is not None:
        return Encoding(zeros, is_guess=True)
    try:
        # The sample may end within a letter: an incremental decoder keeps an incomplete end to itself.
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return Encoding(_legacy(sample), is_guess=True)
    return Encoding("utf-8", is_guess=False)


def _utf16_by_zeros(sample: bytes) -> str | None:
    head = sample[:4096]
    half = len(head) // 2
    if half < 2:  # noqa: PLR2004  less than two letters show nothing
        return None
    if head[1::2].count(0) > half * 0.4 and head[0::2].count(0) < half * 0.1:
        return "utf-16-le"
    if head[0::2].count(0) > half * 0.4 and head[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return None


def _legacy(sample: bytes) -> str:
    lines = [line for line in sample.splitlines() if not line.isascii()][:400]
    odd = b"\n".join(lines)
    text = odd.decode("cp1252", errors="replace")
    beyond = [letter for letter in text if not letter.isascii()]
    plausible = sum(letter in WESTERN for letter in beyond)
    letters = sum(letter.isalpha() for letter in text)
    # Cyrillic or Greek read as 1252 is made of Western letters too, but of hardly anything else.
    if plausible >= 0.97 * len(beyond) and len(beyond) < 0.4 * max(letters, 1):
        return "cp1252"
    best = from_bytes(odd[: 1 << 16]).best()
    return best.encoding if best is not None else "cp1252"


@dataclass(frozen=True, slots=True)
class Shape:
    """How the text of a CSV file is divided."""

    delimiter: str
    quote: str
    header: Record | None
    """The header, or the first row where there is none; None: nothing but blank lines."""
    has_header: bool
    is_header_guess: bool
    """True where rows stand before the header or the first row was taken as data."""


def sniff_shape(
    text: bytes,
    *,
    delimiter: str | None = None,
    quote: str | None = None,
    header_row: int | None = None,
    has_header: bool | None = None,
) -> Shape:
    """Return how the text of a first megabyte is divided; what is given is not questioned.

    Args:
        text: UTF-8; begins with the first letter of the file; may end anywhere.
        header_row: 1-based physical line.
    """
    declared = re.match(rb"sep=([\x21-\x7e\t])\r?\n", text)  # Excel's own first line
    if declared is not None:
        delimiter = delimiter or declared[1].decode()
    start = text[:SHAPE_BYTES]
    quote = quote if quote is not None else _quote(start.decode(errors="replace"))
    delimiter = delimiter or _delimiter(start if len(start.splitlines()) > 1 else text, quote)
    records = first_records(text, grammar(delimiter, quote), most=max(SAMPLE_RECORDS, header_row or 0))
    if declared is not None:
        records = [one for one in records if one.line > 1]
    if header_row is not None:
        header = next((one for one in records if one.line >= header_row), None)
        return Shape(delimiter, quote, header, has_header is not False, is_header_guess=False)
    if not records:
        return Shape(delimiter, quote, None, has_header is not False, is_header_guess=False)
    at = _header_position([one.cells for one in records])
    has = has_header if has_header is not None else not _is_data([one.cells for one in records[at:]])
    guessed = at > 0 or (has_header is None and not has)
    return Shape(delimiter, quote, records[at], has, is_header_guess=guessed)


def _quote(text: str) -> str:
    # A quote counts where a cell begins or ends with it; an apostrophe within a word does not.
    at_edges = {
        mark: len(re.findall(rf"(?:^|[,;\t|]){mark}|{mark}(?=[,;\t|]|$)", text, re.MULTILINE))
        for mark in "\"'"
    }
    return "'" if at_edges["'"] > at_edges['"'] * 2 + 3 else '"'


def _delimiter(text: bytes, quote: str) -> str:
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        records = first_records(text, grammar(delimiter, quote), most=SAMPLE_RECORDS)
        counts = [len(one.cells) for one in records]
        if len(counts) > 1 and not text.endswith((b"\n", b"\r")):
            counts.pop()  # the sample may end within it
        if not counts or max(counts) == 1:
            continue
        usual, times = Counter(counts).most_common(1)[0]
        agreeing = times / len(counts) if usual > 1 else 0.0
        score = (round(agreeing, 1), usual if usual > 1 else counts[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _header_position(rows: list[list[str]]) -> int:
    """Return the position of the first row that is as wide as most rows and not a mere title."""
    usual, times = Counter(len(row) for row in rows).most_common(1)[0]
    if usual < 3 or times * 2 < len(rows):  # noqa: PLR2004  in two columns a title cannot be told from a row
        return 0
    for at, row in enumerate(rows[:20]):
        if len(row) == usual and sum(bool(cell.strip()) for cell in row) * 2 > usual:
            return at
    return 0


def _is_data(rows: list[list[str]]) -> bool:
    """Tell whether the first row looks like the rows below it: a number wherever they have numbers."""
    first, body = rows[0], rows[1:51]
    if not body:
        return False
    numeric = [
        at
        for at in range(len(first))
        if (cells := [row[at] for row in body if at < len(row) and row[at].strip()])
        and sum(NUMBER.fullmatch(cell.strip()) is not None for cell in cells) >= 0.9 * len(cells)
    ]
    return bool(numeric) and all(NUMBER.fullmatch(first[at].strip()) for at in numeric)
