"""A plan as Markdown, for the comment of a merge request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.model import Problem
from etl.problems import where
from etl.report.markdown import escaped
from etl.report.neutral import neutral, shortened
from etl.report.plan_text import KINDS, LONGEST_VALUE, SHOWN, cost, verdict
from etl.report.text import first_line

if TYPE_CHECKING:
    from etl.report.foreseen import Foreseen, Line


def to_plan_markdown(foreseen: Foreseen) -> str:
    """Return the plan in short; cells are escaped, so that data makes neither markup, links nor HTML."""
    summary = foreseen.summary
    head = first_line(summary.instance, verb=summary.verb, version=summary.version)
    lines = [f"### {escaped(head)}", "", f"**{escaped(verdict(foreseen))}**"]
    kinds = [kind for kind in KINDS if any(kind in counts for counts in foreseen.records.values())]
    if kinds:
        lines += ["", f"| records | {' | '.join(kinds)} |", f"|---|{'---:|' * len(kinds)}"]
        for entity, counts in foreseen.records.items():
            numbers = " | ".join(f"{counts.get(kind, 0):,}" for kind in kinds)
            lines.append(f"| {escaped(entity)} | {numbers} |")
    updates = [line for line in foreseen.first if line.kind == "update"]
    if updates:
        lines += ["", "| row | key | field | old | new |", "|---:|---|---|---|---|"]
        lines += [_difference(line) for line in updates[:SHOWN]]
        if (more := foreseen.differences - len(updates[:SHOWN])) > 0:
            lines += ["", f"and {more:,} more differences in the plan"]
    if summary.problems:
        lines += ["", "| where | problem |", "|---|---|"]
        for one in summary.problems[:SHOWN]:
            place = where(Problem(one.code, one.file, sheet=one.sheet, row=one.row, column=one.column))
            lines.append(f"| {escaped(place)} | {escaped(one.message)} |")
        if (more := summary.problems_total - SHOWN) > 0:
            lines += ["", f"and {more:,} more problems in the plan"]
    lines += [line for said in cost(foreseen) for line in ("", escaped(said))]
    lines += [f"\n    {neutral(command)}" for command in summary.next]
    return "\n".join(lines) + "\n"


def _difference(line: Line) -> str:
    cells = [line.key, line.field, line.old, f"+ {line.new}" if line.mode == "add" else line.new]
    told = [escaped(shortened(text, LONGEST_VALUE)) for text in cells]
    return f"| {line.row or ''} | {' | '.join(told)} |"
