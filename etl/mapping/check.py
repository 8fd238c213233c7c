"""Everything that is wrong with a mapping, told at once: in itself, against a header, against a schema."""

from __future__ import annotations

import re
from collections.abc import Mapping as Entries
from typing import TYPE_CHECKING

from etl.mapping.absence import check_absence
from etl.mapping.attributes import find_pairs
from etl.mapping.binding import Bound, bind_all, key_names, layout_of
from etl.mapping.blocks import check_blocks
from etl.mapping.convert.converters import LISTS
from etl.mapping.date_rules import check_dates
from etl.mapping.entities import unknown_entity
from etl.mapping.file_rules import check_files
from etl.mapping.findings import MappingProblem, did_you_mean, finding, in_order
from etl.mapping.fitting import find_field
from etl.mapping.patterns import caught_columns, unknown_braces
from etl.mapping.suspicions import suspicions
from etl.mapping.using import column_uses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.mapping.attributes import AttributeFacts
    from etl.mapping.fields import FieldRule
    from etl.mapping.filing import Folders
    from etl.mapping.loading import Mapping
    from etl.schema import Schema

OWNERS = frozenset({"ownerUser", "assignedUser"})
"""Required fields that the server fills in. Source: api-contract §11."""


def check(
    mapping: Mapping,
    *,
    header: tuple[str, ...] | None,
    schema: Schema | None,
    attributes: Sequence[AttributeFacts] | Entries[str, Sequence[AttributeFacts]] | None = None,
    generation: str | None = None,
    source: str = "",
) -> list[MappingProblem]:
    """Return every problem of the mapping and its blocks, by line; what is None is not checked against.

    Args:
        attributes: all attributes of the instance, or by entity.
        generation: such as `2.1`; tells what the server can take.
        source: what the header was read from, for messages; empty: what the mapping names.
    """
    problems = list(check_blocks(mapping))
    parts = mapping.parts()
    for part in parts:
        facts = attributes.get(part.entity) if isinstance(attributes, Entries) else attributes
        problems += bind_and_check(
            part, header=header, schema=schema, attributes=facts, generation=generation, source=source
        )[1]
    if header is not None:
        problems += _unused(parts, header)
    return in_order(problems)


def bind_and_check(
    mapping: Mapping,
    *,
    header: tuple[str, ...] | None,
    schema: Schema | None,
    attributes: Sequence[AttributeFacts] | None = None,
    generation: str | None = None,
    source: str = "",
    folders: Folders | None = None,
) -> tuple[Bound | None, list[MappingProblem]]:
    """Return one entity's rules beside its problems; None where there is no schema or no such entity."""
    problems = [*_keys(mapping), *check_dates(mapping), *check_files(mapping)]
    for position, pattern in enumerate(mapping.doc.patterns):
        for brace in sorted(unknown_braces(pattern)):
            spot = mapping.spot("patterns", position)
            problems.append(finding("unknown_brace", spot, header=pattern.header, brace=brace))
    if header is not None:
        problems += _columns(mapping, header, file=source or mapping.source.file or "the source")
    bound = None
    if schema is not None:
        entity = schema.entities.get(mapping.entity)
        if entity is None:
            problems.append(unknown_entity(mapping, schema))
        else:
            bound = bind_all(
                mapping, header=header, schema=schema, entity=entity, attributes=attributes, folders=folders
            )
            problems += bound.problems
            problems += _whole(mapping, bound)
            problems += _conflicts(mapping, bound)
            problems += check_absence(mapping, entity)
            problems += suspicions(mapping, bound, generation=generation)
            problems += _idle_patterns(mapping, bound, header)
    return bound, in_order(problems)


def _keys(mapping: Mapping) -> Iterator[MappingProblem]:
    if not mapping.key and mapping.write not in ("create", "none"):
        yield finding("key_missing", mapping.key_spot("write"))
    written = {one.strip() for name in mapping.fields for one in name.split("|")}
    written |= {one.field for one in mapping.doc.patterns if one.field}
    for position, names in enumerate(key_names(mapping)):
        if not written & set(names):
            spot = mapping.spot("key", position)
            yield finding("key_unmapped", spot, key=mapping.key[position])


def _conflicts(mapping: Mapping, bound: Bound) -> Iterator[MappingProblem]:
    # A policy that the language knows and nobody carries out is refused: nobody shall rely on it.
    joined = {one.name for one in bound.relations}
    rules = {one.name: one for one in bound.rules if one.link is not None}
    for name, doc in mapping.fields.items():
        rule, what = rules.get(name), ""
        if name in joined:
            what = "relation records"
        elif rule is not None and rule.link_form is not None and rule.link_form.is_object:
            what = "linked objects"
        elif rule is not None and rule.link is not None and rule.link.is_multiple and not rule.link.replaces:
            what = "links that are added to others"
        if what and doc.on_conflict is not None:
            yield finding("conflict_of_links", mapping.spot("fields", name, "on_conflict"), what=what)
        for inner, one in doc.with_.items():
            if one.on_conflict is not None:
                spot = mapping.spot("fields", name, "with", inner, "on_conflict")
                yield finding("conflict_of_links", spot, what="relation records")


