"""Everything that is wrong with a mapping, told at once: against the header of the source and against the schema."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from etl.mapping.binding import Bound, bind_fields, find_field, key_names
from etl.mapping.convert.converters import LISTS
from etl.mapping.findings import MappingProblem, choices, did_you_mean, finding, in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.mapping.loading import Mapping
    from etl.schema import Schema


def check(mapping: Mapping, *, header: tuple[str, ...] | None, schema: Schema | None) -> list[MappingProblem]:
    """Return every problem of the mapping, sorted by line; what is None is not checked against."""
    return bind_and_check(mapping, header=header, schema=schema)[1]


def bind_and_check(
    mapping: Mapping, *, header: tuple[str, ...] | None, schema: Schema | None
) -> tuple[Bound | None, list[MappingProblem]]:
    """Return the compiled fields beside the problems; None where there is no schema or no such entity."""
    problems = list(_keys(mapping))
    if header is not None:
        problems += _columns(mapping, header)
    bound = None
    if schema is not None:
        entity = schema.entities.get(mapping.entity)
        if entity is None:
            advice = choices(mapping.entity, schema.entities, what="Entities there", at_most=12)
            spot = mapping.text.spot("entity")
            problems.append(finding("unknown_entity", spot, entity=mapping.entity, choices=advice))
        else:
            bound = bind_fields(mapping, schema, entity)
            problems += bound.problems
            problems += _whole(mapping, bound)
    return bound, in_order(problems)


def used_columns(mapping: Mapping) -> tuple[str, ...]:
    """Return the source columns that the mapping reads, each once, in its order."""
    names = (doc.column for doc in mapping.fields.values() if doc.column is not None)
    return tuple(dict.fromkeys(names))


def _keys(mapping: Mapping) -> Iterator[MappingProblem]:
    if not mapping.key and mapping.write not in ("create", "none"):
        yield finding("key_missing", mapping.text.key_spot("write"))
    written = {one.strip() for name in mapping.fields for one in name.split("|")}
    for position, names in enumerate(key_names(mapping)):
        if not written & set(names):
            spot = mapping.text.spot("key", position)
            yield finding("key_unmapped", spot, key=mapping.key[position])


def _columns(mapping: Mapping, header: tuple[str, ...]) -> Iterator[MappingProblem]:
    here = [name for name in header if not name.startswith("_")]
    file = mapping.source.file or "the source"
    for name, doc in mapping.fields.items():
        if doc.column is None:
            continue
        spot = mapping.text.spot("fields", name, "column")
        if doc.column not in here:
            close = did_you_mean(doc.column, here)
            yield finding(
                "unknown_column", spot, column=doc.column, file=file, columns=", ".join(here), close=close
            )
        elif (count := here.count(doc.column)) > 1:
            yield finding("column_twice", spot, column=doc.column, count=count, file=file)
    used = set(used_columns(mapping))
    for column in dict.fromkeys(here):
        if column not in used and not any(
            fnmatchcase(column, pattern) for pattern in mapping.document.ignore
        ):
            yield finding("unused_column", mapping.text.key_spot("fields"), column=column)


def _whole(mapping: Mapping, bound: Bound) -> Iterator[MappingProblem]:
    first: dict[str, str] = {}
    for rule in bound.rules:
        if rule.key in first:
            spot = mapping.text.key_spot("fields", rule.name)
            facts = {"field": rule.name, "other": first[rule.key], "key": rule.key}
            yield finding("field_twice", spot, entity=mapping.entity, **facts)
        first.setdefault(rule.key, rule.name)
    mapped = {found.name for name in mapping.fields if (found := find_field(bound.entity, name))}
    if mapping.write in ("upsert", "create"):
        for one in bound.entity.fields.values():
            is_needed = one.is_required and not one.has_default and not one.is_read_only
            # Owners are filled in by the server. Source: api-contract §11.
            if is_needed and one.name not in mapped and one.name not in ("ownerUser", "assignedUser"):
                spot = mapping.text.key_spot("fields")
                yield finding("required_unmapped", spot, entity=mapping.entity, field=one.name)
    for position, names in enumerate(key_names(mapping)):
        for rule in bound.rules:
            if rule.field.name in names and (rule.link or rule.field.kind in (*LISTS, "json")):
                spot = mapping.text.spot("key", position)
                kind = "a link" if rule.link else "a list"
                yield finding("key_is_list", spot, key=mapping.key[position], kind=kind)
