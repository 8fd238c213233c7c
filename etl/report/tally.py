"""Outcomes folded into counts while a run goes on: one byte for each source row, whatever the run does."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from etl.model import ROW_PRECEDENCE, Outcomes, Problem, Status
from etl.report.missing import MissingTargets
from etl.report.summary import (
    PROBLEMS_KEPT,
    FileCounts,
    Instance,
    MissingTarget,
    RecordCounts,
    ReportedProblem,
    RowCounts,
    RunStatus,
    Summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from etl.model import Outcome

RowNumbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"

# 0 stands for a row that was not seen; of two statuses of a row the higher one counts.
RANKS: dict[Status, int] = {status: len(ROW_PRECEDENCE) - at for at, status in enumerate(ROW_PRECEDENCE)}
TOLD = frozenset({Status.FAILED, Status.INVALID, Status.SKIPPED})
ROWS_HELD = 5_000
"""Rows that ended alike, before they are counted together."""
RECORDED = ("created", "updated", "unchanged", "deleted", "exported")


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """Where a problem stands, in the order in which files and rows came."""

    file: int
    row: int
    column: str
    code: str
    value: str
    """Of several cells in one, for example links: which of them."""


class Tally:
    """Counts rows, records and problems of a run as their outcomes come, in any order and any portions."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str | None], bytearray] = {}
        self._count = [0] * (len(ROW_PRECEDENCE) + 1)
        self._uncounted: dict[tuple[str, str | None, Status], list[RowNumbers]] = {}
        """Rows that ended alike; which of them are counted first makes no difference."""
        self._held_rows = 0
        """How many they are."""
        self._records: defaultdict[tuple[str, str], int] = defaultdict(int)
        """Entity and status, or `exported` -> records."""
        self._files = FileCounts()
        self._reasons: Counter[str] = Counter()
        self._missing = MissingTargets()
        self._problems: dict[_Place, ReportedProblem | Problem] = {}
        self._last_kept: _Place | None = None

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Count what became of some records; their rows count once, by `ROW_PRECEDENCE`.

        Outcomes of several rows with one record (entity, id and status agree) count as one record if they
        come in one call: hand over a batch at a time, and the rows of a record together.
        """
        portion = Outcomes.of(outcomes)
        for alike in filter(len, portion.alike):
            self._rows.setdefault((alike.file, alike.sheet), bytearray())
            of_status = self._uncounted.setdefault((alike.file, alike.sheet, alike.status), [])
            # A copy: the columns they came in would be held with them.
            of_status.append(alike.rows.to_numpy().copy())
            self._held_rows += len(alike)
            self._records[alike.entity, alike.status] += alike.records
        if self._held_rows >= ROWS_HELD:
            self._count_rows()
        # All of a run's outcomes go through here: what can be looked up once is.
        seen: set[tuple[str, str, Status]] = set()
        count, records = self._count, self._records
        place: tuple[str, str | None] | None = None
        held = bytearray()
        for outcome in portion.told:
            row, status, entity, record_id = outcome.row, outcome.status, outcome.entity, outcome.record_id
            if row:
                if place != (outcome.file, outcome.sheet):
                    place = (outcome.file, outcome.sheet)
                    held = self._held(*place, last=row)
                elif row >= len(held):
                    self._held(*place, last=row)
                rank, before = RANKS[status], held[row]
                if rank > before:
                    held[row] = rank
                    count[before] -= 1
                    count[rank] += 1
            one = (entity, record_id, status)
            if not record_id or one not in seen:
                seen.add(one)
                records[entity, status] += 1
            if outcome.code or outcome.problems:
                self._tell(outcome)

    def _count_rows(self) -> None:
        for (file, sheet, status), portions in self._uncounted.items():
            self._add_rows(file, sheet, np.concatenate(portions), status)
        self._uncounted.clear()
        self._held_rows = 0

    def _add_rows(self, file: str, sheet: str | None, numbers: RowNumbers, status: Status) -> None:
        if len(numbers) > 1 and not (numbers[1:] > numbers[:-1]).all():
            # A row counts once, however many of its records are here.
            numbers = np.unique(numbers)
        if not numbers[0]:
            numbers = numbers[1:]
        if not len(numbers):
            return
        held = np.frombuffer(self._held(file, sheet, last=int(numbers[-1])), np.uint8)
        rank, before = RANKS[status], held[numbers]
        is_higher = before < rank
        if not is_higher.all():
            numbers, before = numbers[is_higher], before[is_higher]
        held[numbers] = rank
        for lower, count in enumerate(np.bincount(before, minlength=1).tolist()):
            self._count[lower] -= count
        self._count[rank] += len(numbers)

    def add_rest(self, file: str, sheet: str | None, *, rows: Iterable[int], status: Status) -> None:
        """Count rows whose fate nobody told yet; settled ones stay as they are. They are no records."""
        self._count_rows()
        for row in rows:
            held = self._held(file, sheet, last=row)
            if held[row] == 0:
                held[row] = RANKS[status]
                self._count[RANKS[status]] += 1

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Keep problems that no outcome carries: of a header, of a whole file, warnings of a scan."""
        for problem in problems:
            self._reasons[problem.code] += 1
            self._missing.add(problem)
            self._keep(problem)

    def add_exported(self, entity: str, records: int) -> None:
        """Count records of an entity that were written into a table."""
        self._records[entity, "exported"] += records

    def add_files(self, files: FileCounts) -> None:
        """Count what became of files."""
        self._files += files

    @property
    def files(self) -> FileCounts:
        """What became of files so far."""
        return self._files

    @property
    def rows(self) -> RowCounts:
        """How the rows that came so far ended."""
        self._count_rows()
        return RowCounts(**{status.value: self._count[rank] for status, rank in RANKS.items()})

    @property
    def missing(self) -> tuple[MissingTarget, ...]:
        """Link targets that were not on the server, with the number of rows that link to them."""
        return self._missing.listed()

    @property
    def bad(self) -> int:
        """Rows failed or invalid so far: for progress and guards, at no cost. None that ended alike are."""
        return self._count[RANKS[Status.FAILED]] + self._count[RANKS[Status.INVALID]]

    def summary(
        self,
        run: str,
        verb: str,
        *,
        mappings: Sequence[str] = (),
        status: RunStatus | None = None,
        requests: int = 0,
        retries: int = 0,
        seconds: float = 0.0,
        guard: str | None = None,
        error: str | None = None,
        resumable: bool = False,
        next_commands: Sequence[str] = (),
        folder: str = "",
        instance: Instance | None = None,
        version: str = "",
    ) -> Summary:
        """Return what it came to.

        Args:
            status: None: `stopped` where a guard or an error is given, else `partial` where a row failed or
                was invalid, else `ok`.
        """
        rows = self.rows
        usual: RunStatus = "stopped" if guard or error else "partial" if rows.bad else "ok"
        records = {
            entity: RecordCounts(**{name: self._records.get((entity, name), 0) for name in RECORDED})
            for entity in sorted({entity for entity, _ in self._records})
        }
        missing = self.missing
        self._cut()
        problems = [self._problems[place] for place in sorted(self._problems)]
        return Summary(
            run,
            verb,
            status=status or usual,
            mappings=tuple(mappings),
            rows=rows,
            records=records,
            files=self._files,
            requests=requests,
            retries=retries,
            seconds=seconds,
            guard=guard,
            resumable=resumable,
            next=tuple(next_commands),
            folder=folder,
            problems=tuple(ReportedProblem.of(p) if isinstance(p, Problem) else p for p in problems),
            problems_total=self._reasons.total(),
            reasons=dict(sorted(self._reasons.items(), key=lambda one: (-one[1], one[0]))),
            missing=missing[:PROBLEMS_KEPT],
            missing_total=len(missing),
            error=error,
            instance=instance,
            version=version,
        )

    def _held(self, file: str, sheet: str | None, *, last: int) -> bytearray:
        held = self._rows.setdefault((file, sheet), bytearray())
        if last >= len(held):
            # In steps, so that rising rows do not make it grow one by one.
            held.extend(bytes(last - len(held) + 4096))
        return held

    def _tell(self, outcome: Outcome) -> None:
        if not outcome.problems:
            if outcome.status not in TOLD:
                return
            self._reasons[outcome.code] += 1
            self._keep(
                ReportedProblem(
                    code=outcome.code,
                    file=outcome.file,
                    sheet=outcome.sheet,
                    row=outcome.row,
                    column=outcome.column,
                    field="",
                    value="",
                    message=outcome.message,
                )
            )
            return
        for problem in outcome.problems:
            # The rows of a group share their problems: each is told once, with the row it stands in.
            if problem.row in (0, outcome.row) or not outcome.row:
                self._reasons[problem.code] += 1
                self._missing.add(problem)
                self._keep(problem)

    def _keep(self, problem: Problem | ReportedProblem) -> None:
        self._rows.setdefault((problem.file, problem.sheet), bytearray())
        file = list(self._rows).index((problem.file, problem.sheet))
        place = _Place(file, problem.row, problem.column, problem.code, problem.value)
        if self._last_kept is not None and place > self._last_kept:
            return
        self._problems.setdefault(place, problem)
        if len(self._problems) >= 2 * PROBLEMS_KEPT:
            self._cut()

    def _cut(self) -> None:
        first = sorted(self._problems)[:PROBLEMS_KEPT]
        if len(first) == PROBLEMS_KEPT:
            self._last_kept = first[-1]
        self._problems = {place: self._problems[place] for place in first}
