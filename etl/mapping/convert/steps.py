"""What is done to the text of a cell, and undone on the way back: each conversion in both directions."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.markdown import markdown_to_html, markdown_to_text
from etl.mapping.convert.markup import paragraphs, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.mapping.convert.faults import Faults
    from etl.mapping.document import Conversions, Origin
    from etl.mapping.parts import ReplaceDoc


class Step(Protocol):
    """One conversion of text."""

    name: ClassVar[str]
    """Its key in a mapping."""
    is_invertible: ClassVar[bool]
    """Whether `undo` gives a cell that `apply` makes the same value of."""

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:
        """Return the texts; null stays null."""

    def undo(self, cells: pa.StringArray) -> pa.StringArray:
        """Return cells that `apply` makes these texts of; the texts themselves where there is no way back."""


@dataclass(frozen=True, slots=True)
class _Plain:
    name: ClassVar[str] = ""
    is_invertible: ClassVar[bool] = True

    def undo(self, cells: pa.StringArray) -> pa.StringArray:
        return cells


@dataclass(frozen=True, slots=True)
class Trim(_Plain):
    """Take spaces off both ends."""

    name: ClassVar[str] = "trim"

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return the texts without them."""
        return pc.utf8_trim_whitespace(cells)


@dataclass(frozen=True, slots=True)
class Extract(_Plain):
    """Take what a regular expression finds."""

    name: ClassVar[str] = "extract"
    is_invertible: ClassVar[bool] = False
    pattern: re.Pattern[str]

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:
        """Return the first group or the whole match; a cell without one is a fault."""
        texts = _each(cells, self._found)
        lost = pc.and_(cells.is_valid(), texts.is_null())
        faults.mark(lost, cells, code="not_found_in", facts={"pattern": self.pattern.pattern})
        return texts

    def _found(self, text: str) -> str | None:
        found = self.pattern.search(text)
        if found is None:
            return None
        return found[1] if self.pattern.groups else found[0]


@dataclass(frozen=True, slots=True)
class Replace(_Plain):
    """Put other texts in the place of texts, one after the other."""

    name: ClassVar[str] = "replace"
    is_invertible: ClassVar[bool] = False
    texts: Mapping[str, str]

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return the texts with all occurrences replaced."""
        for old, new in self.texts.items():
            cells = pc.replace_substring(cells, old, new)
        return cells


@dataclass(frozen=True, slots=True)
class ReplacePattern(_Plain):
    """Put another text in the place of what a regular expression finds."""

    name: ClassVar[str] = "replace"
    is_invertible: ClassVar[bool] = False
    pattern: re.Pattern[str]
    new: str

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return the texts with all matches replaced."""
        return _each(cells, lambda text: self.pattern.sub(self.new, text))


@dataclass(frozen=True, slots=True)
class StripPrefix(_Plain):
    """Take a beginning off."""

    name: ClassVar[str] = "strip_prefix"
    text: str

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return the texts without it, where they begin with it."""
        return pc.if_else(
            pc.starts_with(cells, self.text), pc.utf8_slice_codeunits(cells, len(self.text)), cells
        )

    def undo(self, cells: pa.StringArray) -> pa.StringArray:
        """Return the texts with it."""
        return pc.binary_join_element_wise(self.text, cells, "")


@dataclass(frozen=True, slots=True)
class StripSuffix(_Plain):
    """Take an end off."""

    name: ClassVar[str] = "strip_suffix"
    text: str

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return the texts without it, where they end with it."""
        return pc.if_else(
            pc.ends_with(cells, self.text), pc.utf8_slice_codeunits(cells, 0, -len(self.text)), cells
        )

    def undo(self, cells: pa.StringArray) -> pa.StringArray:
        """Return the texts with it."""
        return pc.binary_join_element_wise(cells, self.text, "")


@dataclass(frozen=True, slots=True)
class Case(_Plain):
    """Change the case of letters."""

    name: ClassVar[str] = "case"
    is_invertible: ClassVar[bool] = False
    to: str

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return the texts in lower, upper or title case."""
        return {"lower": pc.utf8_lower, "upper": pc.utf8_upper, "title": pc.utf8_title}[self.to](cells)


@dataclass(frozen=True, slots=True)
class Html(_Plain):
    """HTML to plain text, or the other way."""

    name: ClassVar[str] = "html"
    is_invertible: ClassVar[bool] = False
    to: str

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return text without tags, or paragraphs."""
        return _each(cells, plain if self.to == "to_text" else paragraphs)

    def undo(self, cells: pa.StringArray) -> pa.StringArray:
        """Return the other form: close to what was there, not always the same."""
        return _each(cells, paragraphs if self.to == "to_text" else plain)


