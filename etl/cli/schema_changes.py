"""What differs between two schemas, and which lines of mappings that breaks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.mapping import check
from etl.problems import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.mapping import Mapping
    from etl.schema import EntitySchema, FieldSchema, Schema


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One difference."""

    entity: str
    field: str
    """Empty: about the entity itself."""
    what: str
    """`added`, `removed`, or what changed: `max_length: 13 -> 14`."""

    def __str__(self) -> str:
        """Say where and what, on one line."""
        return f"{self.entity}{'.' if self.field else ''}{self.field}: {self.what}"


def compare(old: Schema, new: Schema) -> list[SchemaChange]:
    """Return what is different in `new`, by entity and field in alphabetical order."""
    changes: list[SchemaChange] = []
    for name in sorted({*old.entities, *new.entities}):
        before, after = old.entities.get(name), new.entities.get(name)
        if before is None or after is None:
            changes.append(SchemaChange(name, "", "added" if before is None else "removed"))
        else:
            changes += _of_entity(before, after)
    return changes


def _of_entity(old: EntitySchema, new: EntitySchema) -> Iterator[SchemaChange]:
    for what in ("type", "has_attributes", "unique_indexes"):
        before, after = getattr(old, what), getattr(new, what)
        if before != after:
            yield SchemaChange(old.name, "", f"{what}: {_shown(before)} -> {_shown(after)}")
    for name in sorted({*old.fields, *new.fields}):
        one, other = old.fields.get(name), new.fields.get(name)
        if one is None or other is None:
            yield SchemaChange(old.name, name, "added" if one is None else "removed")
        else:
            yield from (SchemaChange(old.name, name, what) for what in _of_field(one, other))


def _of_field(old: FieldSchema, new: FieldSchema) -> Iterator[str]:
    for part in dataclasses.fields(old):
        before, after = getattr(old, part.name), getattr(new, part.name)
        if before == after or part.name == "kind":
            continue
        if part.name == "options" and before is not None and after is not None:
            for word, options in (("gone", set(before) - set(after)), ("new", set(after) - set(before))):
                if options:
                    yield f"options {word}: {', '.join(sorted(options))}"
        else:
            yield f"{part.name}: {_shown(before)} -> {_shown(after)}"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join("+".join(one) if isinstance(one, tuple) else str(one) for one in value) or "none"
    return str(value)


def broken_lines(mappings: Sequence[Mapping], old: Schema, *, new: Schema) -> list[str]:
    """Return the errors that mappings have with `new` and not with `old`, each with file, line and column."""
    lines: list[str] = []
    for mapping in mappings:
        before = set(_errors(mapping, old))
        lines += [line for line in _errors(mapping, new) if line not in before]
    return lines


def _errors(mapping: Mapping, schema: Schema) -> list[str]:
    problems = check(mapping, header=None, schema=schema)
    return [str(problem) for problem in problems if problem.severity is Severity.ERROR]
