"""Statuses and problems put together: one outcome per source row of a record, all its errors in words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.model import Alike, Outcome, Outcomes
from etl.problems import is_error, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.model import Changes, Problem, Status


def outcomes_of(
    changes: Changes,
    statuses: Sequence[Status | None],
    *,
    problems: Mapping[int, Sequence[Problem]],
    without_record: frozenset[int] = frozenset(),
) -> Outcomes:
    """Return what became of records: of each one outcome, or one per member where several rows made it.

    Args:
        statuses: of each record; None: it has no outcome here.
        problems: position -> what is to be told of its record.
        without_record: positions of which `problems` tell and under whose id nothing stands.
    """
    told: list[Outcome] = []
    alike: dict[Status, list[int]] = {}
    if not problems and len(set(statuses)) == 1 and (status := statuses[0]) is not None:
        return Outcomes((_alike(changes, status),))
    for position, status in enumerate(statuses):
        if status is None:
            continue
        if position not in problems:
            alike.setdefault(status, []).append(position)
            continue
        record_id = "" if position in without_record else changes.ids[position].as_py()
        row, key = changes.numbers[position].as_py(), changes.keys[position].as_py() or ""
        for member in changes.members.get(row, (row,)):
            place = (changes.file, changes.sheet, member, changes.entity, key, status)
            outcome = Outcome(*place, record_id=record_id, part=changes.part)
            told.append(outcome_with(problems[position], outcome))
    return Outcomes(tuple(_alike(changes, status, at) for status, at in alike.items()), tuple(told))


def _alike(changes: Changes, status: Status, positions: Sequence[int] | None = None) -> Alike:
    """The outcomes of some records of which nothing is to be told; None: of all of them."""
    rows, keys, ids = changes.numbers, changes.keys, changes.ids
    if positions is not None:
        wanted = pa.array(positions, pa.int64())
        rows, keys, ids = rows.take(wanted), keys.take(wanted), ids.take(wanted)
    records = len(rows)
    if changes.members:
        grouped = [changes.members.get(row, (row,)) for row in rows.to_pylist()]
        record = pa.array([at for at, members in enumerate(grouped) for _ in members], pa.int64())
        rows = pa.array([member for members in grouped for member in members], pa.int64())
        keys, ids = keys.take(record), ids.take(record)
    if keys.null_count:
        keys = keys.fill_null("")
    return Alike(
        changes.file,
        changes.sheet,
        changes.entity,
        status,
        rows,
        keys,
        ids,
        records=records,
        part=changes.part,
    )


def outcome_with(problems: Sequence[Problem], outcome: Outcome) -> Outcome:
    """Return the outcome with its problems told: code and column of the first error, all errors in words."""
    if not problems:
        return outcome
    told = [problem for problem in problems if is_error(problem)] or list(problems)
    first = told[0]
    return dataclasses.replace(
        outcome,
        code=first.code,
        message=" ".join(_sentence(problem, names_column=len(told) > 1) for problem in told),
        column=first.column,
        problems=tuple(problems),
    )


def problems_by_row(problems: Iterable[Problem]) -> Mapping[int, list[Problem]]:
    """Return the problems of each row, in their order."""
    by_row: dict[int, list[Problem]] = {}
    for problem in problems:
        by_row.setdefault(problem.row, []).append(problem)
    return by_row


def problems_by_position(changes: Changes) -> dict[int, list[Problem]]:
    """Return the problems of each record of some changes, in their order."""
    if not changes.problems:
        return {}
    by_row = problems_by_row(changes.problems)
    # What is about no row is about no record that stands for none (0).
    rows = enumerate(changes.numbers.to_pylist())
    return {at: list(by_row[row]) for at, row in rows if row and row in by_row}


def _sentence(problem: Problem, *, names_column: bool) -> str:
    return f"{problem.column}: {say(problem)}" if names_column and problem.column else say(problem)
