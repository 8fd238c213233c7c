"""Several runs as one summary: what was typed as one command is reported as one."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from etl.report.summary import (
    PROBLEMS_KEPT,
    FileCounts,
    KnownCounts,
    RecordCounts,
    RowCounts,
    Summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from etl.report.summary import RunStatus

T = TypeVar("T", RowCounts, RecordCounts, FileCounts)
WORST_FIRST: tuple[RunStatus, ...] = ("failed", "stopped", "partial", "ok")


def together(summaries: Sequence[Summary]) -> Summary:
    """Return the sum of runs of one client, one after the other; what is no count is that of the last one.

    The status is the worst. Requests are counted by the client: the last run knows of all.

    Raises:
        ValueError: there is none.
    """
    if not summaries:
        raise ValueError("no run to report")
    last = summaries[-1]
    if len(summaries) == 1:
        return last
    records: dict[str, RecordCounts] = {}
    for one in summaries:
        for entity, counts in one.records.items():
            records[entity] = _sum(RecordCounts, [records.get(entity, RecordCounts()), counts])
    reasons = Counter[str]()
    for one in summaries:
        reasons.update(one.reasons)
    return dataclasses.replace(
        last,
        status=min((one.status for one in summaries), key=WORST_FIRST.index),
        mappings=tuple(name for one in summaries for name in one.mappings),
        rows=_sum(RowCounts, [one.rows for one in summaries]),
        records=dict(sorted(records.items())),
        files=_sum(FileCounts, [one.files for one in summaries]),
        seconds=sum(one.seconds for one in summaries),
        next=tuple(dict.fromkeys(command for one in summaries for command in one.next)),
        problems=tuple(problem for one in summaries for problem in one.problems)[:PROBLEMS_KEPT],
        missing=tuple(target for one in summaries for target in one.missing)[:PROBLEMS_KEPT],
        missing_total=sum(one.missing_total for one in summaries),
        problems_total=sum(one.problems_total for one in summaries),
        reasons=dict(reasons.most_common()),
        known=known_together(one.known for one in summaries if one.known is not None),
    )


def known_together(counts: Iterable[KnownCounts]) -> KnownCounts | None:
    """Return the sum of what several blocks or runs could spare themselves; None: there are none.

    Requests are counted by the client: the last one knows of all.
    """
    found = list(counts)
    if not found:
        return None
    sums = {
        name: sum(getattr(one, name) for one in found)
        for name in ("rows", "compared", "changed", "verified", "unsteady")
    }
    why = next((one.why for one in found if one.why), "")
    return KnownCounts(**sums, asked=found[-1].asked, why=why)


def _sum(kind: type[T], counts: Iterable[T]) -> T:
    counts = list(counts)
    names = [field.name for field in dataclasses.fields(kind)]
    return kind(**{name: sum(getattr(one, name) for one in counts) for name in names})
