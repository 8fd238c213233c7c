"""Attributes: their addresses, what is known of them, and the rules that make their values."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from etl.mapping.findings import choices, finding
from etl.mapping.fitting import unfit
from etl.mapping.parts import UnitDoc
from etl.model import AttributeTarget
from etl.schema import FieldSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.mapping.compiling import Compiler
    from etl.mapping.document import AttributeDoc
    from etl.mapping.fields import FieldRule
    from etl.mapping.origins import Source
    from etl.mapping.parts import OnConflict
    from etl.mapping.positions import Path_
    from etl.schema import FieldKind

ADDRESS = re.compile(
    r"(?P<name>[^@#\[\]]+?)(\.(?P<end>from|to))?(@(?P<language>[^#\[\]]+))?(#(?P<channel>[^\[\]]+))?(\[(?P<unit>.+)\])?"
)
FLAT = re.compile("[A-Za-z][A-Za-z0-9_]*")
"""Codes that are names of flattened fields; others go by their id. Source: api-contract §6.2."""


@dataclass(frozen=True, slots=True)
class AttributeFacts:
    """One attribute of the instance."""

    attribute_id: str
    code: str
    """Empty: it has none."""
    name: str
    field: FieldSchema
    """What it holds; its name does not matter here."""
    channel: str = ""
    """Code of its channel; empty: for all."""
    languages: tuple[str, ...] = ()
    """Empty: it has one value for all languages."""


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """One value of one attribute, ready to be made of any frame."""

    target: AttributeTarget
    part: Literal["value", "from", "to", "unit"]
    rule: FieldRule
    on_conflict: OnConflict
    """What happens where somebody edited the value since it was last written."""


@dataclass(frozen=True, slots=True)
class PairRule:
    """Columns that hold names of attributes, and columns that hold their values."""

    name: str
    """The key of the entry."""
    pairs: tuple[tuple[str, str], ...]
    """Column of names, column of values."""
    doc: AttributeDoc
    path: Path_
    facts: Sequence[AttributeFacts] | None = None
    compiled: dict[tuple[str, tuple[str, ...]], list[AttributeRule]] = field(default_factory=dict)
    """Rules that were made before, by address and the names that lead to it."""


def parse_address(address: str) -> re.Match[str] | None:
    """Return the parts of `code@language#channel[unit]`; None where it is no address."""
    return ADDRESS.fullmatch(address.strip())


def find_attribute(facts: Sequence[AttributeFacts], name: str, channel: str = "") -> AttributeFacts | None:
    """Return the attribute of this code, id or name, in this order.

    Without a channel it is the one for all; a code or an id alone tells that for a channel too.
    """
    fitting = [one for one in facts if one.channel == channel]
    for by in ("code", "attribute_id", "name"):
        for one in fitting:
            if getattr(one, by) == name:
                return one
    exact = [one for one in facts if not channel and name in (one.code, one.attribute_id)]
    return exact[0] if exact else None


def compile_attribute(
    compiler: Compiler,
    address: str,
    doc: AttributeDoc,
    *,
    facts: Sequence[AttributeFacts] | None,
    path: Path_,
    origin: Source | None = None,
) -> list[AttributeRule]:
    """Return the rules of one attribute; what is wrong with it goes to the compiler's problems.

    Args:
        origin: where the cells come from; None: as `doc` says.
    """
    spot = compiler.mapping.key_spot(*path)
    parts = parse_address(address)
    if parts is None:
        compiler.problems.append(finding("address_invalid", spot, address=address))
        return []
    name, language, channel = parts["name"], parts["language"] or "", parts["channel"] or ""
    language = "" if language == compiler.mapping.document.main_language else language
    known = find_attribute(facts, name, channel) if facts is not None else None
    if facts is not None and known is None:
        names = [one.code or one.name for one in facts]
        entity = compiler.entity.name
        advice = choices(name, names, what="Attributes there")
        compiler.problems.append(
            finding("unknown_attribute", spot, attribute=name, entity=entity, choices=advice)
        )
        return []
    if known is not None and language and language not in known.languages:
        languages = ", ".join(known.languages) or "none"
        compiler.problems.append(
            finding("language_unknown", spot, attribute=name, language=language, languages=languages)
        )
        return []
    kept = _field(name, doc, known)
    base = known.code if known and FLAT.fullmatch(known.code) else known.attribute_id if known else name
    kept = dataclasses.replace(kept, name=f"{base}{camel(language)}")
    if parts["end"]:
        kind: FieldKind = "range_int" if kept.kind == "range_int" else "range_float"
        kept = dataclasses.replace(kept, name=f"{kept.name}{parts['end'].title()}", kind=kind)
    if parts["unit"] and doc.unit is None:
        doc = doc.model_copy(update={"unit": UnitDoc(constant=parts["unit"])})
    if known is not None:
        is_end = parts["end"] is not None
        problems = unfit(kept, doc, entity=compiler.entity, schema=compiler.schema, spot=spot, is_end=is_end)
        compiler.problems += problems
        if problems:
            return []
    rules = compiler.rules(address, doc, kept, path=path, origin=origin)
    ends: list[Literal["value", "from", "to", "unit"]] = ["from", "to"] if doc.range else ["value"]
    if parts["end"]:
        ends = ["from" if parts["end"] == "from" else "to"]
    made = []
    for position, rule in enumerate(rules):
        target = AttributeTarget(
            address,
            name,
            language=language,
            channel=channel,
            attribute_id=known.attribute_id if known else "",
            key=rule.key if known else "",
        )
        part = ends[position] if position < len(ends) else "unit"
        made.append(AttributeRule(target, part, rule, doc.on_conflict or compiler.mapping.doc.on_conflict))
    return made


def camel(language: str) -> str:
    """Return `de_DE` as `DeDe`: what a language adds to the name of a field. Source: api-contract §5.1."""
    return "".join(part.capitalize() for part in re.split("[_-]", language)) if language else ""


def _field(name: str, doc: AttributeDoc, known: AttributeFacts | None) -> FieldSchema:
    if known is not None:
        return known.field
    kind = doc.type or ("links" if doc.link and doc.split else "link" if doc.link else None)
    if kind is None:
        kind = "range_float" if doc.range else "float" if doc.measure or doc.unit or doc.number else None
    kind = kind or ("date" if doc.date else "array" if doc.split else "text")
    return FieldSchema(name, kind, kind)


def find_pairs(header: Sequence[str], names: str, values: str) -> list[tuple[str, str]]:
    """Return the columns that fit `Attribute {n} name` and `Attribute {n} value(s)` for the same `n`."""
    by_number: dict[tuple[str, ...], str] = {}
    shape, other = _shape(names), _shape(values)
    for column in header:
        if found := shape.fullmatch(column):
            by_number[found.groups()] = column
    return [
        (by_number[found.groups()], column)
        for column in header
        if (found := other.fullmatch(column)) and found.groups() in by_number
    ]


def _shape(text: str) -> re.Pattern[str]:
    pieces = re.split(r"\{[a-z_]+\}", text)
    return re.compile("(.+?)".join(re.escape(piece) for piece in pieces))
