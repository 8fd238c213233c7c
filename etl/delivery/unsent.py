"""Outcomes of rows that no request is needed for: invalid, skipped, unchanged, blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.delivery.outcomes import outcome_with, outcomes_of, problems_by_position, problems_by_row
from etl.model import ChangeKind, Outcome, Outcomes, Status
from etl.problems import is_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.model import Changes, Payloads, Problem

STATUS_OF = {ChangeKind.UNCHANGED: Status.UNCHANGED, ChangeKind.BLOCKED: Status.FAILED}


def unsent_outcomes(changes: Changes, *, created_before: frozenset[str] = frozenset()) -> Outcomes:
    """Return the outcomes of unchanged and blocked records; of groups one per member row.

    Args:
        created_before: ids that an earlier, stopped part of this run sent as creates without an answer.
            Where they stand on the server now and need no change, they were created by this run.
    """
    if not any(kind in changes.kinds for kind in STATUS_OF):
        return Outcomes()
    problems = problems_by_position(changes)
    statuses = [
        _status_of(kind, problems.get(at, ())) if kind in STATUS_OF else None
        for at, kind in enumerate(changes.kinds)
    ]
    if created_before:
        for at, (status, record_id) in enumerate(zip(statuses, changes.ids.to_pylist(), strict=True)):
            if status is Status.UNCHANGED and record_id in created_before:
                statuses[at] = Status.CREATED
    return outcomes_of(changes, statuses, problems=problems)


def _status_of(kind: ChangeKind, problems: Sequence[Problem]) -> Status:
    """What is blocked without an error is left alone because the mapping says so."""
    if kind is ChangeKind.BLOCKED and not any(is_error(problem) for problem in problems):
        return Status.SKIPPED
    return FORESEEN[kind]


FORESEEN = {**STATUS_OF, ChangeKind.CREATE: Status.CREATED, ChangeKind.UPDATE: Status.UPDATED,
            ChangeKind.DELETE: Status.DELETED}  # fmt: skip


def foreseen_outcomes(changes: Changes) -> Outcomes:
    """Return the outcomes that all of these changes will have if the server does what it is asked to."""
    problems = problems_by_position(changes)
    statuses = [_status_of(kind, problems.get(at, ())) for at, kind in enumerate(changes.kinds)]
    return outcomes_of(changes, statuses, problems=problems)


def invalid_outcomes(payloads: Payloads) -> list[Outcome]:
    """Return the outcomes of rows that could not be understood, and of those that the mapping skips."""
    by_row = problems_by_row(payloads.problems)
    return [
        outcome_with(
            by_row.get(row, ()), Outcome(payloads.file, payloads.sheet, row, payloads.entity, "", status)
        )
        for rows, status in ((payloads.invalid, Status.INVALID), (payloads.skipped, Status.SKIPPED))
        for row in sorted(rows)
    ]
