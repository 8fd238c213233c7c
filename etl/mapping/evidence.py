"""What the cells of a column look like: for proposals only, an import never guesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text, is_empty
from etl.mapping.convert.checks import is_gtin
from etl.mapping.convert.dates import Days
from etl.mapping.convert.faults import Faults
from etl.mapping.convert.numbers import Decimals, Marks

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 0.9
"""Share of cells that must agree before a column counts as something: the rest are its bad cells."""
MARKS = (
    Marks(",", ".", is_said=True),
    Marks(".", ",", is_said=True),
    Marks(",", " ", is_said=True),
    Marks(".", "'", is_said=True),
)
FORMATS = ("DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY", "YYYY/MM/DD", "D.M.YYYY", "YYYYMMDD")
TRUTHS = {
    "ja": True, "nein": False, "yes": True, "no": False, "oui": True, "non": False, "si": True, "sì": True,
    "sí": True, "j": True, "n": False, "y": True, "x": True, "wahr": True, "falsch": False, "vrai": True,
    "faux": False, "aktiv": True, "inaktiv": False, "active": True, "inactive": False,
    "on": True, "off": False,
    "nee": False, "tak": True, "nie": False, "ano": True, "ne": False,
}  # fmt: skip
SPLITS = ("|", ";", ",")
PROSE = 0.5
"""Share of cells with ", " from which on commas belong to sentences."""
WORDS_OF_TRUTH = 3
"""Yes, no, and one stray."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What some cells of one column show."""

    texts: pa.StringArray
    """Those that are not empty, trimmed."""

    @property
    def count(self) -> int:
        """Cells that are not empty."""
        return len(self.texts)

    def share(self, mask: pa.BooleanArray) -> float:
        """Return the share of cells where `mask` is true; 0 without cells."""
        return (pc.sum(mask).as_py() or 0) / self.count if self.count else 0.0

    @property
    def is_unique(self) -> bool:
        """Whether no cell repeats another."""
        return self.count > 0 and len(self.texts.unique()) == self.count

    def marks(self) -> Marks | None:
        """Return how most cells write numbers; None where they are none. Plain numbers need no rule."""
        if self._numbers(Marks()) >= MOST:
            return Marks()
        shares = [(self._numbers(one), one) for one in MARKS]
        best, marks = max(shares, key=lambda pair: pair[0])
        return marks if best >= MOST else None

    def date_format(self) -> str | None:
        """Return the form in which most cells write dates; None where they are none."""
        for one in ("YYYY-MM-DD", *FORMATS):
            if self.count and self.share(Days((one,)).to_value(self.texts, Faults()).is_valid()) >= MOST:
                return one
        return None

    def truths(self) -> dict[str, bool] | None:
        """Return what each word of a column of yes and no means; None where it holds other words.

        An empty one: the words are those that need no explanation.
        """
        found = self.texts.unique().to_pylist()
        if not found or len(found) > WORDS_OF_TRUTH:
            return None
        if all(word.lower() in ("true", "false", "1", "0") for word in found):
            return {}
        known = {word: TRUTHS[word.lower()] for word in found if word.lower() in TRUTHS}
        return known if len(known) == len(found) else None

    def split_mark(self) -> str | None:
        """Return the mark between pieces, where some cells hold several."""
        is_prose = self.share(pc.match_substring(self.texts, ", ")) > PROSE
        for mark in SPLITS:
            if pc.any(pc.match_substring(self.texts, mark)).as_py() and not (mark == "," and is_prose):
                return mark
        return None

    def options(self, options: Sequence[str]) -> float:
        """Return the share of cells that are one of these."""
        return self.share(pc.is_in(self.texts, value_set=pa.array(list(options), pa.string())))

    def gtins(self) -> float:
        """Return the share of cells that are GTINs."""
        return self.share(is_gtin(self.texts)) if self.count else 0.0

    def looks_like_codes(self, mark: str | None) -> bool:
        """Whether most pieces are short, without spaces, and not written like names."""
        pieces = pc.split_pattern(self.texts, mark).flatten() if mark else self.texts
        shaped = pc.match_substring_regex(
            pc.utf8_trim_whitespace(pieces), r"^([a-z0-9]+([._-][a-z0-9]+)*|[A-Z0-9._-]+)$"
        )
        return (pc.sum(shaped).as_py() or 0) / len(pieces) >= MOST if len(pieces) else False

    def _numbers(self, marks: Marks) -> float:
        if not self.count:
            return 0.0
        return self.share(Decimals(marks).to_value(self.texts, Faults()).is_valid())


def evidence_of(cells: pa.Array) -> Evidence:
    """Return what these cells show."""
    texts = as_text(cells).filter(pc.invert(is_empty(cells)))
    return Evidence(pc.utf8_trim_whitespace(texts))
