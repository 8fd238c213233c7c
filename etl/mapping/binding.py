"""Mapping, header and schema brought together: every entry resolved and compiled, or told what is wrong."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.mapping.attributes import AttributeRule, PairRule, compile_attribute, find_pairs
from etl.mapping.columns import ColumnRule, Layout
from etl.mapping.compiling import Compiler
from etl.mapping.convert.converters import LINKS
from etl.mapping.convert.link_texts import LinkForm
from etl.mapping.document import FieldDoc
from etl.mapping.file_rules import LinkedFiles
from etl.mapping.findings import MappingProblem, choices, finding
from etl.mapping.fitting import MAIN_MARK, files_of_main_image, find_field, unfit, writable
from etl.mapping.patterns import caught_columns
from etl.mapping.relations import RelationRule
from etl.mapping.using import named_columns
from etl.model import LinkTarget, Missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.mapping.attributes import AttributeFacts
    from etl.mapping.document import AssociationDoc, AttributeDoc, Origin, ValueDoc
    from etl.mapping.expressions import Expression
    from etl.mapping.fields import FieldRule
    from etl.mapping.filing import Folders
    from etl.mapping.loading import Mapping
    from etl.mapping.patterns import Caught
    from etl.mapping.positions import Path_
    from etl.schema import EntitySchema, FieldSchema, Schema

OWNER_FIELDS = ("associatingItem", "mainProduct")
"""Which end of an association is the record itself. Source: api-contract §11; 1.10 metadata."""


@dataclass(slots=True)
class Bound:
    """What became of binding: the rules as far as they could be made, and what stands in the way."""

    entity: EntitySchema
    layout: Layout
    rules: list[FieldRule] = field(default_factory=list)
    attributes: list[AttributeRule] = field(default_factory=list)
    pairs: list[PairRule] = field(default_factory=list)
    relations: list[RelationRule | LinkedFiles] = field(default_factory=list)
    where: Expression | None = None
    caught: list[Caught] = field(default_factory=list)
    problems: list[MappingProblem] = field(default_factory=list)
    compiler: Compiler | None = None


def layout_of(mapping: Mapping, header: Sequence[str] | None) -> Layout:
    """Return what the mapping says about columns; without a header each goes by its first name."""
    names = {}
    for short, doc in mapping.document.columns.items():
        there = [one for one in doc.header if header is None or one in header]
        first = there[0] if there else None if doc.optional else doc.header[0]
        names[short] = ColumnRule(first, doc.blank, doc.number, doc.date)
    rows = mapping.doc.rows
    fill = rows.fill_down
    return Layout(
        names,
        mapping.document.markers,
        fill_within=fill.within if fill else (),
        fill_columns=fill.columns if fill else (),
        group_by=rows.group.by if rows.group else (),
    )


def bind_all(
    mapping: Mapping,
    *,
    header: Sequence[str] | None,
    schema: Schema,
    entity: EntitySchema,
    attributes: Sequence[AttributeFacts] | None,
    folders: Folders | None = None,
) -> Bound:
    """Resolve and compile everything that a mapping says of its entity."""
    layout = layout_of(mapping, header)
    bound = Bound(entity, layout)
    keys = frozenset(one for part in key_names(mapping) for one in part)
    names = {found.name for one in keys if (found := find_field(entity, one))}
    compiler = Compiler(mapping, entity, layout, bound.problems, frozenset(names), schema, folders)
    bound.compiler = compiler
    for name, doc in mapping.fields.items():
        _bind_field(bound, compiler, name, doc, schema=schema, path=("fields", name))
    if header is not None:
        taken = frozenset(layout.header(name) or "" for name in named_columns(mapping))
        bound.caught = list(caught_columns(mapping.doc.patterns, header, taken=taken))
    for one in bound.caught:
        path: Path_ = ("patterns", one.pattern)
        if isinstance(one.doc, FieldDoc):
            _bind_field(bound, compiler, one.name, one.doc, schema=schema, path=path)
        else:
            bound.attributes += compile_attribute(compiler, one.name, one.doc, facts=attributes, path=path)
    for address, attribute in mapping.doc.attributes.items():
        _bind_attribute(bound, compiler, address, attribute, header=header, facts=attributes)
    for name, association in mapping.doc.associations.items():
        _bind_association(bound, compiler, name, association, schema=schema)
    if mapping.doc.rows.where is not None:
        bound.where = compiler.expression(mapping.doc.rows.where, ("rows", "where"))
    return bound


def _bind_attribute(
    bound: Bound,
    compiler: Compiler,
    address: str,
    attribute: AttributeDoc,
    *,
    header: Sequence[str] | None,
    facts: Sequence[AttributeFacts] | None,
) -> None:
    path: Path_ = ("attributes", address)
    if attribute.names is not None and attribute.cells is not None:
        pairs = tuple(find_pairs(header or (), attribute.names, attribute.cells))
        bound.pairs.append(PairRule(address, pairs, attribute, path, facts))
        for name, named in attribute.as_.items():
            # Compiled once more when rows name it; here only for what is wrong with the address.
            known = attribute.model_copy(
                update={"names": None, "cells": None, "column": pairs[0][1] if pairs else ""}
            )
            place = (*path, "as", name)
            compile_attribute(compiler, named, known, facts=facts, path=place)
        if header is not None and not pairs:
            spot = compiler.mapping.spot(*path)
            bound.problems.append(finding("no_pairs", spot, names=attribute.names, values=attribute.cells))
    else:
        bound.attributes += compile_attribute(compiler, address, attribute, facts=facts, path=path)


def key_names(mapping: Mapping) -> list[tuple[str, ...]]:
    """Return each part of the key as the names it may have: `number|sku` is two."""
    return [tuple(part.strip() for part in one.split("|")) for one in mapping.key]


def _bind_field(
    bound: Bound, compiler: Compiler, name: str, doc: FieldDoc, *, schema: Schema, path: Path_
) -> None:
    spot = compiler.mapping.key_spot(*path)
    found = find_field(bound.entity, name, main_language=compiler.mapping.document.main_language)
    if found is None:
        advice = choices(
            name.split("|", maxsplit=1)[0].split("@", maxsplit=1)[0],
            writable(bound.entity),
            what="Fields there",
        )
        bound.problems.append(
            finding("unknown_field", spot, entity=bound.entity.name, field=name, choices=advice)
        )
        return
    is_end = found.name not in bound.entity.fields
    problems = unfit(found, doc, entity=bound.entity, schema=schema, spot=spot, is_end=is_end)
    bound.problems += problems
    if problems:
        return
    many = files_of_main_image(found, bound.entity, schema)
    if doc.each is not None:
        _bind_relation(bound, compiler, name, doc, found=found, schema=schema, path=path)
    elif many is not None or (doc.file is not None and found.kind == "links"):
        _bind_files(bound, compiler, name, doc, found=found, many=many or found, schema=schema, path=path)
    else:
        bound.rules += compiler.rules(name, doc, found, path=path)


def _bind_files(
    bound: Bound,
    compiler: Compiler,
    name: str,
    doc: FieldDoc,
    *,
    found: FieldSchema,
    many: FieldSchema,
    schema: Schema,
    path: Path_,
) -> None:
    """Files are linked by relation records with ids of our own: sent twice, or by two, they are one.

    Args:
        many: the link to many that `found` is, or whose main one it shows.
    """
    relation = schema.entities.get(many.relation or "")
    ends = _ends(bound.entity, relation, many.target) if relation else None
    if relation is None or ends is None:
        spot = compiler.mapping.key_spot(*path)
        bound.problems.append(finding("no_relation", spot, field=name, entity=bound.entity.name))
        return
    owner, other = ends
    rule = compiler.rules(name, doc, found, path=path)[0]
    if rule.link is None:
        return
    target = dataclasses.replace(rule.link, field=found.name, key=other.payload_key, is_multiple=False)
    marks = {MAIN_MARK: True} if many is not found else {}
    bound.relations.append(LinkedFiles(name, relation.name, owner.payload_key, target, rule, marks))


def _bind_relation(
    bound: Bound,
    compiler: Compiler,
    name: str,
    doc: FieldDoc,
    *,
    found: FieldSchema,
    schema: Schema,
    path: Path_,
) -> None:
    relation = schema.entities.get(found.relation or "")
    ends = _ends(bound.entity, relation, found.target) if relation and found.kind == "links" else None
    if doc.each is None or (doc.link or doc.file) is None or relation is None or ends is None:
        spot = compiler.mapping.key_spot(*path)
        bound.problems.append(finding("no_relation", spot, field=name, entity=bound.entity.name))
        return
    owner, other = ends
    rules = []
    for inner, one in doc.with_.items():
        rules += _bind_inner(compiler, relation, inner, one, schema=schema, path=(*path, "with", inner))
    inner_path = (*path, "each")
    form = LinkForm(doc.link.by, doc.link.delimiter, doc.link.path) if doc.link else None
    needs_form = doc.link is not None and (len(doc.link.by) > 1 or doc.link.path)
    bound.relations.append(
        RelationRule(
            name,
            relation.name,
            owner.payload_key,
            compiler.target_of(doc, other),
            origin=compiler.origin(doc.each, inner_path),
            steps=compiler.steps(doc.each, inner_path),
            split=doc.each.split,
            form=form if needs_form else None,
            filing=compiler.filing_of(doc),
            unique=doc.each.unique,
            order_by=doc.each.order_by,
            fields=tuple(rules),
            labels=_labels(compiler, doc.each),
            on_empty=doc.on_empty or compiler.mapping.doc.on_empty,
            skips_bad_cells=doc.on_error == "skip_field",
        )
    )


def _bind_inner(
    compiler: Compiler, relation: EntitySchema, name: str, doc: ValueDoc, *, schema: Schema, path: Path_
) -> list[FieldRule]:
    found = find_field(relation, name)
    spot = compiler.mapping.key_spot(*path)
    if found is None:
        advice = choices(name, writable(relation), what="Fields there")
        compiler.problems.append(
            finding("unknown_field", spot, entity=relation.name, field=name, choices=advice)
        )
        return []
    problems = unfit(found, doc, entity=relation, schema=schema, spot=spot)
    if found.kind in LINKS:
        problems.append(finding("link_in_relation", spot, field=name, entity=relation.name))
    compiler.problems += problems
    return [] if problems else compiler.rules(name, doc, found, path=path)


def _bind_association(
    bound: Bound, compiler: Compiler, name: str, doc: AssociationDoc, *, schema: Schema
) -> None:
    path: Path_ = ("associations", name)
    relation = schema.entities.get(f"Associated{bound.entity.name}")
    ends = _ends(bound.entity, relation, bound.entity.name) if relation else None
    if relation is None or ends is None or "association" not in relation.fields:
        spot = compiler.mapping.key_spot(*path)
        bound.problems.append(finding("no_associations", spot, entity=bound.entity.name))
        return
    owner, other = ends
    if find_field(bound.entity, doc.by) is None:
        spot = compiler.mapping.spot(*path, "by")
        advice = choices(doc.by, writable(bound.entity), what="Fields there")
        bound.problems.append(
            finding("unknown_link_field", spot, target=bound.entity.name, by=doc.by, choices=advice)
        )
    target = LinkTarget(
        other.name,
        other.payload_key,
        bound.entity.name,
        doc.by,
        is_multiple=False,
        missing=Missing(doc.missing),
        place="both",
    )
    kind = relation.fields["association"]
    association = LinkTarget(
        kind.name,
        kind.payload_key,
        kind.target or "Association",
        doc.association_by,
        is_multiple=False,
        missing=Missing.FAIL,
    )
    bound.relations.append(
        RelationRule(
            name,
            relation.name,
            owner.payload_key,
            target,
            origin=compiler.origin(doc, path),
            steps=compiler.steps(doc, path),
            split=doc.split,
            unique=doc.unique,
            order_by=doc.order_by,
            fixed=((association, name),),
            labels=_labels(compiler, doc),
        )
    )


def _labels(compiler: Compiler, doc: Origin) -> tuple[str, ...]:
    return (compiler.layout.header(doc.column) or doc.column,) if doc.column is not None else ()


def _ends(
    entity: EntitySchema, relation: EntitySchema | None, target: str | None
) -> tuple[FieldSchema, FieldSchema] | None:
    """Return the two links of a relation entity: to the record itself, and to the other one."""
    links = [
        one
        for one in (relation.fields.values() if relation else ())
        if one.kind == "link" and not one.is_read_only and one.target in (entity.name, target)
    ]
    own = [one for one in links if one.target == entity.name]
    first = next((one for one in own if one.name in OWNER_FIELDS), own[0] if own else None)
    other = next((one for one in links if one.target == target and one is not first), None)
    return (first, other) if first and other else None
