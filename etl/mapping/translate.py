"""A frame into payloads, column by column. A row is looked at by itself only where something is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.fields import Columns
from etl.mapping.keys import joined_keys
from etl.model import LinkTexts, Payloads, Problem
from etl.problems import is_error, say

if TYPE_CHECKING:
    from etl.mapping.fields import FieldRule, Made
    from etl.mapping.rules import Rules
    from etl.model import Frame


def translate(rules: Rules, frame: Frame) -> Payloads:
    """Return what is to be sent of one frame, and what is wrong with its cells."""
    columns = Columns(frame)
    made = {rule.name: rule.make(columns) for rule in rules.fields}
    problems = [problem for rule in rules.fields for problem in _problems(rule, made[rule.name], frame=frame)]
    invalid = frozenset(problem.row for problem in problems if is_error(problem))
    kept = (
        pc.invert(pc.is_in(frame.numbers, value_set=pa.array(sorted(invalid), pa.int64())))
        if invalid
        else None
    )
    return _payloads(rules, made, frame=frame, kept=kept, problems=problems, invalid=invalid)


def _payloads(
    rules: Rules,
    made: dict[str, Made],
    *,
    frame: Frame,
    kept: pa.BooleanArray | None,
    problems: list[Problem],
    invalid: frozenset[int],
) -> Payloads:
    def keep(values: pa.Array) -> pa.Array:
        return values if kept is None else values.filter(kept)

    values = {
        rule.key: _typed(rule, keep(made[rule.name].values)) for rule in rules.fields if rule.link is None
    }
    clears = {
        rule.key: keep(mask)
        for rule in rules.fields
        if (mask := made[rule.name].clears) is not None and pc.any(keep(mask)).as_py()
    }
    links = tuple(
        LinkTexts(rule.link, ", ".join(rule.columns), keep(made[rule.name].values))
        for rule in rules.fields
        if rule.link is not None
    )
    numbers = keep(frame.numbers)
    key_columns = {rule.key: values[rule.key] for rule in rules.key_rules}
    keys = joined_keys(list(key_columns.values()), len(numbers)) if key_columns else pa.array([], pa.string())
    return Payloads(
        rules.mapping.entity,
        frame.file,
        frame.sheet,
        numbers=numbers,
        keys=keys,
        key_columns=key_columns,
        columns=values,
        clears=clears,
        links=links,
        problems=tuple(sorted(problems, key=lambda one: one.row)),
        invalid=invalid,
    )


def _typed(rule: FieldRule, values: pa.Array) -> pa.Array:
    if rule.field.kind != "json":
        return values
    return pa.ExtensionArray.from_storage(pa.json_(), values)


def _problems(rule: FieldRule, made: Made, *, frame: Frame) -> list[Problem]:
    found = []
    for fault in made.faults:
        ref = frame.ref(fault.position)
        problem = Problem(
            fault.code,
            file=ref.file,
            sheet=ref.sheet,
            row=ref.row,
            column=", ".join(rule.columns),
            field=rule.name.split("|")[0],
            value=fault.value,
            facts=fault.facts,
        )
        found.append(
            _left_out(problem) if rule.doc.on_error == "skip_field" and is_error(problem) else problem
        )
    return found


def _left_out(problem: Problem) -> Problem:
    return Problem(
        "cell_left_out",
        problem.file,
        sheet=problem.sheet,
        row=problem.row,
        column=problem.column,
        field=problem.field,
        value=problem.value,
        facts={"reason": say(problem).rstrip(".")},
    )
