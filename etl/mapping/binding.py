"""Mapping and schema brought together: every field resolved and compiled, everything wrong with it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.mapping.convert.converters import LINKS, LISTS, converter_for
from etl.mapping.convert.faults import Faults
from etl.mapping.fields import FieldRule, value_table, written
from etl.mapping.findings import MappingProblem, choices, finding
from etl.model import LinkTarget, Missing, Problem
from etl.problems import CATALOGUE

if TYPE_CHECKING:
    from etl.mapping.document import FieldDoc, Scalar
    from etl.mapping.findings import Spot
    from etl.mapping.loading import Mapping
    from etl.schema import EntitySchema, FieldSchema, Schema

LIST_OPTION = "ExtensibleEnumOption"
UNWRITABLE = frozenset({"file", "other"})


@dataclass(slots=True)
class Bound:
    """What became of binding: the rules as far as they could be made, and what stands in the way."""

    entity: EntitySchema
    rules: list[FieldRule] = field(default_factory=list)
    problems: list[MappingProblem] = field(default_factory=list)


def bind_fields(mapping: Mapping, schema: Schema, entity: EntitySchema) -> Bound:
    """Resolve and compile the fields of a mapping."""
    bound = Bound(entity)
    for name, doc in mapping.fields.items():
        spot = mapping.text.key_spot("fields", name)
        found = find_field(entity, name)
        if found is None:
            advice = choices(name.split("|")[0].split("@")[0], writable(entity), what="Fields there")
            bound.problems.append(
                finding("unknown_field", spot, entity=entity.name, field=name, choices=advice)
            )
            continue
        problems = list(_unfit(found, doc, entity=entity, schema=schema, spot=spot))
        bound.problems += problems
        if not problems:
            _compile(bound, mapping, name=name, doc=doc, field=found)
    return bound


def find_field(entity: EntitySchema, name: str) -> FieldSchema | None:
    """Return the first of `number|sku` that the entity has; `name@de_DE` is a language of `name`."""
    for one in name.split("|"):
        base, _, locale = one.strip().partition("@")
        if not locale and base in entity.fields:
            return entity.fields[base]
        for candidate in entity.fields.values():
            if locale and candidate.main_field == base and candidate.locale == locale:
                return candidate
    return None


def writable(entity: EntitySchema) -> list[str]:
    """Return the names of the fields that a mapping can write."""
    return [one.name for one in entity.fields.values() if not one.is_read_only and one.kind not in UNWRITABLE]


def key_names(mapping: Mapping) -> list[tuple[str, ...]]:
    """Return each part of the key as the names it may have: `number|sku` is two."""
    return [tuple(part.strip() for part in one.split("|")) for one in mapping.key]


def _unfit(
    found: FieldSchema, doc: FieldDoc, *, entity: EntitySchema, schema: Schema, spot: Spot
) -> list[MappingProblem]:
    facts = {"entity": entity.name, "field": found.name, "type": found.type}
    if found.is_read_only:
        return [finding("read_only_field", spot, **facts)]
    if found.kind in UNWRITABLE:
        return [finding("unsupported_field", spot, **facts)]
    problems = []
    if doc.split and found.kind not in LISTS:
        problems.append(finding("not_multiple", spot, **facts))
    if found.kind not in LINKS:
        if doc.link:
            problems.append(finding("not_a_link", spot, key="link", **facts))
        return problems
    target = schema.entities.get(_target(found))
    if doc.link is None:
        problems.append(finding("link_without_by", spot, target=_target(found), **facts))
    elif target and find_field(target, doc.link.by) is None:
        advice = choices(doc.link.by, writable(target), what="Fields there")
        problems.append(
            finding("unknown_link_field", spot, target=target.name, by=doc.link.by, choices=advice)
        )
    elif doc.link.by == "id" and doc.link.missing is Missing.CREATE:
        problems.append(finding("link_creates_by_id", spot, **facts))
    return problems


def _compile(bound: Bound, mapping: Mapping, *, name: str, doc: FieldDoc, field: FieldSchema) -> None:
    # What the mapping itself writes (constants, defaults, values) is written as machines do.
    rule = FieldRule(name, field, doc, converter_for(field))
    constant = _fixed(bound, mapping, rule, "constant") if doc.constant is not None else None
    default = _fixed(bound, mapping, rule, "default") if doc.default is not None else None
    number = doc.number or mapping.source.number
    date = doc.date or mapping.source.date
    key_parts = {one for part in key_names(mapping) for one in part}
    is_key = field.name in key_parts
    on_empty = doc.on_empty or mapping.document.on_empty
    is_needed = field.is_required and not field.has_default and mapping.write in ("upsert", "create")
    if doc.required or is_key or (doc.on_empty is None and is_needed):
        on_empty = "fail"
    bound.rules.append(
        FieldRule(
            name,
            field,
            doc,
            converter=converter_for(field) if doc.values else converter_for(field, number=number, date=date),
            constant=constant,
            default=default,
            values=value_table(doc.values, doc.otherwise) if doc.values is not None else None,
            on_empty=on_empty,
            empty_code="key_empty" if is_key else "required_empty",
            link=_link(field, doc),
            is_key=is_key,
        )
    )


def _fixed(bound: Bound, mapping: Mapping, rule: FieldRule, part: str) -> pa.Array | None:
    value: Scalar | None = getattr(rule.doc, part)
    faults = Faults()
    made = rule.converted(pa.array([written(value)], pa.string()), faults)
    for fault in faults.found:
        kind = CATALOGUE[fault.code]
        problem = Problem(fault.code, "", field=rule.field.name, value=fault.value, facts=fault.facts)
        facts = {"value": problem.value, "field": problem.field, **problem.facts}
        bound.problems.append(
            finding(
                "value_unusable",
                mapping.text.spot("fields", rule.name, part),
                where=part,
                field=rule.name,
                reason=kind.sentence.format_map(facts),
                advice="Write it as AtroCore keeps it.",
            )
        )
    return None if faults.found else made


def _target(field: FieldSchema) -> str:
    return LIST_OPTION if field.kind in ("list_option", "list_options") else field.target or ""


def _link(field: FieldSchema, doc: FieldDoc) -> LinkTarget | None:
    if field.kind not in LINKS or doc.link is None:
        return None
    return LinkTarget(
        field=field.name,
        key=field.payload_key,
        entity=_target(field),
        by=doc.link.by,
        is_multiple=field.kind in LISTS,
        missing=doc.link.missing,
        replaces=doc.links == "replace",
        constants=MappingProxyType(dict(doc.link.create)),
    )
