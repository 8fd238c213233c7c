"""What an instance lacks for a feed, as small tables with mappings of their own, to be imported first."""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.attributes import find_attribute, parse_address
from etl.mapping.columns import Columns
from etl.mapping.convert.cells import as_text
from etl.mapping.convert.converters import LINKS
from etl.mapping.convert.link_texts import PART_MARK
from etl.mapping.document import AttributeDoc
from etl.mapping.evidence import evidence_of
from etl.mapping.writing import quoted
from etl.model import Missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from etl.mapping.attributes import AttributeFacts
    from etl.mapping.loading import Mapping as MappingFile
    from etl.mapping.rules import Rules
    from etl.model import Frame, LinkTarget
    from etl.schema import EntitySchema, Schema

LONG = 255
"""Characters of a varchar; longer texts want an attribute of type text."""
WHOLE_DIGITS = 9
SAMPLE = 2_000
"""Cells of an attribute that are looked at for its type."""
OWNERS = frozenset({"ownerUser", "assignedUser"})


@dataclass(frozen=True, slots=True)
class Lack:
    """Records of one entity that a feed needs and the instance does not have."""

    entity: str
    name: str
    """Of the files: `attributes`, `units`, `brands`."""
    why: str
    """Which fields need them."""
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    mapping: str = field(repr=False)
    """The YAML that imports the table, which lies beside it."""

    def table(self) -> str:
        """Return the table as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows(self.rows)
        return text.getvalue()


@dataclass(slots=True)
class Needs:
    """What the rows of a source name: texts of links, and cells of attributes."""

    links: dict[str, tuple[LinkTarget, dict[str, None]]] = field(default_factory=dict)
    """By where they are looked up; texts in the order of their first row."""
    fields: dict[str, list[str]] = field(default_factory=dict)
    """By the same: the fields that need them."""
    attributes: dict[str, list[str]] = field(default_factory=dict)
    """Name of an attribute -> some of its cells."""
    languages: set[str] = field(default_factory=set)
    """Names of attributes that come in several languages."""


def of_what_is_there(rules: Rules, facts: Sequence[AttributeFacts]) -> MappingFile:
    """Return the mapping with those attributes alone that the instance has, to be bound to them."""
    doc = rules.mapping.doc
    caught = {one.name: one.doc for one in rules.bound.caught if isinstance(one.doc, AttributeDoc)}
    there = {
        address: one
        for address, one in {**caught, **doc.attributes}.items()
        if all(_is_there(facts, name) for name in (one.as_.values() if one.names else (address,)))
    }
    patterns = tuple(one for one in doc.patterns if one.attribute is None)
    left = doc.model_copy(update={"attributes": there, "patterns": patterns})
    return dataclasses.replace(rules.mapping, doc=left)


def _is_there(facts: Sequence[AttributeFacts], address: str) -> bool:
    parts = parse_address(address)
    return parts is not None and find_attribute(facts, parts["name"], parts["channel"] or "") is not None


def needs_of(rules: Rules, frames: Iterable[Frame], *, known: Rules | None = None) -> Needs:
    """Return what the rows name; reads all of them. The rules know no attributes: every address counts.

    Args:
        known: the rules of attributes that the instance has; of a list they tell which options are named.
    """
    needs = Needs()
    for frame in rules.whole_records(frames):
        payloads = rules.translate(frame)
        links = [*payloads.links, *(one for relation in payloads.relations for one in relation.links)]
        for link in links:
            _add_link(needs, link.target, link.texts)
        for one in (known.translate(frame) if known is not None else payloads).attributes:
            if one.link is not None:
                _add_link(needs, one.link, one.values)
        _add_attributes(needs, rules, frame)
    return needs


def lacking(
    rules: Rules,
    needs: Needs,
    schema: Schema,
    *,
    facts: Sequence[AttributeFacts] | None = None,
    known: Mapping[str, Collection[str]] | None = None,
    panel: str = "",
    taken: Collection[str] = (),
) -> list[Lack]:
    """Return what has to be made before this feed is imported.

    Args:
        facts: all attributes of the instance; None: not known, so all that are named are proposed.
        known: by the keys of `needs.links`, the texts that were found on the server; None: not asked.
        panel: code of the panel that new attributes stand on; empty: a person fills it in.
        taken: names that other tables have.
    """
    found: list[Lack] = []
    attributes = {
        name: cells
        for name, cells in needs.attributes.items()
        if facts is None or find_attribute(facts, name) is None
    }
    if attributes and "Attribute" in schema.entities:
        attribute = schema.entities["Attribute"]
        name = _free("attributes", taken)
        owner = rules.entity.name
        found.append(_attributes(name, owner, attributes, needs.languages, entity=attribute, panel=panel))
    for place, (target, texts) in needs.links.items():
        entity = schema.entities.get(target.entity)
        left = [text for text in texts if known is None or text not in known.get(place, ())]
        if left and entity is not None:
            name = entity.name[0].lower() + entity.name[1:] + "s"
            name = _free(name, [*taken, *(one.name for one in found)])
            found.append(_records(name, target, left, entity=entity, why=", ".join(needs.fields[place])))
    return found


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name for files; of two tables of one entity, such as options of two lists, one gets `-2`."""
    numbered = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 2)))
    return next(one for one in numbered if one not in taken)


