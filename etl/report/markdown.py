"""The summary as Markdown, for merge requests and job pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from etl.model import Problem, Status
from etl.problems import where
from etl.report.neutral import neutral, shortened
from etl.report.text import PROBLEMS_SHOWN, changed_fields, first_line

if TYPE_CHECKING:
    from etl.report.summary import Summary


def to_markdown(summary: Summary) -> str:
    """Return the report; cells are escaped, so that data makes neither markup, links nor HTML."""
    lines = [
        f"### {escaped(first_line(summary.instance, verb=summary.verb, version=summary.version))}",
        "",
        f"**{summary.status}**{f' · run {escaped(summary.run)}' if summary.run else ''}",
    ]
    if why := summary.guard or summary.error:
        lines += ["", escaped(why)]
    if summary.rows.read:
        counts = [("read", summary.rows.read), *((s.value, summary.rows.of(s)) for s in Status)]
        lines += [
            "",
            "| rows | |",
            "|---|---:|",
            *(f"| {name} | {count:,} |" for name, count in counts if count),
        ]
    if summary.fields:
        lines += ["", "| changed field | records |", "|---|---:|"]
        lines += [f"| {escaped(name)} | {count:,} |" for name, count in changed_fields(summary)]
    if summary.problems:
        lines += ["", "| where | problem |", "|---|---|"]
        for one in summary.problems[:PROBLEMS_SHOWN]:
            place = where(Problem(one.code, one.file, sheet=one.sheet, row=one.row, column=one.column))
            lines.append(f"| {escaped(place)} | {escaped(one.message)} |")
        if (more := summary.problems_total - PROBLEMS_SHOWN) > 0:
            lines += ["", f"and {more:,} more"]
    lines += [f"\n    {neutral(command)}" for command in summary.next]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return text from data with everything escaped that Markdown or HTML would act upon."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|&~@-])", r"\\\1", neutral(shortened(text))).replace("\\&", "&amp;")
