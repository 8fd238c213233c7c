"""What a spreadsheet, a mail program or a hand already broke, found before anything is mapped.

Each hazard has a code of `problems.CATALOGUE` and a switch. Frames are given one after the other, so that a
scan costs no pass of its own. What is rare is looked for in the bytes of a whole column first (see `probes`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import SourceDamaged
from etl.model import Problem
from etl.model.letters import letters_of
from etl.problems import say
from etl.tables.columns import letters
from etl.tables.probes import ERROR_TEXTS, Probe

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from etl.model import Frame
    from etl.tables.table import Table

EXAMPLES = 3


class Switch(StrEnum):
    """What a hazard means for a run."""

    IGNORE = "ignore"
    """It is not looked at."""
    WARN = "warn"
    """It stands in the report."""
    FAIL = "fail"
    """The run stops before anything is sent."""


SWITCHES: Mapping[str, Switch] = MappingProxyType({
    "lost_zeros": Switch.WARN,
    "scientific_number": Switch.WARN,
    "date_as_number": Switch.WARN,
    "error_cell": Switch.WARN,
    "uncached_formula": Switch.WARN,
    "zeros_by_format": Switch.IGNORE,
    "mixed_decimals": Switch.WARN,
    "invisible_characters": Switch.WARN,
    "mojibake": Switch.WARN,
    "near_duplicate_key": Switch.WARN,
    "wrong_check_digit": Switch.WARN,
    "hidden_rows": Switch.WARN,
    "hidden_columns": Switch.IGNORE,
    "filtered_rows": Switch.WARN,
    "merged_cells": Switch.WARN,
    "trailing_empty_rows": Switch.IGNORE,
    "totals_row": Switch.WARN,
})  # fmt: skip
"""Every hazard, and what it means unless the mapping says otherwise."""


@dataclass(frozen=True, slots=True)
class Example:
    """One cell that shows a hazard."""

    row: int
    """1-based as seen in the file; 0: the column as a whole."""
    value: str


@dataclass(frozen=True, slots=True)
class Hazard:
    """One kind of damage in one column, or in the sheet."""

    code: str
    column: str = ""
    """Empty: the table as a whole."""
    position: int = 0
    """0-based position of the column in the sheet."""
    count: int = 1
    """Cells, rows or ranges."""
    examples: tuple[Example, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def cells(self, sheet: str | None) -> tuple[str, ...]:
        """Return where the examples stand: `Q3!B118`, or `line 118` where there is no sheet."""
        if sheet is None:
            return tuple(f"line {one.row}" for one in self.examples if one.row)
        if not self.column:
            return tuple(
                f"{sheet}!{one.value}" if not one.row else f"{sheet}!{one.row}" for one in self.examples
            )
        return tuple(f"{sheet}!{letters(self.position)}{one.row}" for one in self.examples if one.row)


class HazardScan:
    """Takes the frames of one table and tells what is wrong with it.

    Args of the constructor:
        columns: those to look at; None: all. Columns beginning with `_` never count.
        switches: code -> what differs from `SWITCHES`; ignored hazards are not looked for.
    """

    def __init__(
        self,
        table: Table,
        *,
        columns: Collection[str] | None = None,
        switches: Mapping[str, Switch] = MappingProxyType({}),
    ) -> None:
        self._table = table
        chosen = {**SWITCHES, **switches}
        self._wanted = {code for code, switch in chosen.items() if switch is not Switch.IGNORE}
        self._probes = {
            name: Probe(name)
            for name in table.header
            if not name.startswith("_") and (columns is None or name in columns)
        }
        self._last: dict[str, str] = {}
        self._last_row = 0

    def add(self, frame: Frame) -> None:
        """Look at the next frame of the table."""
        if not len(frame):
            return
        self._last = {}
        self._last_row = frame.numbers[len(frame) - 1].as_py()
        for name, probe in self._probes.items():
            column = frame.column(name)
            probe.add(column, frame.numbers)
            if pa.types.is_string(column.type) and column[-1].is_valid:
                self._last[name] = column[-1].as_py()

    def hazards(self) -> tuple[Hazard, ...]:
        """Return what was found so far: of the sheet first, then column by column."""
        found = [*self._of_sheet(), *self._of_rows()]
        for name, probe in self._probes.items():
            position = self._table.first_column + self._table.header.index(name)
            for code, seen in probe.found():
                examples = tuple(Example(row, value) for row, value in seen.examples)
                found.append(Hazard(code, name, position, seen.count, examples, seen.facts))
        return tuple(one for one in found if one.code in self._wanted)

    def _of_sheet(self) -> list[Hazard]:
        if self._table.sheet_facts is None:
            return []
        facts = self._table.sheet_facts()
        shown = {
            self._table.first_column + at: name
            for at, name in enumerate(self._table.header)
            if name in self._probes
        }
        found: list[Hazard] = []
        for code, places in (("uncached_formula", facts.uncached), ("zeros_by_format", facts.padded)):
            by_column: dict[int, list[Example]] = {}
            for place, text in places.items():
                if place.column in shown and place.row > self._table.header_row:
                    by_column.setdefault(place.column, []).append(Example(place.row, text))
            found += [
                Hazard(code, shown[column], column, len(cells), tuple(cells[:EXAMPLES]))
                for column, cells in sorted(by_column.items())
            ]
        rows = [row for row in facts.hidden_rows if row > self._table.header_row]
        if rows:
            code = "filtered_rows" if facts.is_filtered else "hidden_rows"
            found.append(Hazard(code, count=len(rows), examples=_examples([(row, "") for row in rows])))
        hidden = [shown[column] for column in facts.hidden_columns if column in shown]
        found += [Hazard("hidden_columns", column=name) for name in hidden]
        if facts.merged:
            cells = _examples([(0, area) for area in facts.merged])
            found.append(Hazard("merged_cells", count=len(facts.merged), examples=cells))
        return found

    def _of_rows(self) -> list[Hazard]:
        found = []
        total = next((text for text in self._last.values() if Probe.is_total(text)), None)
        if total is not None:
            found.append(Hazard("totals_row", examples=(Example(self._last_row, total),)))
        if self._table.sheet is not None and self._table.rows_total is not None and self._last_row:
            empty = self._table.header_row + self._table.rows_total - self._last_row
            if empty > 0:
                found.append(Hazard("trailing_empty_rows", count=empty))
        return found


def _examples(cells: Sequence[tuple[int, str]]) -> tuple[Example, ...]:
    return tuple(Example(row, value) for row, value in cells[:EXAMPLES])


def scan(
    table: Table,
    *,
    columns: Collection[str] | None = None,
    switches: Mapping[str, Switch] = MappingProxyType({}),
) -> tuple[Hazard, ...]:
    """Read a table once and return its hazards (see `HazardScan`)."""
    found = HazardScan(table, columns=columns, switches=switches)
    for frame in table.frames():
        found.add(frame)
    return found.hazards()


def to_problems(hazards: Sequence[Hazard], table: Table) -> tuple[Problem, ...]:
    """Return hazards as Problems for a report: each with the first of its cells, and how many there are."""
    problems = []
    for one in hazards:
        first = one.examples[0] if one.examples else Example(0, "")
        facts = {"count": f"{one.count:,}", "cells": ", ".join(one.cells(table.sheet)), **one.facts}
        problems.append(
            Problem(
                one.code, table.name, table.sheet, first.row, one.column, value=first.value[:200], facts=facts
            )
        )
    return tuple(problems)


def failing(hazards: Sequence[Hazard], switches: Mapping[str, Switch]) -> tuple[Hazard, ...]:
    """Return the hazards whose switch says that the run must stop."""
    return tuple(one for one in hazards if switches.get(one.code, SWITCHES[one.code]) is Switch.FAIL)


def refuse_failing(hazards: Sequence[Hazard], table: Table, switches: Mapping[str, Switch]) -> None:
    """Stop a run whose source has a hazard with the switch `fail`.

    Raises:
        SourceDamaged: it has; exit 6.
    """
    if found := failing(hazards, switches):
        told = [
            f'column "{one.column}": {say(one)} [{one.code}]' if one.column else f"{say(one)} [{one.code}]"
            for one in to_problems(found, table)
        ]
        raise SourceDamaged(table.name, hazards=told)


def formulas_without_value(table: Table) -> dict[int, dict[str, str]]:
    """Return row -> column -> formula, of cells whose value was never stored; empty where there are none.

    Looks through the whole sheet once; other formats have no formulas.
    """
    if table.sheet_facts is None:
        return {}
    names = {table.first_column + at: name for at, name in enumerate(table.header)}
    found: dict[int, dict[str, str]] = {}
    for place, text in table.sheet_facts().uncached.items():
        if place.column in names and place.row > table.header_row:
            found.setdefault(place.row, {})[names[place.column]] = text
    return found


def broken_cells(frame: Frame, columns: Collection[str]) -> tuple[Problem, ...]:
    """Return the cells of a frame that hold what a spreadsheet shows instead of a value, like `#N/A`.

    They are errors of their rows in whatever column is used: as text they would be stored as a value, as
    empty they would clear one.
    """
    problems = []
    for name in columns:
        column = frame.column(name)
        if not pa.types.is_string(column.type) or b"#" not in letters_of(column).tobytes():
            continue
        hits = np.flatnonzero(pc.is_in(column, ERROR_TEXTS).to_numpy(zero_copy_only=False))
        problems += [
            Problem(
                "error_value",
                frame.file,
                frame.sheet,
                frame.numbers[at].as_py(),
                name,
                value=column[at].as_py(),
            )
            for at in hits.tolist()
        ]
    return tuple(sorted(problems, key=lambda one: one.row))
