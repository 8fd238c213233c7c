"""Answers -> outcomes. What the server says is not always what it did; where it can be, that is looked at.

Sources: observations, "Bulk upsert" 2 and 3, and "The way of writing": an own id sent as a create while
another record holds the same unique value is answered Updated and nothing is stored; Failed may have stored.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from etl.api import ItemKind
from etl.delivery.outcomes import outcomes_of, problems_by_position
from etl.model import ChangeKind, Outcomes, Problem, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from etl.api import ItemAnswer
    from etl.model import Batch, Changes

SHOWN_VALUE = 200


PLANNED = {ChangeKind.CREATE: ItemKind.CREATED, ChangeKind.UPDATE: ItemKind.UPDATED}
ENDED = {ChangeKind.CREATE: Status.CREATED, ChangeKind.UPDATE: Status.UPDATED}


def as_planned(batch: Batch, answers: Sequence[ItemAnswer]) -> Outcomes | None:
    """Return what became of a batch that is answered for the first time and just as it was planned.

    None: an answer is another one, and has to be judged.
    """
    kinds = batch.changes.kinds
    if [PLANNED[kind] for kind in kinds] != [answer.kind for answer in answers]:
        return None
    statuses = [ENDED[kind] for kind in kinds]
    return outcomes_of(batch.changes, statuses, problems=problems_by_position(batch.changes))


def ids_to_look_at(batch: Batch, answers: Sequence[ItemAnswer], *, was_sent_before: bool) -> list[str]:
    """Return the ids whose fate the answers alone do not tell: creates that are not answered with Created."""
    return [
        batch.changes.ids[position].as_py()
        for position, (kind, answer) in enumerate(zip(batch.changes.kinds, answers, strict=True))
        if kind is ChangeKind.CREATE and (answer.kind is not ItemKind.CREATED or was_sent_before)
    ]


def judge(
    batch: Batch, answers: Sequence[ItemAnswer], *, standing: frozenset[str], was_sent_before: bool
) -> Outcomes:
    """Return what became of each record of an answered batch; of groups one outcome per member row.

    Args:
        standing: of `ids_to_look_at`, those under which a record stands on the server.
        was_sent_before: an earlier request with these records got no answer.
    """
    changes = batch.changes
    problems = problems_by_position(changes)
    there = _positions(changes, standing)
    statuses: list[Status] = []
    nameless: set[int] = set()
    for position, (kind, answer) in enumerate(zip(changes.kinds, answers, strict=True)):
        if kind is ChangeKind.CREATE:
            is_there = position in there
            status, code = _of_create(answer, is_there=is_there, was_sent_before=was_sent_before)
            if code and code != "stored_then_refused":
                # Where nothing was stored there is no record to name.
                nameless.add(position)
        else:
            status, code = _of_update(answer, was_sent_before=was_sent_before)
        statuses.append(status)
        if code:
            text = answer.text or "it gave no reason"
            problems.setdefault(position, []).append(_problem(changes, position, code=code, text=text))
    return outcomes_of(changes, statuses, problems=problems, without_record=frozenset(nameless))


def refused_whole(
    batch: Batch, *, code: str, text: str, record_ids: frozenset[str] = frozenset()
) -> Outcomes:
    """Return the outcomes of a batch that the server refuses or fails at as a whole.

    Args:
        record_ids: ids of the batch that stand on the server all the same.
    """
    changes = batch.changes
    there = _positions(changes, record_ids)
    problems = {
        at: [_problem(changes, at, code="stored_then_refused" if at in there else code, text=text)]
        for at in range(len(batch))
    }
    statuses = [Status.FAILED] * len(batch)
    nameless = frozenset(range(len(batch))) - there
    return outcomes_of(changes, statuses, problems=problems, without_record=nameless)


def judge_each(batch: Batch, refusals: Mapping[str, str], *, done: Status) -> Outcomes:
    """Return what became of each record of a batch whose records went one by one.

    Args:
        refusals: id -> why the server refused it.
        done: what became of the others.
    """
    changes = batch.changes
    refused = _positions(changes, refusals.keys())
    problems = {
        at: [_problem(changes, at, code="refused", text=refusals[changes.ids[at].as_py()])] for at in refused
    }
    statuses = [Status.FAILED if at in refused else done for at in range(len(batch))]
    return outcomes_of(changes, statuses, problems=problems)


def skipped_if_drifted(outcomes: Outcomes) -> Outcomes:
    """Return the outcomes with drifted rows as the user wants them: left alone."""
    told = [
        dataclasses.replace(one, status=Status.SKIPPED) if one.code == "drifted" else one
        for one in outcomes.told
    ]
    return Outcomes(outcomes.alike, tuple(told))


def _positions(changes: Changes, ids: Collection[str]) -> frozenset[int]:
    """Where the records with some ids stand; most often there are none."""
    return frozenset(at for at, one in enumerate(changes.ids.to_pylist()) if one in ids) if ids else NONE


NONE: frozenset[int] = frozenset()


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


def _problem(changes: Changes, position: int, *, code: str, text: str) -> Problem:
    return Problem(
        code,
        changes.file,
        changes.sheet,
        changes.numbers[position].as_py(),
        value=(changes.keys[position].as_py() or "")[:SHOWN_VALUE],
        facts={
            "text": text,
            "id": changes.ids[position].as_py(),
            "unique": ", ".join(name for name, column in changes.columns.items() if len(column)),
        },
    )
