"""What a spreadsheet broke before the table reached us: told first, and kept off the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from etl.delivery.outcomes import outcome_with, problems_by_row
from etl.model import Outcome, Problem, Status
from etl.scanning import kept
from etl.tables.hazards import HazardScan, Switch, broken_cells, refuse_failing, to_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Mapping as Map

    from etl.mapping import Mapping, Rules
    from etl.model import Frame
    from etl.tables import Table


def _unstored(frame: Frame, used: Sequence[str], formulas: Map[int, Map[str, str]]) -> Iterator[Problem]:
    for row in frame.numbers.to_pylist() if formulas else ():
        for column, formula in formulas.get(row, {}).items():
            if column in used:
                yield Problem(
                    "formula_without_value", frame.file, frame.sheet, row, column, value=formula[:200]
                )


class Damage:
    """Looks at the frames of the first pass as they go by."""

    def __init__(self, table: Table, mapping: Mapping, rules: Rules) -> None:
        self._table = table
        self._switches = {code: Switch(said) for code, said in mapping.source.hazards.items()}
        self._scan = HazardScan(table, columns=rules.used_columns, switches=self._switches)

    def seen(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames, looking at each."""
        for frame in frames:
            self._scan.add(frame)
            yield frame

    def told(self) -> tuple[Problem, ...]:
        """Return what was found, each kind once with its first cell and how many there are.

        Raises:
            SourceDamaged: the mapping says that a run must stop for one of them.
        """
        found = self._scan.hazards()
        refuse_failing(found, self._table, self._switches)
        return to_problems(found, self._table)


def without_broken_cells(
    frame: Frame, rules: Rules, *, formulas: Map[int, Map[str, str]]
) -> tuple[Frame, list[Outcome]]:
    """Split the records from a frame in which a used cell holds an error like `#N/A`, or no value at all.

    Each row is told whatever else is wrong with it.

    Args:
        formulas: row -> column -> formula, of cells whose value was never stored.
    """
    used = [name for name in rules.used_columns if name in frame.data.columns]
    broken = [*broken_cells(frame, used), *_unstored(frame, used, formulas)]
    if not broken:
        return frame, []
    rows = {problem.row for problem in broken}
    heads = rules.heads(frame).to_pylist()
    numbers = frame.numbers.to_pylist()
    hit = {head for head, row in zip(heads, numbers, strict=True) if row in rows}
    is_hit = np.array([head in hit for head in heads], np.bool_)
    cells = {(problem.row, problem.column) for problem in broken}
    more = rules.translate(kept(frame, is_hit)).problems
    problems = problems_by_row([*broken, *(one for one in more if (one.row, one.column) not in cells)])
    entity, block = rules.entity.name, rules.mapping.block
    outcomes = [
        outcome_with(
            problems.get(row, broken[:1]),
            Outcome(frame.file, frame.sheet, row, entity, "", Status.INVALID, part=block),
        )
        for row, is_one in zip(numbers, is_hit.tolist(), strict=True)
        if is_one
    ]
    return kept(frame, ~is_hit), outcomes
