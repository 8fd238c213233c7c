"""Looks at one column after another frame of it, and counts what is wrong with its cells."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from etl.model.letters import letters_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Bytes: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint8]]"
Mask: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bool_]]"

EXAMPLES = 3

# As spreadsheets write them in English, German, French, Spanish and Italian.
ERROR_TEXTS = pa.array([
    "#N/A", "#REF!", "#NAME?", "#DIV/0!", "#VALUE!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA",
    "#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#ÜBERLAUF!", "#VALEUR!", "#NOM?", "#NOMBRE!", "#VALOR!",
    "#¡VALOR!",    "#¡REF!", "#¿NOMBRE?", "#¡DIV/0!", "#RIF!", "#NOME?", "#VALORE!", "#N/D",
])  # fmt: skip

IDENTIFIER_NAME = re.compile(
    r"\b(?:ean|gtin|upc|isbn|sku|plz|zip|postal|postcode|postleitzahl|barcode|hs.?code|zolltarif\w*)\b"
    r"|(?:artikel|bestell|kunden|material|teile|item|part|product|produkt)\W?(?:nummer|nr|no|num|number|code|id)\b"
    r"|\b(?:nummer|nr|code|number)\b",
    re.IGNORECASE,
)
GTIN_NAME = re.compile(r"\b(?:ean|gtin|upc|barcode)", re.IGNORECASE)
DATE_NAME = re.compile(
    r"datum|\b[Dd]ate\b|_date|date_|\bdate[A-Z]"
    r"|\b(?:[Vv]erf\w*gbar|[Aa]vailable|[Gg]\w*ltig|[Vv]alid|[Ss]ale)\b.*\b(?:ab|bis|from|to|until)\b"
    r"|_(?:at|on|from|until)$|[a-z](?:At|From|Until)$",
)
TOTAL = re.compile(
    r"\s*(?:gesamt|summe|total|sum|subtotal|zwischensumme|grand total)\b.{0,20}", re.IGNORECASE
)

SCIENTIFIC = r"^[+-]?[0-9]([.,][0-9]+)?[eE]\+[0-9]{1,3}$"
# No-break and zero-width spaces, soft hyphen, marks of direction, line separators, control characters.
INVISIBLE = (
    "[\u00a0\u00ad\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060\ufeff\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]"
)
INVISIBLE_BYTES = (
    (b"\xc2", re.compile(rb"\xc2[\xa0\xad]")),
    (b"\xe2", re.compile(rb"\xe2(?:\x80[\x8b-\x8f\xa8-\xae]|\x81\xa0)")),
    (b"\xef", re.compile(rb"\xef\xbb\xbf")),
    (b"\x7f", re.compile(rb"\x7f")),
)
"""A byte that must be there, and the pattern that begins with it: one byte is found much faster."""
# UTF-8 that was read as Windows-1252 and written again: two letters for one.
MOJIBAKE = (
    "\u00c3[\u0080-\u00bf\u0152-\u017e\u02c6\u02dc\u2010-\u203a\u20ac\u2122]"
    "|\u00e2[\u20ac\u201a]|\u00c2[\u00a0-\u00bf]|\ufffd"
)
MOJIBAKE_BYTES = (
    (b"\x83", re.compile(rb"\x83\xc2|\x83\xc5|\x83\xcb|\x83\xe2")),
    (b"\xa2", re.compile(rb"\xa2\xe2(?:\x82\xac|\x80\x9a)")),
    (b"\x82", re.compile(rb"\x82\xc2")),
    (b"\xef", re.compile(rb"\xef\xbf\xbd")),
)
DOT_DECIMAL = r"^[+-]?([0-9]{1,3}(,[0-9]{3})+\.[0-9]+|[0-9]+\.([0-9]{1,2}|[0-9]{4,}))\s*%?$"
COMMA_DECIMAL = r"^[+-]?([0-9]{1,3}(\.[0-9]{3})+,[0-9]+|[0-9]+,([0-9]{1,2}|[0-9]{4,}))\s*%?$"
GTIN = r"^([0-9]{8}|[0-9]{12,14})$"
WEIGHTS = np.array([3, 1] * 7, np.int16)

SPACE, ZERO = np.uint8(32), np.uint8(48)
NO_LENGTH = pa.scalar(0, pa.int32())
TELLING_BYTES = 65_536
"""So many of a frame's column tell whether it is mostly digits."""

DAYS_OF_DATES = (20_000, 80_000)
"""As spreadsheets count days: 1954 to 2119."""
DIGITS_OF_DATES = 5
LARGEST_EXACT = 10**15
LONG_IDENTIFIER = 8
"""Digits from which a column of one length is taken for identifiers whatever its name says."""
SHORT_IDENTIFIER = 4
"""Digits from which it is if its name says so."""


@dataclass(slots=True)
class Seen:
    """How often something was seen, and where first."""

    count: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)
    """Row and cell of the first few."""
    facts: Mapping[str, str] = field(default_factory=dict)


