"""The workbook of a plan, come back from people: what they accepted of it, and nothing else.

Only `_accept` is read. Whoever wants another value changes the source: a cell that was edited is refused, so
that nobody believes it was sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import EtlError, PlanRefused
from etl.planning import PlanWriter, read_header, read_lines
from etl.planning.from_lines import groups_of
from etl.planning.uploads import UPLOAD, planned_files
from etl.report.foreseen import CHANGING, lines_from
from etl.report.plan_workbook import ABOUT, CHANGES, cells_of
from etl.tables import ReadOptions, read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

IN_QUOTES = re.compile(r'"([^"]+)"')
"""Ids within the JSON of a value."""
YES, NO = frozenset({"yes"}), frozenset({"no", ""})
NOT_ACCEPTED = "not_accepted"
"""The code of what was not."""
SAYS = "it was not accepted in the workbook of the plan."


def is_workbook(path: Path) -> bool:
    """Tell whether a plan is given as its workbook."""
    return path.suffix.lower() == ".xlsx"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was accepted of a plan."""

    workbook: Path
    plan: Path
    """As it was made."""
    lines: Mapping[int, bool]
    """Line of the plan, 1-based -> whether it was accepted; lines that are missing were not."""

    def write(self, path: Path) -> None:
        """Write the plan with what was accepted; records of which nothing was are skipped.

        Raises:
            PlanRefused: another cell of the workbook was edited.
        """
        header = read_header(self.plan)
        with PlanWriter(path, header) as writer:
            writer.rows, writer.ground, writer.absent = header.rows, header.ground, header.absent
            files = self._files() if header.uploads else {}
            writer.uploads = len(files)
            writer.upload_bytes = sum(files.values())
            for lines in self._portions(files):
                writer.step = lines["step"][0].as_py()
                writer.write(lines)

    def _files(self) -> dict[str, int]:
        """Return the files that accepted lines link to: id -> bytes."""
        planned: dict[str, int] = {}
        linked: set[str] = set()
        at = 0
        for batch in read_lines(self.plan):
            if len(uploads := batch.filter(pc.equal(batch["kind"], UPLOAD))):
                planned.update((one.file_id, one.size_bytes) for one, _ in planned_files(uploads))
            for new in batch["new"].to_pylist():
                at += 1
                if new is not None and self.lines.get(at, False):
                    linked.update(IN_QUOTES.findall(new))
        return {one: size for one, size in planned.items() if one in linked}

    def _portions(self, files: Collection[str]) -> Iterator[pa.RecordBatch]:
        at = 0
        for batch in groups_of(read_lines(self.plan)):
            left: list[dict[str, object]] = []
            for line in batch.to_pylist():
                at += 1
                if line["kind"] == UPLOAD and line["id"] not in files:
                    continue
                if line["kind"] not in CHANGING or self.lines.get(at, False):
                    left.append(line)
                elif not left or not _is_same_record(left[-1], line):
                    # Its record stays told of; other lines of it that were accepted take its place.
                    left.append({**line, **SKIPPED})
            if left:
                yield pa.RecordBatch.from_pylist(_one_of_each(left), schema=batch.schema)


SKIPPED = {"kind": "skipped", "field": None, "payload_key": None, "mode": None, "old": None, "new": None,
           "old_text": None, "new_text": None, "code": NOT_ACCEPTED, "message": SAYS}  # fmt: skip


def _is_same_record(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    return all(one[name] == other[name] for name in ("entity", "part", "id", "row", "step"))


def _one_of_each(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    """Leave out that a line was not accepted where another one of its record was."""
    kept: list[dict[str, object]] = []
    for line in lines:
        if kept and kept[-1]["code"] == NOT_ACCEPTED and _is_same_record(kept[-1], line):
            kept.pop()
        kept.append(line)
    return kept


def take_accepted(workbook: Path, state: Path) -> Accepted:
    """Read what people wrote into the column `_accept`.

    Args:
        state: the state folder; the plan may lie in the folder of the run that made it.

    Raises:
        PlanRefused: it is no workbook of a plan, was edited elsewhere, or its plan cannot be found.
        SourceMissing, SourceUnreadable: see `etl.tables.read`.
    """
    plan = _plan_of(workbook, state)
    lines: dict[int, bool] = {}
    shown: dict[int, tuple[int, list[str]]] = {}
    for at, cells in _cells(workbook, CHANGES):
        said = cells["_accept"].strip().lower()
        if said not in YES | NO:
            reason = f'row {at}: "{cells["_accept"]}" in the column _accept is neither yes nor no.'
            raise PlanRefused(str(workbook), reason=reason, advice="Write yes or no.")
        number = int(cells["_line"]) if cells["_line"].isdigit() else 0
        if number in lines or not number:
            reason = f"row {at}: the column _line was edited."
            raise PlanRefused(str(workbook), reason=reason, advice="Make the workbook anew with --xlsx.")
        lines[number] = said in YES
        shown[number] = (at, [cells[name] for name in COMPARED])
    _insist_on_unedited(workbook, plan, shown)
    return Accepted(workbook, plan, lines)


COMPARED = ("kind", "entity", "key", "field", "old", "new")


def _insist_on_unedited(workbook: Path, plan: Path, shown: Mapping[int, tuple[int, list[str]]]) -> None:
    for number, line in enumerate(lines_from(read_lines(plan)), 1):
        if number not in shown:
            continue
        at, there = shown[number]
        meant = cells_of(line, number)
        for name, is_now in zip(COMPARED, there, strict=True):
            if _bare(meant[name]) != _bare(is_now):
                reason = f'row {at}: the column {name} was edited: "{is_now}".'
                advice = "Only _accept is read. Change the source, and make the plan anew."
                raise PlanRefused(str(workbook), reason=reason, advice=advice)


def _bare(text: str) -> str:
    """Spreadsheets exchange line ends and drop blanks at the ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _plan_of(workbook: Path, state: Path) -> Path:
    about = {cells["about"]: cells["plan"] for _, cells in _cells(workbook, ABOUT)}
    name, run, digest = (about.get(one, "") for one in ("file", "run", "digest"))
    tried = [Path(name), workbook.parent / Path(name).name, state / "runs" / run / "plan.parquet"]
    for path in tried:
        if not path.is_file():
            continue
        try:
            header = read_header(path)
        except EtlError:
            continue
        if header.digest == digest:
            return path
    reason = f"the plan that it was made from cannot be found: {name}."
    raise PlanRefused(str(workbook), reason=reason, advice="Lay it beside the workbook, or make both anew.")


def _cells(workbook: Path, sheet: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    table = read(workbook, ReadOptions(sheet=sheet, header_row=1))
    for frame in table.frames():
        data = frame.data.astype("string").fillna("")
        for row, values in zip(
            frame.numbers.to_pylist(), data.itertuples(index=False, name=None), strict=True
        ):
            yield row, dict(zip(table.header, map(str, values), strict=True))
