"""Which field of the schema an entry means, and whether it can be made as the entry says."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from etl.mapping.convert.converters import LINKS, LISTS
from etl.mapping.findings import MappingProblem, choices, finding
from etl.model import Missing
from etl.schema import FieldSchema

if TYPE_CHECKING:
    from etl.mapping.document import ValueDoc
    from etl.mapping.findings import Spot
    from etl.schema import EntitySchema, Schema

UNWRITABLE = frozenset({"other"})
LIST_OPTION = "ExtensibleEnumOption"
"""The entity of the options of lists. Source: api-contract §5.4."""
FILE = "File"
MAIN_IMAGE, MAIN_MARK = "mainImage", "isMainImage"
"""The field that shows the file whose relation record has the mark. Source: api-contract §7.6."""


def find_field(entity: EntitySchema, name: str, *, main_language: str | None = None) -> FieldSchema | None:
    """Return the first of `number|sku` that the entity has.

    `name@de_DE` is a language of `name`, `sizeFrom` an end of a range, `priceUnit` the unit of `price`.
    """
    for one in name.split("|"):
        base, _, locale = one.strip().partition("@")
        locale = "" if locale == main_language else locale
        if not locale and base in entity.fields:
            return entity.fields[base]
        for candidate in entity.fields.values():
            if locale and candidate.main_field == base and candidate.locale == locale:
                return candidate
        for end in ("From", "To"):
            ranged = entity.fields.get(base.removesuffix(end)) if base.endswith(end) else None
            if ranged is not None and ranged.kind in ("range_int", "range_float"):
                return dataclasses.replace(ranged, name=base)
        measured = entity.fields.get(base.removesuffix("Unit")) if base.endswith("Unit") else None
        if measured is not None and measured.measure:
            return FieldSchema(base, "link", "link", target="Unit", measure=measured.measure)
    return None


def writable(entity: EntitySchema) -> list[str]:
    """Return the names of the fields that a mapping can write."""
    return [one.name for one in entity.fields.values() if not one.is_read_only and one.kind not in UNWRITABLE]


def link_entity(field: FieldSchema) -> str:
    """Return the entity that a link points to; the one of options for lists."""
    if field.kind == "file":
        return field.target or FILE
    return LIST_OPTION if field.kind in ("list_option", "list_options") else field.target or ""


def files_of_main_image(found: FieldSchema, entity: EntitySchema, schema: Schema) -> FieldSchema | None:
    """Return the link to many whose relation entity marks this field's file; None: it is no main image."""
    if found.name != MAIN_IMAGE or found.kind != "file":
        return None
    for one in entity.fields.values():
        relation = schema.entities.get(one.relation or "") if one.kind == "links" else None
        if one.target == FILE and relation is not None and MAIN_MARK in relation.fields:
            return one
    return None


def unfit(
    found: FieldSchema,
    doc: ValueDoc,
    *,
    entity: EntitySchema,
    schema: Schema,
    spot: Spot,
    is_end: bool = False,
) -> list[MappingProblem]:
    """Return why a field or an attribute cannot be made as the mapping says, whatever the cells.

    Args:
        is_end: it is one end of a range.
    """
    facts = {"entity": entity.name, "field": found.name, "type": found.type}
    is_main_image = files_of_main_image(found, entity, schema) is not None
    if found.is_read_only and not is_main_image:
        return [finding("read_only_field", spot, **facts)]
    if found.kind in UNWRITABLE:
        return [finding("unsupported_field", spot, **facts)]
    problems = []
    # An end of a range by itself is a number.
    is_range = found.kind in ("range_int", "range_float") and not is_end
    if is_range and doc.range is None:
        problems.append(finding("range_without_mark", spot, **facts))
    if doc.range is not None and not is_range:
        problems.append(finding("not_a_range_field", spot, **facts))
    if (doc.unit or doc.measure) and not found.measure:
        key = "unit" if doc.unit else "measure"
        problems.append(finding("no_measure", spot, key=key, **facts))
    if doc.split and found.kind not in LISTS:
        problems.append(finding("not_multiple", spot, **facts))
    if doc.file and link_entity(found) != FILE:
        problems.append(finding("not_a_file", spot, **facts))
    if found.kind not in LINKS:
        if doc.link:
            problems.append(finding("not_a_link", spot, key="link", **facts))
        return problems
    return problems + _unfit_link(found, doc, schema=schema, spot=spot, facts=facts)


def _unfit_link(
    found: FieldSchema, doc: ValueDoc, *, schema: Schema, spot: Spot, facts: dict[str, str]
) -> list[MappingProblem]:
    target = schema.entities.get(link_entity(found))
    if doc.link is None:
        code = "files_unsaid" if link_entity(found) == FILE else "link_without_by"
        return [] if doc.file is not None else [finding(code, spot, target=link_entity(found), **facts)]
    problems = []
    if target is None and (doc.link.by != ("id",) or doc.link.missing is Missing.CREATE):
        problems.append(finding("target_unknown", spot, target=link_entity(found), **facts))
    for by in doc.link.by:
        if target and find_field(target, by) is None:
            advice = choices(by, writable(target), what="Fields there")
            problems.append(finding("unknown_link_field", spot, target=target.name, by=by, choices=advice))
    for name in doc.link.create:
        if target and find_field(target, name) is None:
            advice = choices(name, writable(target), what="Fields there")
            problems.append(finding("unknown_link_field", spot, target=target.name, by=name, choices=advice))
    if doc.link.by == ("id",) and doc.link.missing is Missing.CREATE:
        problems.append(finding("link_creates_by_id", spot, **facts))
    if doc.link.send == "object" and doc.link.by == ("id",):
        problems.append(finding("object_by_id", spot, **facts))
    return problems