class Probe:
    """One column: what was seen in it, frame after frame."""

    def __init__(self, name: str) -> None:
        self._has_identifier_name = IDENTIFIER_NAME.search(name) is not None
        self._has_gtin_name = GTIN_NAME.search(name) is not None
        self._has_date_name = DATE_NAME.search(name) is not None
        self._seen: dict[str, Seen] = {}
        self._by_length: dict[int, Seen] = {}
        """Cells of nothing but digits, by how many."""
        self._cells = 0
        self._marks: set[str] = set()
        """Decimal marks that frames had so far: `dot`, `comma`, `both`."""
        self._keys = NearKeys() if self._has_identifier_name else None

    @staticmethod
    def is_total(text: str) -> bool:
        """Tell whether a cell introduces a row of totals."""
        return TOTAL.fullmatch(text) is not None

    def add(self, column: pa.Array, numbers: pa.Int64Array) -> None:
        """Look at the cells of one frame."""
        present = len(column) - column.null_count
        if not present:
            return
        self._cells += present
        if pa.types.is_string(column.type):
            self._add_texts(column, numbers)
        elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            self._add_numbers(column, numbers)

    def _add_texts(self, column: pa.Array, numbers: pa.Int64Array) -> None:
        letters = letters_of(column)
        data = letters.tobytes()
        if b"#" in data:
            self._note("error_cell", pc.is_in(column, ERROR_TEXTS), column, numbers)
        # A single byte is found many times faster than two.
        if b"+" in data and (b"E+" in data or b"e+" in data):
            self._match("scientific_number", SCIENTIFIC, column, numbers)
        if _has_controls(data, letters) or _has_any(data, INVISIBLE_BYTES):
            self._match("invisible_characters", INVISIBLE, column, numbers)
        if _has_any(data, MOJIBAKE_BYTES):
            self._match("mojibake", MOJIBAKE, column, numbers)
        # Bytes below "0" wrap around to large numbers. The first of them tell what most of them are.
        some = letters[:TELLING_BYTES]
        if np.count_nonzero(some - ZERO < np.uint8(10)) * 2 > len(some):
            self._add_digits(column, data, numbers)
        elif self._keys is not None:
            self._keys.add(column, numbers)

    def _add_digits(self, column: pa.Array, data: bytes, numbers: pa.Int64Array) -> None:
        """Look at a column that is mostly digits: identifiers, or numbers written as text."""
        dots, commas = b"." in data, b"," in data
        if dots or commas:
            mark = "both" if dots and commas else "dot" if dots else "comma"
            usual = self._seen.get(f"{mark}_decimal")
            if usual is not None and self._marks == {mark}:
                usual.count += len(column) - column.null_count  # as in all frames before: no pattern needed
                return
            self._marks.add(mark)
            self._match("dot_decimal", DOT_DECIMAL, column, numbers)
            self._match("comma_decimal", COMMA_DECIMAL, column, numbers)
            return
        lengths = pc.if_else(pc.ascii_is_decimal(column), pc.binary_length(column), NO_LENGTH)
        lengths = pc.fill_null(lengths, NO_LENGTH).to_numpy()
        self._add_lengths(lengths, column, numbers)
        if self._has_date_name:
            values = pc.if_else(pa.array(lengths == DIGITS_OF_DATES), column, None).cast(pa.int64())
            self._note("date_as_number", _between(values, *DAYS_OF_DATES), column, numbers)

    def _add_numbers(self, column: pa.Array, numbers: pa.Int64Array) -> None:
        if pa.types.is_floating(column.type):
            large = pc.greater_equal(pc.abs(column), float(LARGEST_EXACT))
            self._note("scientific_number", large, column, numbers)
            return
        self._note("scientific_number", pc.greater_equal(column, LARGEST_EXACT), column, numbers)
        if self._has_date_name:
            self._note("date_as_number", _between(column, *DAYS_OF_DATES), column, numbers)
        texts = column.cast(pa.string())
        lengths = pc.fill_null(pc.binary_length(texts), NO_LENGTH)
        self._add_lengths(lengths.to_numpy(), texts, numbers)

    def _add_lengths(self, lengths: np.ndarray, texts: pa.Array, numbers: pa.Int64Array) -> None:
        for length in np.flatnonzero(np.bincount(lengths)).tolist():
            if length:
                seen = self._by_length.setdefault(length, Seen())
                _count(seen, lengths == length, texts, numbers)
        if self._has_gtin_name and (is_gtin := np.isin(lengths, (8, 12, 13, 14))).any():
            self._note("wrong_check_digit", is_gtin & ~_has_check_digit(texts, is_gtin), texts, numbers)

    def _match(self, code: str, pattern: str, column: pa.Array, numbers: pa.Int64Array) -> None:
        self._note(code, pc.match_substring_regex(column, pattern), column, numbers)

    def _note(
        self, code: str, mask: pa.BooleanArray | Mask, column: pa.Array, numbers: pa.Int64Array
    ) -> None:
        if not isinstance(mask, np.ndarray):
            mask = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)  # noqa: FBT003  pyarrow's fill value
        if mask.any():
            _count(self._seen.setdefault(code, Seen()), mask, column, numbers)

    def found(self) -> list[tuple[str, Seen]]:
        """Return what is wrong with the column, by code of the catalogue."""
        found = {code: seen for code, seen in self._seen.items() if not code.endswith("_decimal")}
        dots, commas = self._seen.get("dot_decimal"), self._seen.get("comma_decimal")
        if dots is not None and commas is not None:
            fewer, more = sorted((dots, commas), key=lambda seen: seen.count)
            fewer.facts = {"usual": more.examples[0][1]}
            found["mixed_decimals"] = fewer
        if (lost := self._lost_zeros()) is not None:
            found["lost_zeros"] = lost
        if self._keys is not None and (near := self._keys.found()).count:
            found["near_duplicate_key"] = near
        return sorted(found.items())

    def _lost_zeros(self) -> Seen | None:
        """Return the cells that are shorter than nearly all others of an identifier column."""
        total = sum(seen.count for seen in self._by_length.values())
        if not total or total < 0.8 * self._cells:
            return None
        usual, seen = max(self._by_length.items(), key=lambda item: item[1].count)
        is_identifier = usual >= LONG_IDENTIFIER or (self._has_identifier_name and usual >= SHORT_IDENTIFIER)
        if not is_identifier or seen.count < 0.6 * total or seen.count == total:
            return None
        # A GTIN-12 beside GTIN-13s is a valid number of its own if its check digit is right.
        shorter = [(length, one) for length, one in self._by_length.items() if usual - 4 <= length < usual]
        examples = sorted(example for _, one in shorter for example in one.examples)[:EXAMPLES]
        count = sum(one.count for _, one in shorter)
        return Seen(count, examples, {"digits": str(usual)}) if count else None


