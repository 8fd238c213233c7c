"""What `--columns` says: addresses of what is exported, and what each column is called.

number                      a field
name@de_DE                  in another language
brand.name                  a field of the linked record; brand alone is its name
categories.parents.code     two links far
price.unit  price[unit]     the unit beside a number; number and unit in one cell
colour  colour#shop         an attribute, by code, name or id; for a channel
attributes.*                all attributes of the entity, sorted by code
count(categories)           how many are linked
download(mainImage)         where the file is fetched from, by those who are signed in
shared(files)               where the file is fetched from by everybody, where it is shared
_meta.permissions.edit      whether we may edit the record; also delete, unlink
_meta.options.colour.code   of the option that a list field holds: any of its fields
='shop'                     the same text in every row
{{ row.number ~ '-x' }}     an expression over the other columns, by their headers
number as "Art. No."        under another header
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from etl.api.filters.grammar import Path
from etl.api.filters.tokens import Place, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Form: TypeAlias = Literal[
    "value", "with_unit", "count", "download", "shared", "meta", "constant", "expr", "all_attributes"
]

_PART = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\{\{.*?\}\}|[^,'"{\n]|\{""", re.DOTALL)
_HEADER = re.compile(r"""^(?P<what>.*?)\s+as\s+(?P<name>"[^"]+"|'[^']+'|\S+)$""", re.DOTALL)
_CALL = re.compile(r"(?P<form>count|download|shared)\(\s*(?P<path>[^)]+?)\s*\)", re.IGNORECASE)
_NAME = r"(?:`[^`]+`|[^\s.@#`'\"\[\](),=]+)"
_PATH = re.compile(
    rf"(?P<steps>{_NAME}(?:\.{_NAME})*)(?:@(?P<language>\w+))?(?:\#(?P<channel>[\w-]+))?(?P<unit>\[unit\])?"
)


@dataclass(frozen=True, slots=True)
class Address:
    """One column as it was asked for."""

    form: Form
    text: str
    """As written, without the header."""
    header: str
    """What the column is called; empty: nobody said."""
    path: Path | None = None
    """None: a constant or an expression."""
    content: str = ""
    """Of a constant its text, of an expression the expression."""


def read_addresses(text: str, *, where: str = "--columns") -> tuple[Address, ...]:
    """Return the addresses in a text, in their order; they are parted by commas or line ends.

    Lines that begin with `#` are remarks, as a file of `--columns-from` may have them.

    Raises:
        FilterInvalid: one of them is no address; points at it.
    """
    source = Source(text, where)
    found = tuple(_address(source, part, offset) for part, offset in _parts(text))
    if not found:
        raise source.wrong(Place(0, 1), what="no column is named.", advice="Write for example number,name.")
    return found


def _parts(text: str) -> Iterator[tuple[str, int]]:
    at = 0
    while at < len(text):
        if text[at] in ",\n":
            at += 1
            continue
        if text[at] == "#" and (at == 0 or text[at - 1] == "\n"):
            at = end if (end := text.find("\n", at)) >= 0 else len(text)
            continue
        begin = at
        while at < len(text) and (found := _PART.match(text, at)):
            at = found.end()
        if at == begin:
            at += 1  # a quote that is never closed: `_address` says so
        part = text[begin:at]
        if part.strip():
            yield part.strip(), begin + len(part) - len(part.lstrip())


def _address(source: Source, text: str, offset: int) -> Address:
    named = _HEADER.match(text)
    what, header = (named["what"], _unquoted(named["name"])) if named else (text, "")
    place = Place(offset, len(what))
    if what.startswith("{{") and what.endswith("}}"):
        return Address("expr", what, header, content=what[2:-2].strip())
    if what.startswith("="):
        return Address("constant", what, header, content=_unquoted(what[1:].strip()))
    if called := _CALL.fullmatch(what):
        form: Form = called["form"].lower()  # type: ignore[assignment]  # one of the three
        return Address(form, what, header, _path(source, called["path"], place))
    if what.startswith("_meta."):
        return Address("meta", what, header, _path(source, what, place))
    if what.startswith("attributes.*"):
        rest = _path(source, what.replace("*", "all"), place)
        return Address("all_attributes", what, header, rest)
    path = _path(source, what, place)
    return Address("with_unit" if what.endswith("[unit]") else "value", what, header, path)


def _path(source: Source, text: str, place: Place) -> Path:
    found = _PATH.fullmatch(text.strip())
    if found is None:
        raise source.wrong(
            place,
            what=f'"{text}" names no column.',
            advice="Write for example name, name@de_DE or brand.name.",
        )
    return Path(_steps(found["steps"]), place, found["language"] or "", found["channel"] or "")


def _steps(text: str) -> tuple[str, ...]:
    return tuple(one.strip("`") for one in re.findall(_NAME, text))


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1].replace(text[0] * 2, text[0])
    return text


def to_texts(addresses: Sequence[Address]) -> str:
    """Return addresses as `--columns` takes them."""
    return ",".join(one.text for one in addresses)
