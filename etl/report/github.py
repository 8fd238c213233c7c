"""Problems as annotations of GitHub Actions, one line each.

Source: GitHub Actions, "Workflow commands for GitHub Actions", Setting an error message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.problems import CATALOGUE, Severity
from etl.report.neutral import neutral, shortened
from etl.report.text import first_line

if TYPE_CHECKING:
    from etl.report.summary import ReportedProblem, Summary


def to_github(summary: Summary) -> str:
    """Return one workflow command for each problem kept, and one that says how the run ended."""
    level = {"ok": "notice", "partial": "warning"}.get(summary.status, "error")
    rows = f"{summary.rows.read} rows read, {summary.rows.failed} failed, {summary.rows.invalid} invalid"
    said = ". ".join(part for part in (summary.guard or summary.error, rows) if part)
    title = first_line(summary.instance, verb=summary.verb, version=summary.version)
    lines = [annotation(problem) for problem in summary.problems]
    return (
        "\n".join([*lines, f"::{level} title={_property(title)}::{_data(f'{summary.status}: {said}')}"])
        + "\n"
    )


def annotation(problem: ReportedProblem) -> str:
    """Return the workflow command for one problem."""
    kind = CATALOGUE.get(problem.code)
    level = "warning" if kind and kind.severity is Severity.WARNING else "error"
    place = f"file={_property(problem.file)}"
    if problem.row:
        place += f",line={problem.row}"
    column = f'column "{problem.column}": ' if problem.column else ""
    return f"::{level} {place},title={_property(problem.code)}::{_data(column + problem.message)}"


def _data(text: str) -> str:
    return (
        neutral(shortened(text, 500), keep="\r\n")
        .replace("%", "%25")
        .replace("\r", "%0D")
        .replace("\n", "%0A")
    )


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