class NearKeys:
    """Keys that differ only by case or spaces; remembers 24 bytes per row."""

    def __init__(self) -> None:
        self._alike: list[np.ndarray] = []
        self._exact: list[np.ndarray] = []
        self._rows: list[np.ndarray] = []

    def add(self, column: pa.Array, numbers: pa.Int64Array) -> None:
        """Remember the keys of one frame."""
        valid = pc.is_valid(column)
        texts = column.filter(valid)
        alike = pc.utf8_lower(pc.replace_substring_regex(texts, r"\s+", ""))
        self._alike.append(_hashes(alike))
        self._exact.append(_hashes(texts))
        self._rows.append(numbers.filter(valid).to_numpy())

    def found(self) -> Seen:
        """Return the rows whose key is almost that of an earlier row."""
        if not self._rows:
            return Seen()
        alike, exact, rows = (np.concatenate(one) for one in (self._alike, self._exact, self._rows))
        order = np.lexsort((rows, alike))
        alike, exact, rows = alike[order], exact[order], rows[order]
        is_near = (alike[1:] == alike[:-1]) & (exact[1:] != exact[:-1])
        hits = np.flatnonzero(is_near)
        examples = [(int(rows[at + 1]), f"row {rows[at]}") for at in hits[:EXAMPLES]]
        facts = {"other": str(rows[hits[0]])} if len(hits) else {}
        return Seen(int(is_near.sum()), examples, facts)


def _hashes(texts: pa.StringArray) -> np.ndarray:
    return np.array([xxhash.xxh3_64_intdigest(one) for one in texts.cast(pa.binary()).to_pylist()], np.uint64)


def _has_any(data: bytes, signs: Sequence[tuple[bytes, re.Pattern[bytes]]]) -> bool:
    return any(byte in data and pattern.search(data) is not None for byte, pattern in signs)


def _has_controls(data: bytes, letters: Bytes) -> bool:
    if not len(letters) or letters.min() >= SPACE:
        return False
    low = int(np.count_nonzero(letters < SPACE))
    return low > sum(data.count(usual) for usual in (b"\t", b"\n", b"\r"))


def _count(seen: Seen, mask: Mask, column: pa.Array, numbers: pa.Int64Array) -> None:
    seen.count += int(np.count_nonzero(mask))
    if len(seen.examples) < EXAMPLES:
        for at in np.flatnonzero(mask)[: EXAMPLES - len(seen.examples)].tolist():
            seen.examples.append((numbers[at].as_py(), str(column[at].as_py())))


def _between(values: pa.Array, least: int, most: int) -> pa.BooleanArray:
    return pc.and_(pc.greater_equal(values, least), pc.less_equal(values, most))


def _has_check_digit(texts: pa.Array, chosen: Mask) -> Mask:
    """Tell which of the chosen cells end with the right check digit of a GTIN.

    Source: GS1 General Specifications, 7.9.1: weights 3 and 1 from the right.
    """
    padded = pc.ascii_lpad(texts.filter(pa.array(chosen)), 14, "0")
    digits = letters_of(padded).reshape(-1, 14).astype(np.int16) - np.int16(ZERO)
    found = np.zeros(len(chosen), np.bool_)
    # Of a number below zero the sign is among them.
    found[chosen] = (digits >= 0).all(axis=1) & (digits @ WEIGHTS % 10 == 0)
    return found