@dataclass(frozen=True, slots=True)
class Markdown(_Plain):
    """Markdown to HTML, or to plain text."""

    name: ClassVar[str] = "markdown"
    is_invertible: ClassVar[bool] = False
    to: str

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return HTML, or text without marks."""
        return _each(cells, markdown_to_html if self.to == "to_html" else markdown_to_text)


@dataclass(frozen=True, slots=True)
class Slug(_Plain):
    """Lower-case letters, digits and hyphens."""

    name: ClassVar[str] = "slug"
    is_invertible: ClassVar[bool] = False

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return the slugs; a text without letters and digits has none and counts as empty."""
        return _each(cells, slug)


@dataclass(frozen=True, slots=True)
class Pad(_Plain):
    """Fill short texts up."""

    name: ClassVar[str] = "pad"
    to: int
    character: str
    side: str

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return texts of at least so many characters; on the way back they stay so and read the same."""
        pad = pc.utf8_lpad if self.side == "left" else pc.utf8_rpad
        return pad(cells, self.to, self.character)


@dataclass(frozen=True, slots=True)
class Prefix(_Plain):
    """Put a text before."""

    name: ClassVar[str] = "prefix"
    text: str

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return the texts behind it."""
        return pc.binary_join_element_wise(self.text, cells, "")

    def undo(self, cells: pa.StringArray) -> pa.StringArray:
        """Return the texts without it."""
        return pc.if_else(
            pc.starts_with(cells, self.text), pc.utf8_slice_codeunits(cells, len(self.text)), cells
        )


@dataclass(frozen=True, slots=True)
class Suffix(_Plain):
    """Put a text behind."""

    name: ClassVar[str] = "suffix"
    text: str

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:  # noqa: ARG002  steps share one shape
        """Return the texts before it."""
        return pc.binary_join_element_wise(cells, self.text, "")

    def undo(self, cells: pa.StringArray) -> pa.StringArray:
        """Return the texts without it."""
        return pc.if_else(
            pc.ends_with(cells, self.text), pc.utf8_slice_codeunits(cells, 0, -len(self.text)), cells
        )


def steps_of(doc: Origin) -> tuple[Step, ...]:
    """Return the conversions of a part of a mapping, in their order.

    Raises:
        re.error: a regular expression cannot be read; `check` tells where before.
    """
    found = _in_order(doc)
    for one in doc.steps or ():
        found += _in_order(one)
    return tuple(found)


def _in_order(doc: Conversions) -> list[Step]:
    """The order of the fields of `Conversions` is the order in which they are applied."""
    made: dict[str, Callable[[], Step]] = {
        "trim": Trim,
        "extract": lambda: Extract(re.compile(doc.extract or "")),
        "replace": lambda: _replace(doc.replace),
        "strip_prefix": lambda: StripPrefix(doc.strip_prefix or ""),
        "strip_suffix": lambda: StripSuffix(doc.strip_suffix or ""),
        "case": lambda: Case(doc.case or ""),
        "html": lambda: Html(doc.html or ""),
        "markdown": lambda: Markdown(doc.markdown or ""),
        "slug": Slug,
        "pad": lambda: Pad(doc.pad.to, doc.pad.with_, doc.pad.side) if doc.pad else Trim(),
        "prefix": lambda: Prefix(doc.prefix or ""),
        "suffix": lambda: Suffix(doc.suffix or ""),
    }
    return [make() for name, make in made.items() if getattr(doc, name) not in (None, False)]


def _replace(doc: ReplaceDoc | None) -> Step:
    if doc is not None and doc.pattern is not None:
        return ReplacePattern(re.compile(doc.pattern), doc.with_)
    return Replace(doc.texts if doc else {})


def slug(text: str) -> str | None:
    """Return `Größe 5 "XL"` as `groesse-5-xl`; None where nothing is left."""
    for letter, plain_letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(letter, plain_letters).replace(letter.upper(), plain_letters.title())
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", bare).strip("-") or None


def _each(cells: pa.StringArray, change: Callable[[str], str | None]) -> pa.StringArray:
    # Each text once: columns of a catalogue repeat themselves.
    coded = cells.dictionary_encode()
    changed = pa.array([change(text) for text in coded.dictionary.to_pylist()], pa.string())
    return changed.take(coded.indices)
