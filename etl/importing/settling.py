"""Outcomes counted as they come, what is wrong with cells kept, and how far the run is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.model import Outcomes, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from etl.model import Outcome, Problem, ProgressListener
    from etl.report.tally import Tally
    from etl.scanning import Scan

MOST_MARKED = 20_000
"""More wrong cells than this nobody mends by hand; all of them stand in the other files of the report."""


def settler(
    tally: Tally, scan: Scan, listener: ProgressListener | None, *, marked: list[Problem] | None = None
) -> Callable[[Iterable[Outcome]], None]:
    """Count outcomes as they come, keep what is wrong with cells, and tell how far the run is."""

    def settle(outcomes: Iterable[Outcome]) -> None:
        portion = Outcomes.of(outcomes)
        tally.add(portion)
        if marked is not None and len(marked) < MOST_MARKED:
            marked.extend(problem for one in portion.told for problem in one.problems)
        if listener is not None:
            listener(Progress("send", tally.rows.read, scan.rows, tally.bad))

    return settle
