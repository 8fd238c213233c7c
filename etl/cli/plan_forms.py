"""The forms in which `atro-etl plan` hands over what it found: files for people, text, JSON, Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from etl.cli.console import Form
from etl.cli.exits import Exit, exit_of
from etl.planning import read_lines
from etl.report import last_lines, to_github
from etl.report.foreseen import lines_from, to_object
from etl.report.plan_markdown import to_plan_markdown
from etl.report.plan_page import write_plan_page
from etl.report.plan_text import to_plan_text
from etl.report.plan_workbook import write_plan_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.cli.console import Console
    from etl.report.foreseen import Foreseen, Line


def write_files(foreseen: Foreseen, *, xlsx: Path | None, html: Path | None) -> None:
    """Write the plan as a workbook and as a page, where that was asked for."""

    def lines() -> Iterator[Line]:
        return lines_from(read_lines(Path(foreseen.file)))

    if xlsx is not None:
        write_plan_workbook(foreseen, xlsx, lines=lines())
    if html is not None:
        write_plan_page(foreseen, html, lines=lines)


def report(console: Console, foreseen: Foreseen, *, tells_changes: bool) -> Exit:
    """Write what an import would do, and return how the process ends.

    Args:
        tells_changes: changes end the process with a code of their own.
    """
    if console.form is Form.JSON:
        console.say_json(to_object(foreseen))
    elif console.form is Form.MARKDOWN:
        console.say(to_plan_markdown(foreseen).rstrip("\n"))
    elif console.form is Form.GITHUB:
        console.say(to_github(foreseen.summary).rstrip("\n"))
    elif not console.is_quiet:
        console.say(to_plan_text(foreseen).rstrip("\n"))
    # Both on one terminal: the plan above has said it already.
    seen = (
        console.form is Form.TEXT and not console.is_quiet and console.out.isatty() and console.err.isatty()
    )
    if not seen and (lines := last_lines(foreseen.summary)):
        console.warn(lines.rstrip("\n"))
    code = exit_of(foreseen.summary)
    return Exit.CHANGES if code is Exit.DONE and tells_changes and foreseen.has_changes else code
