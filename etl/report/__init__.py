"""Outcomes folded into a summary, and the forms in which people and programs read it.

What handles whole tables (`tally`, `results`, `rejects`) is imported from its module: the command's `--help`
loads this room and shall answer at once.
"""

from etl.report.github import to_github
from etl.report.json import from_object, to_json, to_object
from etl.report.markdown import to_markdown
from etl.report.neutral import neutral, shortened
from etl.report.summary import (
    FileCounts,
    Instance,
    MissingTarget,
    RecordCounts,
    ReportedProblem,
    RowCounts,
    RunStatus,
    Summary,
)
from etl.report.text import first_line, last_lines, problem_line, to_text

__all__ = [
    "FileCounts",
    "Instance",
    "MissingTarget",
    "RecordCounts",
    "ReportedProblem",
    "RowCounts",
    "RunStatus",
    "Summary",
    "first_line",
    "from_object",
    "last_lines",
    "neutral",
    "problem_line",
    "shortened",
    "to_github",
    "to_json",
    "to_markdown",
    "to_object",
    "to_text",
]
