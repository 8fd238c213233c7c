"""Values as YAML that reads back as the same values."""

from __future__ import annotations

import json
import re

from etl.mapping.convert.numbers import Marks
from etl.mapping.positions import FRACTION, WHOLE, WORDS

PLAIN_TEXT = re.compile(r"[^\W\d_][\w .()/+-]*[\w)]|[^\W\d_]")


def quoted(text: str) -> str:
    """Return a text as a YAML scalar, in quotes where it needs them, also inside braces."""
    needs = text in WORDS or WHOLE.fullmatch(text) or FRACTION.fullmatch(text)
    if PLAIN_TEXT.fullmatch(text) and not needs and ": " not in text and " #" not in text:
        return text
    # JSON's quoting is YAML's.
    return json.dumps(text, ensure_ascii=False)


def written_number(marks: object) -> str:
    """Return how numbers are written as a rule of a mapping; empty where none is needed."""
    if not isinstance(marks, Marks) or not marks.is_said:
        return ""
    thousands = f", thousands: {json.dumps(marks.thousands)}" if marks.thousands else ""
    return f"{{decimal: {json.dumps(marks.decimal)}{thousands}}}"
