"""Many columns by their names: patterns over a header, made into fields and attributes one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.mapping.document import AttributeDoc, FieldDoc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.mapping.document import PatternDoc

BRACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Caught:
    """A column that a pattern caught."""

    pattern: int
    """Position of the pattern, 0-based."""
    column: str
    name: str
    """The field or the address of the attribute that it is."""
    doc: FieldDoc | AttributeDoc


def caught_columns(
    patterns: Sequence[PatternDoc], header: Sequence[str], *, taken: frozenset[str]
) -> Iterator[Caught]:
    """Yield the columns that patterns catch, in the order of the header; the first pattern that fits counts.

    Args:
        taken: columns that something else in the mapping uses, or ignores; no pattern catches these.
    """
    shapes = [_shape(one) for one in patterns]
    for column in header:
        if column in taken or column.startswith("_"):
            continue
        for position, (pattern, shape) in enumerate(zip(patterns, shapes, strict=True)):
            found = shape.fullmatch(column)
            if found is None:
                continue
            address = pattern.field or pattern.attribute or ""
            name = BRACE.sub(lambda brace, found=found: found[brace[1]], address)  # type: ignore[misc]  # bound now
            kind = FieldDoc if pattern.field is not None else AttributeDoc
            given = pattern.by.model_dump(by_alias=True, exclude_unset=True) if pattern.by else {}
            doc = kind.model_validate({**given, "column": column}, strict=False)
            yield Caught(position, column, name, doc)
            break


def unknown_braces(pattern: PatternDoc) -> set[str]:
    """Return the braces that the target names and the header does not have."""
    target = pattern.field or pattern.attribute or ""
    return set(BRACE.findall(target)) - set(BRACE.findall(pattern.header))


def _shape(pattern: PatternDoc) -> re.Pattern[str]:
    pieces, position, seen = "", 0, set()
    for brace in BRACE.finditer(pattern.header):
        name = brace[1]
        pieces += re.escape(pattern.header[position : brace.start()])
        choices = "|".join(re.escape(one) for one in pattern.let.get(name, ())) or ".+?"
        pieces += f"(?P={name})" if name in seen else f"(?P<{name}>{choices})"
        seen.add(name)
        position = brace.end()
    return re.compile(pieces + re.escape(pattern.header[position:]))
