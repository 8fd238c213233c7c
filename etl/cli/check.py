"""`atro-etl check`: everything that is wrong with a mapping, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.cli.checking import find_problems
from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.mapping_ground import FILE, find_ground, open_source, snapshot, source
from etl.cli.options import connection, output, pass_console, state
from etl.report import neutral

if TYPE_CHECKING:
    from pathlib import Path

    from etl.mapping import MappingProblem


@click.command("check")
@click.argument("mapping", type=FILE)
@source
@snapshot
@click.option("--online", is_flag=True, help="Ask the instance even where there is a snapshot.")
@click.option("--export", "is_export", is_flag=True, help="Tell also what an export cannot bring back.")
@connection
@state
@output
@pass_console
def command(
    console: Console,
    *,
    mapping: Path,
    source: Path | None,
    snapshot: Path | None,
    online: bool,
    is_export: bool,
) -> int:
    """Every problem of a MAPPING as file:line:col: against itself, the source, and the schema."""
    from etl import mapping as language  # noqa: PLC0415  `--help` needs none of it
    from etl.mapping.findings import in_order  # noqa: PLC0415  the same

    read, problems = language.read(mapping)
    if read is not None:
        table = open_source(read, source)
        ground = find_ground(console, snapshot, read, asks=online)
        if table is None:
            console.note("no source: columns are not checked")
        if ground.schema is None:
            console.note("no schema: fields are not checked; pull one with `atro-etl schema pull`")
        problems = in_order([*problems, *find_problems(console, read, table, ground, is_export=is_export)])
    _say(console, problems)
    errors = sum(one.severity == "error" for one in problems)
    if console.form is Form.TEXT and not problems:
        console.say(neutral(f"{mapping}: nothing is wrong"))
    return Exit.UNUSABLE if errors else Exit.DONE


def _say(console: Console, problems: list[MappingProblem]) -> None:
    if console.form is Form.JSON:
        console.say_json(
            {
                "schema": 1,
                "problems": [
                    {"code": one.code, "severity": str(one.severity), "file": one.file, "line": one.line,
                     "column": one.column, "message": one.message}
                    for one in problems
                ],
            }
        )  # fmt: skip
        return
    for one in problems:
        if console.form is Form.GITHUB:
            place = f"file={one.file},line={one.line},col={one.column},title={one.code}"
            text = one.message.replace("%", "%25").replace("\n", "%0A")
            console.say(neutral(f"::{one.severity} {place}::{text}"))
        else:
            console.say(neutral(f"{one}  [{one.code}]"))