def _add_link(needs: Needs, target: LinkTarget, texts: pa.Array) -> None:
    if target.missing is Missing.CREATE or target.by == "id" or target.path or target.place != "server":
        return
    values = texts.flatten() if pa.types.is_list(texts.type) else texts
    within = "".join(f" {key}={value}" for key, value in target.within.items())
    place = f"{target.entity}.{target.by}{within}"
    _, known = needs.links.setdefault(place, (target, {}))
    known.update(dict.fromkeys(values.drop_null().unique().to_pylist()))
    fields = needs.fields.setdefault(place, [])
    if target.field not in fields:
        fields.append(target.field)


def _add_attributes(needs: Needs, rules: Rules, frame: Frame) -> None:
    columns = Columns(frame, rules.bound.layout)
    for one in rules.bound.attributes:
        if one.part == "value" and one.rule.field.kind not in LINKS and one.rule.origin.columns:
            _sample(needs, one.target.name, columns.cells(one.rule.origin.columns[0]))
            if one.target.language:
                needs.languages.add(one.target.name)
    for pair in rules.bound.pairs:
        for names, _ in pair.pairs:
            for name in as_text(columns.cells(names)).drop_null().unique().to_pylist():
                parts = parse_address(pair.doc.as_.get(name, name))
                _sample(needs, parts["name"] if parts else name, _named(columns, pair.pairs, name))


def _named(columns: Columns, pairs: tuple[tuple[str, str], ...], name: str) -> pa.Array:
    found = []
    for names, values in pairs:
        is_named = pc.fill_null(pc.equal(as_text(columns.cells(names)), name), fill_value=False)
        found.append(as_text(columns.cells(values)).filter(is_named))
    return pa.concat_arrays(found)


def _sample(needs: Needs, name: str, cells: pa.Array) -> None:
    kept = needs.attributes.setdefault(name, [])
    if len(kept) < SAMPLE:
        kept += as_text(cells).drop_null().to_pylist()[: SAMPLE - len(kept)]


def _attributes(
    name: str,
    owner: str,
    cells: Mapping[str, list[str]],
    languages: set[str],
    *,
    entity: EntitySchema,
    panel: str,
) -> Lack:
    lines = [
        "# Attributes that the feed names and the instance does not have. Look at their types first.",
        "entity: Attribute",
        "key: code|systemName",
        f"source: {{file: {name}.csv}}",
        "fields:",
        "  code|systemName: Code",
        "  name: Name",
        "  type: Type",
    ]
    if "isMultilang" in entity.fields:
        lines.append("  isMultilang: Multilingual")
    if "entity" in entity.fields:
        lines.append(f"  entity: {{constant: {quoted(owner)}, link: {{by: id}}}}")
    if "attributePanel" in entity.fields:
        lines.append("  attributePanel: {column: Panel, link: {by: code}}")
    rows = tuple(
        (code, code, attribute_type(values), "true" if code in languages else "false", panel)
        for code, values in cells.items()
    )
    header = ("Code", "Name", "Type", "Multilingual", "Panel")
    return Lack("Attribute", name, "attributes", header, rows, "\n".join(lines) + "\n")


def attribute_type(cells: Sequence[str]) -> str:
    """Return the type of attribute that holds such cells: bool, int, float, date, text, varchar."""
    seen = evidence_of(pa.array(cells, pa.string()))
    if not seen.count:
        return "varchar"
    if seen.truths() is not None and not pc.all(pc.ascii_is_decimal(seen.texts)).as_py():
        return "bool"
    if seen.date_format() is not None:
        return "date"
    if seen.marks() is not None:
        is_whole = pc.all(
            pc.match_substring_regex(seen.texts, rf"^-?(0|[1-9][0-9]{{0,{WHOLE_DIGITS - 1}}})$")
        )
        has_zeros = pc.any(pc.match_substring_regex(seen.texts, "^0[0-9]")).as_py()
        return "varchar" if has_zeros else "int" if is_whole.as_py() else "float"
    return "text" if (pc.max(pc.utf8_length(seen.texts)).as_py() or 0) > LONG else "varchar"


def _records(name: str, target: LinkTarget, texts: Sequence[str], *, entity: EntitySchema, why: str) -> Lack:
    further = [
        one.name
        for one in entity.fields.values()
        if one.is_required
        and not one.has_default
        and not one.is_read_only
        and one.name not in (target.by, *target.also_by, *OWNERS)
    ]
    given, lines = [], [f"# What {why} of the feed links to and the instance does not have."]
    keys = (target.by, *target.also_by)
    key = keys[0] if len(keys) == 1 else "[" + ", ".join(keys) + "]"
    lines += [f"entity: {entity.name}", f"key: {key}", f"source: {{file: {name}.csv}}", "fields:"]
    lines += [f"  {one}: {one}" for one in keys]
    for key_of, value in target.within.items():
        link = entity.by_payload_key(key_of)
        if link is not None:
            lines.append(f"  {link.name}: {{constant: {quoted(value)}, link: {{by: id}}}}")
            given.append(link.name)
    if "name" in entity.fields and "name" not in keys and "name" not in further:
        further.append("name")
    further = [one for one in further if one not in given]
    for one in further:
        link_by = ", link: {by: name}" if entity.fields[one].kind in LINKS else ""
        lines.append(f"  {one}: {{column: {one}{link_by}}}" if link_by else f"  {one}: {one}")
    rows = []
    for text in texts:
        parts = text.split(PART_MARK)
        rows.append((*parts, *(parts[0] if one == "name" else "" for one in further)))
    return Lack(entity.name, name, why, (*keys, *further), tuple(rows), "\n".join(lines) + "\n")
