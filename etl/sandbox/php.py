"""How PHP turns JSON values into numbers and truth: the source of AtroCore's silent coercions.

Source: observed on 1.10 and 2.1 (bulk upserts of each type).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.metadata import JsonValue

_LEADING_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_LEADING_INT = re.compile(r"\s*[+-]?\d+")


def to_int(value: JsonValue) -> int:
    """Return PHP's intval: the leading digits of a text, the whole part of a float, 1 for a filled list."""
    if isinstance(value, str):
        number = _LEADING_NUMBER.match(value)
        return int(float(number.group())) if number else 0
    if isinstance(value, float):
        return int(value) if abs(value) < 2**63 else 0
    if isinstance(value, dict):
        return 1
    return int(bool(value)) if isinstance(value, list) else int(value or 0)


def to_float(value: JsonValue) -> float:
    """Return PHP's floatval."""
    if isinstance(value, str):
        number = _LEADING_NUMBER.match(value)
        return float(number.group()) if number else 0.0
    if isinstance(value, dict):
        return 1.0
    return float(bool(value)) if isinstance(value, list) else float(value or 0)


def to_bool(value: JsonValue) -> bool:
    """Say true for `true`, 1, "1" and "true" only, so "yes" and "True" are false."""
    return value is True or value in {"1", "true"} or (type(value) is int and value == 1)


def query_int(text: str) -> int:
    """Return what `(int)` makes of a query parameter."""
    number = _LEADING_INT.match(text)
    return int(number.group()) if number else 0


def is_truthy(value: JsonValue) -> bool:
    """Say what PHP's `if` says: "0" and "" are false, "false" is true."""
    return bool(value) and value != "0"


def to_text(value: bool | int | float | str) -> str:  # noqa: FBT001, PYI041  # the four JSON scalars
    """Return what PHP writes for a scalar: 1.0 as 1, true as 1, false as nothing."""
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
