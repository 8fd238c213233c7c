"""How alike texts are, by their trigrams, as PostgreSQL's extension pg_trgm counts.

Source: PostgreSQL, documentation of pg_trgm, functions `similarity` and `word_similarity`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.storage import SqlValue

_WORD = re.compile(r"\w+")


def trigrams(text: str) -> list[str]:
    """Return the trigrams of a text in their order: of each word, two blanks before it and one behind."""
    words = _WORD.findall(text.lower().replace("_", " "))
    return [f"  {word} "[at : at + 3] for word in words for at in range(len(word) + 1)]


def similarity(one: SqlValue, other: SqlValue) -> float | None:
    """Return the share of trigrams that both have, of 0 to 1; None where one is no text."""
    if not isinstance(one, str) or not isinstance(other, str):
        return None
    first, second = set(trigrams(one)), set(trigrams(other))
    return len(first & second) / len(first | second) if first | second else 0.0


def word_similarity(one: SqlValue, other: SqlValue) -> float | None:
    """Return how alike the first text is to the part of the second that is most like it."""
    if not isinstance(one, str) or not isinstance(other, str):
        return None
    wanted, found = set(trigrams(one)), trigrams(other)
    best = 0.0
    for begin in range(len(found)):
        common: set[str] = set()
        more: set[str] = set()
        for trigram in found[begin:]:
            (common if trigram in wanted else more).add(trigram)
            best = max(best, len(common) / (len(wanted) + len(more)))
    return best
