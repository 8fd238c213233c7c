"""A frame into payloads, column by column; a row is looked at by itself only where it is wrong."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.choosing import chosen_rows, commands_of
from etl.mapping.columns import Columns
from etl.mapping.convert.cells import as_text, without
from etl.mapping.convert.faults import Fault, Faults
from etl.mapping.grouping import Groups, groups_of
from etl.mapping.keys import joined_keys
from etl.mapping.pairs import made_of_pairs
from etl.mapping.relations import kept_records
from etl.model import AttributeValues, LinkTexts, Payloads, Problem, RelationRecords
from etl.problems import CATALOGUE, is_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.mapping.attributes import AttributeRule
    from etl.mapping.binding import Bound
    from etl.mapping.fields import FieldRule, Made
    from etl.mapping.loading import Mapping
    from etl.model import Frame


RANGES = frozenset({"range_int", "range_float"})


@dataclass(slots=True)
class Sheet:
    """What is made of one frame, before rows with errors are taken out."""

    frame: Frame
    columns: Columns
    groups: Groups | None
    made: dict[str, Made] = field(default_factory=dict)
    """By payload key."""
    attributes: list[tuple[AttributeRule, Made]] = field(default_factory=list)
    relations: list[RelationRecords] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    deleting: frozenset[int] = frozenset()
    """Rows whose record is deleted: nothing but their key matters."""

    def tell(
        self,
        faults: Sequence[Fault],
        *,
        field_name: str,
        columns: str,
        leaves_out: bool = False,
        is_key: bool = False,
    ) -> None:
        """Make problems of faults; their positions are rows of `columns`."""
        numbers = self.columns.numbers
        layout = self.columns.layout
        for fault in faults:
            by = fault.facts.get("by") if fault.code == "factor_unusable" else None
            problem = Problem(
                fault.code,
                file=self.frame.file,
                sheet=self.frame.sheet,
                row=numbers[fault.position].as_py(),
                column=layout.header(by) or by if by else columns,
                field=field_name.split("|", maxsplit=1)[0],
                value=fault.value,
                facts=fault.facts,
            )
            if problem.row in self.deleting and not is_key:
                continue
            self.problems.append(_left_out(problem) if leaves_out and is_error(problem) else problem)


def translate(mapping: Mapping, bound: Bound, frame: Frame, *, key_rules: Sequence[FieldRule]) -> Payloads:
    """Return what is to be sent of one frame, and what is wrong with its cells."""
    every = Columns(frame, bound.layout)
    columns, _ = chosen_rows(every, bound, mapping)
    sheet = Sheet(frame, columns, groups_of(columns), deleting=_deleting(columns, mapping))
    _make_fields(sheet, bound.rules)
    _compare_ends(sheet, bound.rules)
    _make_attributes(sheet, bound)
    for relation in bound.relations:
        records, found = relation.make(columns, sheet.groups)
        sheet.relations.append(records)
        for label, fault in found:
            skips = relation.skips_bad_cells
            sheet.tell([fault], field_name=relation.name, columns=label, leaves_out=skips)
    _tell_of_rows(sheet, bound, mapping)
    invalid = _invalid_rows(sheet)
    heads = columns.numbers if sheet.groups is None else columns.numbers.take(pa.array(sheet.groups.starts))
    kept = None
    if invalid:
        kept = pc.invert(pc.is_in(heads, value_set=pa.array(sorted(invalid), pa.int64())))
    skipped: frozenset[int] = frozenset()
    if len(columns) < len(frame):
        skipped = frozenset(frame.numbers.to_pylist()) - frozenset(columns.numbers.to_pylist())
    payloads = _payloads(mapping, bound, sheet, heads=heads, kept=kept, key_rules=key_rules)
    return dataclasses.replace(
        payloads,
        problems=tuple(sorted(sheet.problems, key=lambda one: one.row)),
        invalid=frozenset(invalid),
        skipped=skipped,
    )


def _deleting(columns: Columns, mapping: Mapping) -> frozenset[int]:
    if mapping.doc.rows.command is None:
        return frozenset()
    commands, _ = commands_of(columns, mapping)
    is_delete = pc.fill_null(pc.equal(commands, "delete"), fill_value=False)
    return frozenset(columns.numbers.filter(is_delete).to_pylist())


def _make_fields(sheet: Sheet, rules: Sequence[FieldRule]) -> None:
    for rule in rules:
        made = rule.make(sheet.columns, sheet.groups)
        if rule.follows:
            made = _following(made, sheet.made[rule.follows], sheet.groups)
        sheet.made[rule.key] = made
        label = ", ".join(rule.labels)
        sheet.tell(
            made.faults,
            field_name=rule.name,
            columns=label,
            leaves_out=rule.skips_bad_cells,
            is_key=rule.is_key,
        )


def _compare_ends(sheet: Sheet, rules: Sequence[FieldRule]) -> None:
    """A range that ends before it begins is refused by the server with the whole record."""
    by_key = {rule.key: rule for rule in rules}
    for key, rule in by_key.items():
        last = by_key.get(key.removesuffix("From") + "To") if key.endswith("From") else None
        if last is None or rule.field.kind not in RANGES:
            continue
        begins, ends = sheet.made[key].values, sheet.made[last.key].values
        reversed_ = pc.fill_null(pc.greater(begins, ends), fill_value=False)
        if not pc.any(reversed_).as_py():
            continue
        faults = Faults()
        texts = pc.binary_join_element_wise(as_text(begins), as_text(ends), "-")
        faults.mark(reversed_, texts, code="range_reversed")
        rows = np.arange(len(sheet.columns)) if sheet.groups is None else sheet.groups.starts
        moved = [dataclasses.replace(one, position=int(rows[one.position])) for one in faults.found]
        sheet.tell(moved, field_name=rule.name, columns=", ".join(rule.labels))


def _following(made: Made, leader: Made, groups: Groups | None) -> Made:
    """A unit goes only with its number; without one nothing is wrong with it."""
    absent = leader.values.is_null()
    if not pc.any(absent).as_py():
        return made
    positions = pc.indices_nonzero(absent).to_pylist()
    rows = (
        set(positions) if groups is None else set(np.flatnonzero(np.isin(groups.of_rows, positions)).tolist())
    )
    faults = [one for one in made.faults if one.position not in rows]
    return dataclasses.replace(made, values=without(made.values, absent), clears=leader.clears, faults=faults)


def _make_attributes(sheet: Sheet, bound: Bound) -> None:
    rules = list(bound.attributes)
    for pair in bound.pairs:
        if bound.compiler is not None:
            more, faults = made_of_pairs(pair, bound.compiler, sheet.columns, sheet.groups)
            sheet.attributes += more
            for column, fault in faults:
                sheet.tell([fault], field_name=pair.name, columns=column)
    leaders: dict[str, Made] = {}
    for one in rules:
        made = one.rule.make(sheet.columns, sheet.groups)
        if one.part == "unit" and one.rule.follows in leaders:
            made = _following(made, leaders[one.rule.follows], sheet.groups)
        leaders[one.rule.key] = made
        sheet.attributes.append((one, made))
        label = ", ".join(one.rule.labels)
        sheet.tell(
            made.faults, field_name=one.target.address, columns=label, leaves_out=one.rule.skips_bad_cells
        )


def _tell_of_rows(sheet: Sheet, bound: Bound, mapping: Mapping) -> None:
    if bound.where is not None:
        faults = Faults()
        bound.where.of_rows(sheet.columns, faults)
        sheet.tell(faults.found, field_name="rows.where", columns=", ".join(bound.where.columns or ()))
    if mapping.doc.rows.command is not None:
        _, faults = commands_of(sheet.columns, mapping)
        column = bound.layout.header(mapping.doc.rows.command.column) or ""
        sheet.tell(faults.found, field_name="rows.command", columns=column, is_key=True)


def _invalid_rows(sheet: Sheet) -> set[int]:
    """Rows with an error, and all rows of their records."""
    invalid = {problem.row for problem in sheet.problems if is_error(problem)}
    if sheet.groups is None or not invalid:
        return invalid
    numbers = sheet.columns.numbers.to_numpy(zero_copy_only=False)
    bad = np.unique(sheet.groups.of_rows[np.isin(numbers, list(invalid))])
    return set(numbers[np.isin(sheet.groups.of_rows, bad)].tolist())


def _payloads(
    mapping: Mapping,
    bound: Bound,
    sheet: Sheet,
    *,
    heads: pa.Int64Array,
    kept: pa.BooleanArray | None,
    key_rules: Sequence[FieldRule],
) -> Payloads:
    def keep(values: pa.Array) -> pa.Array:
        return values if kept is None else values.filter(kept)

    def some(mask: pa.BooleanArray | None) -> pa.BooleanArray | None:
        left = keep(mask) if mask is not None else None
        return left if left is not None and pc.any(left).as_py() else None

    values = {
        rule.key: _typed(rule, keep(sheet.made[rule.key].values)) for rule in bound.rules if not rule.link
    }
    clears = {
        rule.key: mask for rule in bound.rules if (mask := some(sheet.made[rule.key].clears)) is not None
    }
    links = tuple(
        LinkTexts(rule.link, ", ".join(rule.labels), keep(sheet.made[rule.key].values))
        for rule in bound.rules
        if rule.link is not None
    )
    attributes = tuple(
        AttributeValues(
            one.target,
            ", ".join(one.rule.labels),
            one.part,
            values=keep(made.values),
            clears=some(made.clears),
            unassigns=some(made.unassigns),
            link=one.rule.link,
            is_ordered=one.rule.field.kind == "array",
            on_conflict=one.on_conflict,
        )
        for one, made in sheet.attributes
    )
    numbers = keep(heads)
    key_columns = {rule.key: values[rule.key] for rule in key_rules}
    keys = joined_keys(list(key_columns.values()), len(numbers)) if key_columns else pa.array([], pa.string())
    commands = None
    if mapping.doc.rows.command is not None:
        found, _ = commands_of(sheet.columns, mapping)
        commands = keep(found if sheet.groups is None else found.take(pa.array(sheet.groups.starts)))
    return Payloads(
        mapping.entity,
        sheet.frame.file,
        sheet.frame.sheet,
        numbers=numbers,
        keys=keys,
        key_columns=key_columns,
        columns=values,
        clears=clears,
        links=links,
        members=_members(sheet),
        attributes=attributes,
        relations=tuple(one if kept is None else kept_records(one, kept) for one in sheet.relations),
        commands=commands,
    )


def _members(sheet: Sheet) -> dict[int, tuple[int, ...]]:
    if sheet.groups is None:
        return {}
    numbers = sheet.columns.numbers.to_pylist()
    sizes = sheet.groups.sizes.tolist()
    return {
        numbers[start]: tuple(numbers[start : start + size])
        for start, size in zip(sheet.groups.starts.tolist(), sizes, strict=True)
        if size > 1
    }


def _typed(rule: FieldRule, values: pa.Array) -> pa.Array:
    if rule.link_form is not None and rule.link_form.is_object:
        if pa.types.is_list(values.type):
            joined = pc.binary_join_element_wise("[", pc.binary_join(values, ","), "]", "")
            return pa.ExtensionArray.from_storage(pa.json_(), joined)
        return pa.ExtensionArray.from_storage(pa.json_(), values)
    if rule.field.kind != "json":
        return values
    return pa.ExtensionArray.from_storage(pa.json_(), values)


def _left_out(problem: Problem) -> Problem:
    known = {"value": problem.value, "field": problem.field, "column": problem.column, **problem.facts}
    reason = CATALOGUE[problem.code].sentence.format_map(known)
    return dataclasses.replace(problem, code="cell_left_out", facts={"reason": reason})
