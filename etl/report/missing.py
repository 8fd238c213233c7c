"""Link targets that are not on the server, grouped: one line for a brand that 214 rows wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.report.summary import MISSING, MissingTarget
from etl.tables import write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from etl.model import Problem


MOST = 10_000
"""Different targets that are kept; rows of further ones are counted by their reason alone."""


@dataclass(frozen=True, slots=True)
class _Target:
    entity: str
    by: str
    value: str


class MissingTargets:
    """Counts the rows that each missing target keeps waiting, or leaves without their link."""

    def __init__(self) -> None:
        self._rows: dict[_Target, int] = {}
        self._nearest: dict[_Target, str] = {}

    def add(self, problem: Problem) -> None:
        """Count one problem, whatever it is about; most are about something else."""
        if problem.code not in MISSING:
            return
        facts = problem.facts
        target = _Target(facts.get("entity", ""), facts.get("by", ""), problem.value)
        if target not in self._rows and len(self._rows) >= MOST:
            return
        self._rows[target] = self._rows.get(target, 0) + 1
        self._nearest[target] = facts.get("close", "")

    def listed(self) -> tuple[MissingTarget, ...]:
        """Return them by entity, those that most rows wait for first."""
        ordered = sorted(self._rows, key=lambda one: (one.entity, one.by, -self._rows[one], one.value))
        return tuple(
            MissingTarget(
                one.entity,
                by=one.by,
                value=one.value,
                rows=self._rows[one],
                nearest=self._nearest[one].removeprefix(", "),
            )
            for one in ordered
        )


def write_missing(folder: Path, targets: Iterable[MissingTarget]) -> list[Path]:
    """Write `missing-ENTITY.csv` for each entity, ready to be mapped and imported; return the files.

    A column for each field that was looked up, all with the same text: strike what is wrong. `_rows`, which
    an import leaves out, says how many rows wait.
    """
    by_entity: dict[str, list[MissingTarget]] = {}
    for target in targets:
        by_entity.setdefault(target.entity, []).append(target)
    written = []
    for missing in by_entity.values():
        fields = list(dict.fromkeys(name for one in missing for name in one.by.split(", ") if name)) or [
            "name"
        ]
        columns = [
            pa.array([one.value if name in one.by.split(", ") else None for one in missing], pa.string())
            for name in fields
        ]
        rows = pa.array([one.rows for one in missing], pa.int64())
        path = folder / missing[0].file
        write(path, [pa.table([*columns, rows], names=[*fields, "_rows"])])
        written.append(path)
    return written
