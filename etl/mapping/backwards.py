"""The same mapping backwards: values of records into the cells that would be read as these values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from etl.mapping.backwards_files import files_without_way_back
from etl.mapping.convert import pieces as lists
from etl.mapping.convert.cells import as_text
from etl.mapping.convert.converters import LINKS, LISTS
from etl.mapping.convert.link_texts import PART_MARK
from etl.mapping.convert.measures import MeasurePart, RangePart
from etl.mapping.findings import MappingProblem, finding
from etl.mapping.origins import Computed, FirstOf, FromColumn, Joined, LookedUp, RowNumber

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from etl.mapping.fields import FieldRule
    from etl.mapping.origins import Source
    from etl.mapping.rules import Rules

REASONS: dict[type, str] = {
    Computed: "an expression has no way back",
    Joined: "joined columns cannot be told apart again",
    LookedUp: "a lookup has no way back",
    RowNumber: "a row number is not stored",
}


@dataclass(frozen=True, slots=True)
class BackColumn:
    """One column of an export by a mapping."""

    name: str
    """As the source calls it."""
    rules: tuple[FieldRule, ...]
    """One; two where a cell holds a number and its unit, or both ends of a range."""
    mark: str = ""
    """Between the two."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The payload keys whose values are needed; of links their texts, not their ids."""
        return tuple(rule.key for rule in self.rules)

    def to_cells(self, values: Mapping[str, pa.Array]) -> pa.StringArray:
        """Return the cells of this column; null where there is no value.

        Args:
            values: payload key -> values as the schema types them; of a link the text of `link.by` (several
                fields: joined by U+001F), of a multi-link lists of these.
        """
        cells = [cells_of(rule, values[rule.key]) for rule in self.rules]
        if len(cells) == 1:
            return cells[0]
        both = pc.binary_join_element_wise(*cells, self.mark)
        return pc.coalesce(both, cells[0])


def cells_of(rule: FieldRule, values: pa.Array) -> pa.StringArray:
    """Return the cells that a rule reads as these values."""
    if rule.field.kind not in LISTS:
        return _one(rule, values)
    pieces = _one(rule, values.flatten())
    return lists.joined(lists.with_pieces(values, pieces), rule.split)


def _one(rule: FieldRule, values: pa.Array) -> pa.StringArray:
    if rule.arithmetic is not None:
        values = rule.arithmetic.undo(values)
    if rule.field.kind in LINKS:
        cells = as_text(values)
        if rule.link_form is not None and len(rule.link_form.by) > 1:
            cells = pc.replace_substring(cells, PART_MARK, rule.link_form.delimiter)
    else:
        cells = rule.converter.to_cell(values)
    if rule.values is not None:
        cells = rule.values.restore(cells)
    for step in reversed(rule.steps):
        cells = step.undo(cells)
    return cells


def back_columns(rules: Rules) -> tuple[BackColumn, ...]:
    """Return the columns of an export by this mapping, in its order; what has no column is left out."""
    by_column: dict[str, list[FieldRule]] = {}
    for rule in rules.fields:
        column = _column(rule.origin)
        if column is None or rule.constant is not None:
            continue
        name = rules.bound.layout.header(column) or column
        known = by_column.setdefault(name, [])
        if not known or _belongs(known[0], rule):
            known.append(rule)
    return tuple(BackColumn(name, tuple(found), _mark(found)) for name, found in by_column.items())


def no_way_back(rules: Rules) -> Iterator[MappingProblem]:
    """Yield what an export by this mapping cannot bring back; what `check --export` tells."""
    columns = {rule.key for column in back_columns(rules) for rule in column.rules}
    for rule in rules.fields:
        if rule.constant is not None:
            continue
        reason = REASONS.get(type(rule.origin), "") if rule.key not in columns else ""
        steps = [step.name for step in rule.steps if not step.is_invertible]
        if rule.key in columns and steps:
            reason = f"{' and '.join(dict.fromkeys(steps))} cannot be undone"
        if rule.arithmetic is not None and rule.arithmetic.columns:
            reason = f'it is calculated with column "{rule.arithmetic.columns[0]}"'
        if not reason and rule.key not in columns and not rule.follows:
            reason = "another field is exported into its column"
        if reason:
            spot = rules.mapping.key_spot("fields", rule.name)
            yield finding("no_way_back", spot, field=rule.name, reason=reason)
    yield from files_without_way_back(rules, {column.name for column in back_columns(rules)})
    if rules.mapping.doc.rows.group is not None:
        reason = "a record came from several rows"
        yield finding("no_way_back", rules.mapping.spot("rows", "group"), field="rows.group", reason=reason)


def _column(origin: Source) -> str | None:
    if isinstance(origin, FromColumn):
        return origin.name
    if isinstance(origin, FirstOf):
        first = origin.origins[0].origin
        return first.name if isinstance(first, FromColumn) else None
    return None


def _belongs(first: FieldRule, rule: FieldRule) -> bool:
    kinds = (MeasurePart, RangePart)
    return any(isinstance(step, kinds) for step in rule.steps) and first.name == rule.name


def _mark(found: list[FieldRule]) -> str:
    for rule in found:
        for step in rule.steps:
            if isinstance(step, RangePart):
                return step.mark
    return " "
