"""Outcomes of rows that no request is needed for: invalid, skipped, unchanged, blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from etl.delivery.outcomes import outcome_with, outcomes_of, problems_by_position, problems_by_row
from etl.model import ChangeKind, Outcome, Outcomes, Status
from etl.problems import is_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.model import Changes, Payloads, Problem

SentBefore: TypeAlias = "Mapping[tuple[str, str, str], ChangeKind]"
"""Entity, part and id of records -> what was to become of them."""
NOTHING_SENT: SentBefore = {}
STATUS_OF = {ChangeKind.UNCHANGED: Status.UNCHANGED, ChangeKind.BLOCKED: Status.FAILED}


def unsent_outcomes(changes: Changes, *, sent_before: SentBefore = NOTHING_SENT) -> Outcomes:
    """Return the outcomes of unchanged and blocked records; of groups one per member row.

    Args:
        sent_before: what an earlier, stopped part of this run sent without an answer. Where it needs no
            change now, it was carried out by this run.
    """
    if not any(kind in changes.kinds for kind in STATUS_OF):
        return Outcomes()
    problems = problems_by_position(changes)
    statuses = [
        _status_of(kind, problems.get(at, ())) if kind in STATUS_OF else None
        for at, kind in enumerate(changes.kinds)
    ]
    if sent_before:
        for at, (status, record_id) in enumerate(zip(statuses, changes.ids.to_pylist(), strict=True)):
            kind = sent_before.get((changes.entity, changes.part, record_id))
            if status is Status.UNCHANGED and kind is not None:
                statuses[at] = FORESEEN[kind]
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
