"""Outcome and problems put together: one outcome per source row of a record, all its errors in words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from etl.model import Outcome, Status
from etl.problems import is_error, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from etl.model import Changes, Problem


def record_outcomes(
    changes: Changes,
    row: int,
    *,
    key: str | None,
    status: Status,
    record_id: str,
    problems: Sequence[Problem],
) -> Iterator[Outcome]:
    """Yield what became of one record: one outcome, or one per member where several rows made it."""
    for member in changes.members.get(row, (row,)):
        outcome = Outcome(
            changes.file,
            changes.sheet,
            member,
            changes.entity,
            key or "",
            status,
            record_id=record_id,
            part=changes.part,
        )
        yield outcome_with(problems, outcome)


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


def _sentence(problem: Problem, *, names_column: bool) -> str:
    return f"{problem.column}: {say(problem)}" if names_column and problem.column else say(problem)
