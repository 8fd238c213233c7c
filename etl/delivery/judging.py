"""Answers -> outcomes. What the server says is not always what it did; where it can be, that is looked at.

Sources: observations, "Bulk upsert" 2 and 3, and "The way of writing": an own id sent as a create while
another record holds the same unique value is answered Updated and nothing is stored; Failed may have stored.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from etl.api import ItemKind
from etl.delivery.outcomes import problems_by_row, record_outcomes
from etl.model import ChangeKind, Problem, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import ItemAnswer
    from etl.model import Batch, Outcome

SHOWN_VALUE = 200


def ids_to_look_at(batch: Batch, answers: Sequence[ItemAnswer], *, was_sent_before: bool) -> list[str]:
    """Return the ids whose fate the answers alone do not tell: creates that are not answered with Created."""
    return [
        record_id
        for kind, record_id, answer in zip(
            batch.changes.kinds, batch.changes.ids.to_pylist(), answers, strict=True
        )
        if kind is ChangeKind.CREATE and (answer.kind is not ItemKind.CREATED or was_sent_before)
    ]


def judge(
    batch: Batch, answers: Sequence[ItemAnswer], *, standing: frozenset[str], was_sent_before: bool
) -> list[Outcome]:
    """Return what became of each record of an answered batch; of groups one outcome per member row.

    Args:
        standing: of `ids_to_look_at`, those under which a record stands on the server.
        was_sent_before: an earlier request with these records got no answer.
    """
    changes = batch.changes
    warnings = problems_by_row(changes.problems)
    outcomes: list[Outcome] = []
    columns = (changes.numbers.to_pylist(), changes.keys.to_pylist(), changes.ids.to_pylist())
    for kind, answer, row, key, record_id in zip(changes.kinds, answers, *columns, strict=True):
        if kind is ChangeKind.CREATE:
            status, code = _of_create(answer, is_there=record_id in standing, was_sent_before=was_sent_before)
        else:
            status, code = _of_update(answer, was_sent_before=was_sent_before)
        problems = list(warnings.get(row, ())) if row else []
        if code:
            problems.append(_problem(batch, answer, code=code, row=row, key=key or "", record_id=record_id))
        # Where nothing was stored there is no record to name.
        known_id = "" if code and code != "stored_then_refused" and kind is ChangeKind.CREATE else record_id
        outcomes += record_outcomes(
            changes, row, key=key, status=status, record_id=known_id, problems=problems
        )
    return outcomes


def refused_whole(
    batch: Batch, *, code: str, text: str, record_ids: frozenset[str] = frozenset()
) -> list[Outcome]:
    """Return the outcomes of a batch that the server refuses or fails at as a whole.

    Args:
        record_ids: ids of the batch that stand on the server all the same.
    """
    changes = batch.changes
    columns = (changes.numbers.to_pylist(), changes.keys.to_pylist(), changes.ids.to_pylist())
    outcomes: list[Outcome] = []
    for row, key, record_id in zip(*columns, strict=True):
        stands = record_id in record_ids
        problem = Problem(
            "stored_then_refused" if stands else code,
            changes.file,
            changes.sheet,
            row,
            value=(key or "")[:SHOWN_VALUE],
            facts={"text": text, "id": record_id},
        )
        outcomes += record_outcomes(
            changes,
            row,
            key=key,
            status=Status.FAILED,
            record_id=record_id if stands else "",
            problems=[problem],
        )
    return outcomes


def judge_each(batch: Batch, refusals: Mapping[str, str], *, done: Status) -> list[Outcome]:
    """Return what became of each record of a batch whose records went one by one.

    Args:
        refusals: id -> why the server refused it.
        done: what became of the others.
    """
    changes = batch.changes
    columns = (changes.numbers.to_pylist(), changes.keys.to_pylist(), changes.ids.to_pylist())
    outcomes: list[Outcome] = []
    for row, key, record_id in zip(*columns, strict=True):
        problems = []
        if record_id in refusals:
            facts = {"text": refusals[record_id], "id": record_id}
            problems = [Problem("refused", changes.file, changes.sheet, row, value=key or "", facts=facts)]
        status = Status.FAILED if problems else done
        outcomes += record_outcomes(
            changes, row, key=key, status=status, record_id=record_id, problems=problems
        )
    return outcomes


def skipped_if_drifted(outcome: Outcome) -> Outcome:
    """Return the outcome of a drifted row as the user wants it: left alone."""
    if outcome.code != "drifted":
        return outcome
    return dataclasses.replace(outcome, status=Status.SKIPPED)


def _of_create(answer: ItemAnswer, *, is_there: bool, was_sent_before: bool) -> tuple[Status, str]:
    if answer.kind is ItemKind.CREATED and not was_sent_before:
        return Status.CREATED, ""
    if answer.kind is ItemKind.FAILED:
        return Status.FAILED, "stored_then_refused" if is_there else _refusal(answer)
    if not is_there:
        return Status.FAILED, "not_stored" if answer.kind is ItemKind.CREATED else "conflict"
    if was_sent_before or answer.kind is ItemKind.CREATED:
        return Status.CREATED, ""
    return (Status.UPDATED if answer.kind is ItemKind.UPDATED else Status.UNCHANGED), ""


def _of_update(answer: ItemAnswer, *, was_sent_before: bool) -> tuple[Status, str]:
    if answer.kind is ItemKind.FAILED:
        return Status.FAILED, _refusal(answer)
    if answer.kind is ItemKind.CREATED:
        # The record was deleted after it was looked up; the server made it anew from the changed fields.
        return Status.CREATED, ""
    # Only differing fields are sent: a resend that finds nothing to do was carried out the first time.
    is_done = answer.kind is ItemKind.UPDATED or was_sent_before
    return (Status.UPDATED if is_done else Status.UNCHANGED), ""


FORBIDDEN, CONFLICTING = 403, 409


def _refusal(answer: ItemAnswer) -> str:
    return {FORBIDDEN: "refused_right", CONFLICTING: "drifted"}.get(answer.code or 0, "refused")


def _problem(batch: Batch, answer: ItemAnswer, *, code: str, row: int, key: str, record_id: str) -> Problem:
    changes = batch.changes
    return Problem(
        code,
        changes.file,
        changes.sheet,
        row,
        value=key[:SHOWN_VALUE],
        facts={
            "text": answer.text or "it gave no reason",
            "id": record_id,
            "unique": ", ".join(name for name, column in changes.columns.items() if len(column)),
        },
    )
