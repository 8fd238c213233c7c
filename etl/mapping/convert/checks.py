"""What a cell must fulfil. Nothing is changed by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text

if TYPE_CHECKING:
    from etl.mapping.convert.faults import Faults
    from etl.mapping.parts import CheckDoc

GTIN_DIGITS = 14


@dataclass(frozen=True, slots=True)
class Checks:
    """`check:` of a field."""

    doc: CheckDoc

    def look(self, values: pa.Array, faults: Faults) -> None:
        """Mark every value that does not fulfil it."""
        texts = as_text(values) if not pa.types.is_list(values.type) else as_text(values.flatten())
        if self.doc.gtin:
            wrong = pc.invert(is_gtin(texts))
            _mark(wrong, texts, faults, "is no GTIN: 8, 12, 13 or 14 digits with a right check digit")
        if self.doc.regex is not None:
            wrong = pc.invert(pc.match_substring_regex(texts, self.doc.regex))
            _mark(wrong, texts, faults, f"does not match {self.doc.regex}")
        if self.doc.one_of is not None:
            wrong = pc.invert(pc.is_in(texts, value_set=pa.array(self.doc.one_of, pa.string())))
            _mark(pc.and_(wrong, texts.is_valid()), texts, faults, f"is none of {', '.join(self.doc.one_of)}")
        if self.doc.length is not None:
            least, most = self.doc.length[0], self.doc.length[-1]
            count = pc.utf8_length(texts)
            said = f"{least}" if least == most else f"{least} to {most}"
            wrong = pc.or_(pc.less(count, least), pc.greater(count, most))
            _mark(wrong, texts, faults, f"does not have {said} characters")
        if self.doc.min is not None:
            _mark(pc.less(_number(values), self.doc.min), texts, faults, f"is less than {self.doc.min:g}")
        if self.doc.max is not None:
            _mark(pc.greater(_number(values), self.doc.max), texts, faults, f"is more than {self.doc.max:g}")


def _number(values: pa.Array) -> pa.Array:
    return values if not pa.types.is_string(values.type) else pa.nulls(len(values), pa.float64())


def _mark(wrong: pa.BooleanArray, texts: pa.StringArray, faults: Faults, reason: str) -> None:
    faults.mark(wrong, texts, code="check_failed", facts={"reason": reason})


def is_gtin(texts: pa.StringArray) -> pa.BooleanArray:
    """Tell which texts are GTINs of 8, 12, 13 or 14 digits with a right check digit; null stays null.

    Source: GS1 General Specifications, section 7.9.1.
    """
    shaped = pc.match_substring_regex(texts, "^([0-9]{8}|[0-9]{12,14})$")
    padded = pc.utf8_lpad(pc.if_else(shaped, texts, "0"), GTIN_DIGITS, "0")
    padded = pc.fill_null(padded, "0" * GTIN_DIGITS)
    digits = np.frombuffer("".join(padded.to_pylist()).encode(), np.uint8).reshape(-1, GTIN_DIGITS) - ord("0")
    weights = np.array([3, 1] * (GTIN_DIGITS // 2), np.int64)
    return pc.and_(shaped, pa.array(digits @ weights % 10 == 0, pa.bool_()))
