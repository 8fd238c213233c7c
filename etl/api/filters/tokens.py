"""A filter's text as tokens, each with its place, so that every message can point at a character."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from etl.errors import FilterInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["path", "text", "number", "date", "sign", "mark", "end"]
Constant: TypeAlias = str | int | float | dt.date | dt.datetime

_NAME = r"(?:[^\W\d]\w*|`[^`\n]+`)"
_TOKENS = re.compile(
    rf"""(?P<space>\s+)
    |(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<date>\d{{4}}-\d\d-\d\d(?:[T\ ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?(?![\w-]))
    |(?P<number>[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<path>{_NAME}(?:\.(?:\w+|`[^`\n]+`))*(?:@\w+)?(?:\#[\w-]+)?)
    |(?P<sign><>|!=|==|<=|>=|=|<|>)
    |(?P<mark>[(),])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a filter's text."""

    offset: int
    """Characters before it, 0-based."""
    length: int


@dataclass(frozen=True, slots=True)
class Token:
    """One word, value or sign of a filter."""

    kind: Kind
    text: str
    """As written."""
    place: Place
    value: Constant | None = None
    """Of texts, numbers and dates: what they stand for."""

    def says(self, *words: str) -> bool:
        """Tell whether it is one of these words; the case of letters does not matter."""
        return self.kind == "path" and self.text.lower() in words


@dataclass(frozen=True, slots=True)
class Source:
    """A filter's text and where it was written, for messages."""

    text: str
    where: str = "--where"

    def wrong(self, place: Place, *, what: str, advice: str = "") -> FilterInvalid:
        """Return the error that points at `place`."""
        return FilterInvalid(
            self.where, text=self.text, offset=place.offset, length=place.length, what=what, advice=advice
        )


def tokens(source: Source) -> Iterator[Token]:
    """Yield the tokens of a filter in their order, then one of kind `end`.

    Raises:
        FilterInvalid: a character that begins nothing, a quote that is never closed, a day no calendar has.
    """
    at = 0
    while at < len(source.text):
        found = _TOKENS.match(source.text, at)
        if found is None:
            raise _unreadable(source, at)
        if found.lastgroup != "space":
            yield _token(source, found)
        at = found.end()
    yield Token("end", "", Place(len(source.text.rstrip()), 1))


def _token(source: Source, found: re.Match[str]) -> Token:
    text, place = found[0], Place(found.start(), len(found[0]))
    match found.lastgroup:
        case "text":
            return Token("text", text, place, text[1:-1].replace(text[0] * 2, text[0]))
        case "number":
            whole = re.fullmatch(r"[+-]?\d+", text)
            return Token("number", text, place, int(text) if whole else float(text))
        case "date":
            return Token("date", text, place, _date(source, text, place))
        case "path":
            return Token("path", text, place)
        case "sign":
            return Token("sign", text, place)
        case _:
            return Token("mark", text, place)


def _date(source: Source, text: str, place: Place) -> dt.date | dt.datetime:
    try:
        if len(text) == len("2026-11-01"):
            return dt.date.fromisoformat(text)
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise source.wrong(place, what=f'"{text}" is no date.', advice="Write one like 2026-11-01.") from None


def _unreadable(source: Source, at: int) -> FilterInvalid:
    letter = source.text[at]
    if letter in "'\"":
        return source.wrong(
            Place(at, len(source.text) - at),
            what="the quote that opens here is never closed.",
            advice="Close it; a quote that belongs to the text is written twice.",
        )
    if letter.isdigit() or letter in "+-.":
        word = re.split(r"[^\w.,+-]", source.text[at:])[0]
        return source.wrong(
            Place(at, len(word)),
            what=f'"{word}" is no number.',
            advice=f"Write numbers like 12.5, texts in quotes: '{word}'.",
        )
    if letter in "&|!":
        return source.wrong(
            Place(at, 1), what=f'"{letter}" means nothing here.', advice="Write and, or, not."
        )
    return source.wrong(
        Place(at, 1), what=f'"{letter}" means nothing here.', advice="Texts stand in quotes: 'like this'."
    )