def _columns(mapping: Mapping, header: Sequence[str], *, file: str) -> Iterator[MappingProblem]:
    # Of our own columns only the id that exports write is data.
    here = [name for name in header if not name.startswith("_") or name == "_id"]
    layout = layout_of(mapping, header)
    for name, path in column_uses(mapping):
        column = layout.header(name)
        if column is None:
            continue
        if column not in here:
            known = [*here, *mapping.document.columns]
            yield finding(
                "unknown_column",
                mapping.spot(*path),
                column=column,
                file=file,
                columns=", ".join(here),
                close=did_you_mean(column, known),
            )
        elif (count := here.count(column)) > 1:
            yield finding("column_twice", mapping.spot(*path), column=column, count=count, file=file)


def _unused(parts: Sequence[Mapping], header: Sequence[str]) -> Iterator[MappingProblem]:
    used: set[str | None] = set()
    for part in parts:
        used |= columns_in_use(part, header)
    first = parts[0]
    for column in dict.fromkeys(header):
        is_ignored = any(_fits(column, one) for one in first.document.ignore)
        if column not in used and not column.startswith("_") and not is_ignored:
            yield finding("unused_column", first.key_spot("fields"), column=column)


def _fits(column: str, pattern: str) -> bool:
    """Tell whether a column is one of `Old *`; nothing but the star means more than itself."""
    shape = ".*".join(re.escape(piece) for piece in pattern.split("*"))
    return re.fullmatch(shape, column, re.DOTALL) is not None


def columns_in_use(mapping: Mapping, header: Sequence[str]) -> set[str | None]:
    """Return the columns of the header that one entity of the mapping reads."""
    layout = layout_of(mapping, header)
    used = {layout.header(name) for name, _ in column_uses(mapping)}
    for attribute in mapping.doc.attributes.values():
        if attribute.names is not None and attribute.cells is not None:
            used |= {one for pair in find_pairs(header, attribute.names, attribute.cells) for one in pair}
    taken = frozenset(one for one in used if one)
    return used | {one.column for one in caught_columns(mapping.doc.patterns, header, taken=taken)}


def _whole(mapping: Mapping, bound: Bound) -> Iterator[MappingProblem]:
    first: dict[str, str] = {}
    for rule in bound.rules:
        if rule.key in first:
            spot = mapping.key_spot("fields", rule.name)
            facts = {"field": rule.name, "other": first[rule.key], "key": rule.key}
            yield finding("field_twice", spot, entity=mapping.entity, **facts)
        first.setdefault(rule.key, rule.name)
    if mapping.write in ("upsert", "create"):
        yield from _unmapped(mapping, bound)
    for position, names in enumerate(key_names(mapping)):
        for rule in bound.rules:
            if rule.field.name in names:
                yield from _unfit_key(mapping, rule, position)
    if mapping.doc.attributes and not bound.entity.has_attributes:
        yield finding("no_attributes", mapping.key_spot("attributes"), entity=mapping.entity)


def _unmapped(mapping: Mapping, bound: Bound) -> Iterator[MappingProblem]:
    mapped = {found.name for name in mapping.fields if (found := find_field(bound.entity, name))}
    mapped |= {rule.field.name for rule in bound.rules}
    for one in bound.entity.fields.values():
        is_needed = one.is_required and not one.has_default and not one.is_read_only
        if is_needed and one.name not in mapped and one.name not in OWNERS:
            spot = mapping.key_spot("fields")
            yield finding("required_unmapped", spot, entity=mapping.entity, field=one.name)


def _unfit_key(mapping: Mapping, rule: FieldRule, position: int) -> Iterator[MappingProblem]:
    spot, key = mapping.spot("key", position), mapping.key[position]
    if rule.link or rule.field.kind in (*LISTS, "json"):
        yield finding("key_is_list", spot, key=key, kind="a link" if rule.link else "a list")
    elif rule.constant is not None and len(mapping.key) == 1:
        yield finding("key_is_constant", spot, key=key)


def _idle_patterns(mapping: Mapping, bound: Bound, header: Sequence[str] | None) -> Iterator[MappingProblem]:
    caught = {one.pattern for one in bound.caught}
    for position, pattern in enumerate(mapping.doc.patterns if header is not None else ()):
        if position not in caught:
            yield finding("pattern_idle", mapping.spot("patterns", position), header=pattern.header)
