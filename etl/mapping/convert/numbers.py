"""Numbers: read exactly as the rule writes them, or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text, without
from etl.model.letters import bounds_of, letters_of, relettered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.mapping.convert.faults import Faults

PLAIN = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
SPACES = "\u00a0\u202f "
"""What stands between thousands where a space does."""
PLAIN_BELOW = 1e6
"""Larger ends of a range are written out in a message."""
SMALLEST, LARGEST = -(2**31), 2**31 - 1
"""Source: api-contract §5.1: integers are 32 bits."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How numbers are written."""

    decimal: str = "."
    thousands: str = ""
    """Empty: none."""
    is_said: bool = False
    """False: nobody said so; it is how machines write."""

    @property
    def pattern(self) -> str:
        """The one form that is read."""
        if not self.is_said:
            return PLAIN
        fraction = rf"({re.escape(self.decimal)}[0-9]+)?"
        whole = "[0-9]+"
        if self.thousands:
            mark = "[" + (re.escape(self.thousands) if self.thousands != " " else SPACES) + "]"
            whole = rf"([0-9]{{1,3}}({mark}[0-9]{{3}})+|[0-9]+)"
        return rf"^[+-]?{whole}{fraction}$"


@dataclass(frozen=True, slots=True)
class Decimals:
    """Cells <-> doubles."""

    marks: Marks = field(default_factory=Marks)
    minimum: float | None = None
    maximum: float | None = None

    def to_value(self, cells: pa.Array, faults: Faults) -> pa.DoubleArray:
        """Return doubles; what is no number in the one form that is read is a fault and null."""
        if _is_typed(cells):
            values = pc.cast(cells, pa.float64(), safe=False)
        else:
            values = self._parsed(as_text(cells), faults)
        return _within(values, cells, faults, low=self.minimum, high=self.maximum)

    def to_cell(self, values: pa.DoubleArray) -> pa.StringArray:
        """Return the shortest text that is read as the same number."""
        texts = as_text(pc.cast(values, pa.float64()))
        return pc.replace_substring(texts, ".", self.marks.decimal) if self.marks.decimal != "." else texts

    def _parsed(self, texts: pa.StringArray, faults: Faults) -> pa.DoubleArray:
        quick = _as_said(texts, self.marks.decimal) if self.marks.is_said else _at_once(texts)
        if quick is not None:
            return quick
        tidy = pc.replace_substring(pc.utf8_trim_whitespace(texts), "\u2212", "-")
        good = pc.match_substring_regex(tidy, self.marks.pattern)
        faults.mark(pc.invert(good), texts, code="not_a_number", facts=self.advice)
        tidy = without(tidy, pc.fill_null(pc.invert(good), fill_value=False))
        if self.marks.thousands:
            for mark in SPACES if self.marks.thousands == " " else self.marks.thousands:
                tidy = pc.replace_substring(tidy, mark, "")
        if self.marks.decimal != ".":
            tidy = pc.replace_substring(tidy, self.marks.decimal, ".")
        return pc.cast(pc.utf8_ltrim(tidy, "+"), pa.float64())

    def advice(self, text: str) -> Mapping[str, str]:
        """Return what to do about a cell that is no number: the rule that would read it, or what to write."""
        return number_advice(text, self.marks)


@dataclass(frozen=True, slots=True)
class Integers:
    """Cells <-> whole numbers of 32 bits, kept as int64."""

    marks: Marks = field(default_factory=Marks)
    minimum: float | None = None
    maximum: float | None = None

    def to_value(self, cells: pa.Array, faults: Faults) -> pa.Int64Array:
        """Return whole numbers; fractions are faults, never cut."""
        if pa.types.is_integer(cells.type):
            values = pc.cast(cells, pa.int64())
        else:
            texts = as_text(cells)
            quick = pc.all(pc.ascii_is_decimal(texts)).as_py() is not False
            quick = quick and (pc.max(pc.binary_length(texts)).as_py() or 0) <= len(str(LARGEST))
            values = pc.cast(texts, pa.int64()) if quick else self._parsed(texts, cells, faults)
        low = SMALLEST if self.minimum is None else max(self.minimum, SMALLEST)
        high = LARGEST if self.maximum is None else min(self.maximum, LARGEST)
        return _within(values, cells, faults, low=low, high=high)

    def to_cell(self, values: pa.Int64Array) -> pa.StringArray:
        """Return the digits."""
        return as_text(values)

    def _parsed(self, texts: pa.StringArray, cells: pa.Array, faults: Faults) -> pa.Int64Array:
        # A fraction of zeros counts as whole only where somebody said which mark begins a fraction.
        tidy = pc.replace_substring(pc.utf8_trim_whitespace(texts), "\u2212", "-")
        pattern = self.marks.pattern if self.marks.is_said else "^[+-]?[0-9]+$"
        good = pc.match_substring_regex(tidy, pattern)
        if _is_typed(cells):
            good = pc.match_substring_regex(tidy, "^-?[0-9]+$")
        else:
            for mark in SPACES if self.marks.thousands == " " else self.marks.thousands:
                tidy = pc.replace_substring(tidy, mark, "")
            tidy = pc.replace_substring_regex(tidy, rf"{re.escape(self.marks.decimal)}0+$", "")
            good = pc.and_(good, pc.match_substring_regex(tidy, "^[+-]?[0-9]+$"))
        said = Marks(self.marks.decimal, self.marks.thousands, is_said=True)
        number = pc.match_substring_regex(texts, PLAIN if _is_typed(cells) else said.pattern)
        faults.mark(pc.and_(pc.invert(good), number), texts, code="not_an_integer")
        faults.mark(
            pc.and_(pc.invert(good), pc.invert(number)),
            texts,
            code="not_a_number",
            facts=lambda text: number_advice(text, self.marks),
        )
        tidy = without(tidy, pc.fill_null(pc.invert(good), fill_value=False))
        fits = pc.fill_null(pc.less_equal(pc.binary_length(tidy), 15), fill_value=True)
        faults.mark(pc.invert(fits), texts, code="number_out_of_range", facts=_range(SMALLEST, LARGEST))
        return pc.cast(pc.utf8_ltrim(without(tidy, pc.invert(fits)), "+"), pa.int64())


