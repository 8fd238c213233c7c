"""What is allowed and yet probably not meant, and what this server cannot take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from etl.mapping.convert.converters import LINKS
from etl.mapping.convert.faults import Faults
from etl.mapping.findings import MappingProblem, finding
from etl.mapping.loading import read
from etl.model import Problem
from etl.problems import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.mapping.binding import Bound
    from etl.mapping.document import FieldDoc
    from etl.mapping.loading import Mapping

RECORD_ID = re.compile(r"(?=.*[0-9])(?=.*[a-z])[0-9a-z]{17}|[a-z][0-9a-z]{23}|[0-9a-f]{8}-[0-9a-f-]{27}")
"""Ids of records: 17 or 24 characters, or UUIDs. Source: observations, Bulk upsert 8."""
NUMBERS = frozenset({"int", "float", "range_int", "range_float"})
RENAMED = frozenset({"name", "title", "label", "description"})
WITHOUT_OBJECTS = frozenset({"1.10", "2.0", "2.1"})
"""Generations that drop linked objects. Source: observations, Linked objects."""


def suspicions(mapping: Mapping, bound: Bound, *, generation: str | None) -> Iterator[MappingProblem]:
    """Yield what a person should look at, and what will not work here."""
    yield from _keys(mapping, bound)
    for name, doc in mapping.fields.items():
        spot = mapping.key_spot("fields", name)
        yield from _rules_without_use(mapping, bound, name, doc)
        if doc.links == "replace":
            yield finding("replace_cuts", mapping.spot("fields", name, "links"), field=name)
        if doc.link is not None and doc.link.send == "object" and generation in WITHOUT_OBJECTS:
            yield finding("objects_dropped", spot, generation=generation, field=name)
        yield from _ids(mapping, name, doc)
        yield from _values(mapping, bound, name, doc)


def check_folder(mapping: Mapping) -> Iterator[MappingProblem]:
    """Yield where another mapping of the same folder finds records of the same entity by another key."""
    for part in mapping.parts():
        for path in sorted(mapping.path.parent.glob("*.y*ml")):
            if path.resolve() == mapping.path.resolve():
                continue
            other, _ = read(path)
            for one in other.parts() if other is not None else ():
                if one.entity == part.entity and one.key and part.key and one.key != part.key:
                    facts = {"key": ", ".join(part.key), "other_key": ", ".join(one.key)}
                    spot = part.key_spot("key")
                    yield finding("keys_differ", spot, other=path.name, entity=part.entity, **facts)


def _keys(mapping: Mapping, bound: Bound) -> Iterator[MappingProblem]:
    key_rules = [rule for rule in bound.rules if rule.is_key]
    if len(key_rules) == 1 and (key_rules[0].field.name in RENAMED or key_rules[0].field.main_field):
        yield finding("key_may_be_renamed", mapping.spot("key"), key=mapping.key[0])
    unique = [rule for rule in bound.rules if rule.field.is_unique]
    others = [rule.field.name for rule in unique if not rule.is_key]
    if others and mapping.key:
        spot = mapping.key_spot("fields", next(rule.name for rule in unique if not rule.is_key))
        facts = {"key": ", ".join(mapping.key), "others": " or ".join(others)}
        yield finding("unique_fields_disagree", spot, **facts)


def _rules_without_use(mapping: Mapping, bound: Bound, name: str, doc: FieldDoc) -> Iterator[MappingProblem]:
    rule = next((one for one in bound.rules if one.name == name), None)
    if rule is None:
        return
    facts = {"field": rule.field.name, "type": rule.field.type}
    for key in ("number", "divide_by", "multiply_by", "round"):
        if getattr(doc, key) is not None and rule.field.kind not in NUMBERS:
            yield finding("not_a_number_field", mapping.key_spot("fields", name, key), key=key, **facts)
    if doc.date is not None and rule.field.kind not in ("date", "datetime"):
        yield finding("not_a_date_field", mapping.key_spot("fields", name, "date"), **facts)


def _ids(mapping: Mapping, name: str, doc: FieldDoc) -> Iterator[MappingProblem]:
    if doc.link is None or "id" not in doc.link.by:
        return
    for key, value in (("constant", doc.constant), ("default", doc.default)):
        if isinstance(value, str) and RECORD_ID.fullmatch(value):
            yield finding("id_in_mapping", mapping.spot("fields", name, key), value=value)
    for cell, value in (doc.values.entries if doc.values else {}).items():
        if isinstance(value, str) and RECORD_ID.fullmatch(value):
            yield finding("id_in_mapping", mapping.spot("fields", name, "values", cell), value=value)


def _values(mapping: Mapping, bound: Bound, name: str, doc: FieldDoc) -> Iterator[MappingProblem]:
    """What cells stand for must be something that the field can hold."""
    rule = next((one for one in bound.rules if one.name == name), None)
    if rule is None or rule.values is None or rule.field.kind in LINKS or doc.values is None:
        return
    meant = rule.values.meant
    faults = Faults()
    rule.converter.to_value(meant, faults)
    for fault in faults.found:
        problem = Problem(fault.code, "", field=name, value=fault.value, facts=fault.facts)
        facts = {"value": problem.value, "field": name, "column": "", **problem.facts}
        cell = str(rule.values.known[fault.position])
        spot = mapping.spot("fields", name, "values", cell)
        reason = CATALOGUE[fault.code].sentence.format_map(facts)
        yield finding("value_unusable", spot, where=f'values "{cell}"', field=name, reason=reason)
