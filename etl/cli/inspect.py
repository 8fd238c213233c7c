"""`atro-etl inspect`: what a table is and what a spreadsheet already broke, before anything is mapped."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from etl.cli.console import Form
from etl.cli.exits import Exit
from etl.cli.inspection_forms import as_json, as_text
from etl.cli.options import output, pass_console
from etl.report.neutral import neutral
from etl.tables import ReadOptions, open_source
from etl.tables.hazards import to_problems
from etl.tables.inspection import inspect

if TYPE_CHECKING:
    from etl.cli.console import Console
    from etl.tables import Table


@click.command("inspect")
@click.argument("file")
@click.option("--sheet", metavar="NAME|N", help="Of a workbook: name or 1-based number.")
@click.option("--encoding", help="Of CSV; found out unless given.")
@click.option("--delimiter", help="Of CSV; found out unless given.")
@click.option("--header-row", type=click.IntRange(min=1), help="1-based row of the header.")
@output
@pass_console
def command(
    console: Console,
    *,
    file: str,
    sheet: str | None,
    encoding: str | None,
    delimiter: str | None,
    header_row: int | None,
) -> int:
    """What FILE is: rows, columns, types, and what a spreadsheet already broke.

    FILE may be a path, a glob, an address, or - for standard input.
    """
    number_or_name = int(sheet) if sheet is not None and sheet.isdecimal() else sheet
    options = ReadOptions(encoding, delimiter, sheet=number_or_name, header_row=header_row)
    with TemporaryDirectory(prefix="atro-etl-") as folder:
        table = open_source(file, options, folder=Path(folder), stdin=sys.stdin.buffer, now=time.time())
        return _tell(console, table)


def _tell(console: Console, table: Table) -> int:
    found = inspect(table)
    problems = [*found.table.problems, *to_problems(found.hazards, found.table)]
    problems += [one.problem for one in found.unreadable]
    if console.form is Form.JSON:
        console.say_json(as_json(found, problems))
        return Exit.DONE
    for line in as_text(found, problems):
        console.say(neutral(line))
    return Exit.DONE