def _is_typed(cells: pa.Array) -> bool:
    return any(
        is_kind(cells.type) for is_kind in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    )


def number_advice(text: str, marks: Marks) -> Mapping[str, str]:
    """Return `hint` and `proposal` for the message about a text that is no number."""
    bare = text.strip()
    unit = re.fullmatch(r"([+-]?[0-9][0-9.,' \u00a0\u202f]*?)\s*([^\d\s.,][^\d]*)", bare)
    if unit:
        number = _guessed(unit[1])
        example = f"Write {number}, or a" if number else "A"
        return {"hint": "", "proposal": f'{example}dd "measure: {{}}" to the field.'}
    rule = _rule(bare)
    if rule is None or not bare:
        return {"hint": "", "proposal": "Correct the cell."}
    said = "with the rule given" if marks.is_said else "without a rule"
    return {
        "hint": f" {said}",
        "proposal": f"If it is written so on purpose, set number: {rule} in source or field.",
    }


def _rule(text: str) -> str | None:
    shapes = (
        (r"[+-]?\d{1,3}(\.\d{3})+,\d+", '{decimal: ",", thousands: "."}'),
        (r"[+-]?\d{1,3}(,\d{3})+\.\d+", '{decimal: ".", thousands: ","}'),
        (r"[+-]?\d{1,3}([ \u00a0\u202f]\d{3})+(,\d+)?", '{decimal: ",", thousands: " "}'),
        (r"[+-]?\d{1,3}('\d{3})+(\.\d+)?", '{decimal: ".", thousands: "\'"}'),
        (r"[+-]?\d{1,3}(\.\d{3})+", '{decimal: ",", thousands: "."}'),
        (r"[+-]?\d+,\d+", '{decimal: ","}'),
        (r"[+-]?\d+\.\d+", '{decimal: "."}'),
        (r"[+-]?\d{1,3}(,\d{3}){2,}", '{decimal: ".", thousands: ","}'),
    )
    return next((rule for shape, rule in shapes if re.fullmatch(shape, text)), None)


def _guessed(text: str) -> str | None:
    # Only for the example in a message; nothing guessed here is ever sent.
    if re.fullmatch(r"[+-]?\d+([.,]\d{1,2})?", text.strip()):
        return text.strip().replace(",", ".")
    return None


def _at_once(texts: pa.StringArray) -> pa.DoubleArray | None:
    try:
        values = pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        return None
    # Arrow reads "nan" and "inf" too, which are no numbers to a catalogue.
    return values if pc.all(pc.is_finite(values)).as_py() is not False else None


def _as_said(texts: pa.StringArray, decimal: str) -> pa.DoubleArray | None:
    """Return numbers that are written with digits and the decimal mark alone; None: some look otherwise."""
    letters, mark = letters_of(texts).tobytes(), decimal.encode()
    if len(mark) > 1 or letters.translate(None, b"-0123456789" + mark) or _hangs(texts, letters, mark):
        return None
    return _at_once(texts if mark == b"." else relettered(texts, letters.replace(mark, b".")))


def _hangs(texts: pa.StringArray, letters: bytes, mark: bytes) -> bool:
    """Tell whether a mark lacks a digit before or behind it: Arrow reads that, `Marks.pattern` does not."""
    bounds, data = bounds_of(texts), np.frombuffer(letters, np.uint8)
    is_filled = bounds[1:] > bounds[:-1]
    ends = data[bounds[:-1][is_filled]], data[bounds[1:][is_filled] - 1]
    return b"-" + mark in letters or any((one == ord(mark)).any() for one in ends)


def _within(
    values: pa.Array, cells: pa.Array, faults: Faults, *, low: float | None, high: float | None
) -> pa.Array:
    outside = pc.invert(pc.is_finite(values))
    if low is not None:
        outside = pc.or_(outside, pc.less(values, low))
    if high is not None:
        outside = pc.or_(outside, pc.greater(values, high))
    if not pc.any(outside).as_py():
        return values
    faults.mark(outside, cells, code="number_out_of_range", facts=_range(low, high))
    return without(values, pc.fill_null(outside, fill_value=False))


def _range(low: float | None, high: float | None) -> Mapping[str, str]:
    ends = [f"{end:g}" if abs(end) < PLAIN_BELOW else f"{end:.0f}" for end in (low, high) if end is not None]
    if not ends:
        return {"range": "what numbers can be"}
    if low is None or high is None:
        return {"range": f"{'at most' if low is None else 'at least'} {ends[0]}"}
    return {"range": f"{ends[0]} to {ends[1]}"}
