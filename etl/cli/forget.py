"""`atro-etl forget`: drop what is known of earlier imports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import output, pass_console, read_settings, state

if TYPE_CHECKING:
    from etl.report.json import Json


@click.command("forget")
@click.argument("mappings", nargs=-1, metavar="[MAPPING]...", type=click.Path(path_type=Path))
@state
@output
@pass_console
def command(console: Console, *, mappings: tuple[Path, ...]) -> int:
    """Drop what is known of the records of each MAPPING, or of all: the next import compares everything.

    Nothing in AtroCore changes. Edits made there since the last import are no conflicts any more.
    """
    from etl.planning.forgetting import forget  # noqa: PLC0415  `--help` needs no pandas
    from etl.planning.known import name_of  # noqa: PLC0415  the same

    folder = read_settings(console).state_dir
    dropped = forget(folder, mappings=[name_of(one, folder) for one in mappings])
    if console.form is Form.JSON:
        states: list[Json] = [{"mapping": one.mapping, "url": one.url, "lines": one.lines} for one in dropped]
        console.say_json({"schema": 1, "forgotten": states})
        return Exit.DONE
    for one in dropped:
        console.say(
            f"{one.mapping or 'a damaged known state'}: {one.lines:,} records of {one.url or 'nowhere'}"
        )
    if not dropped:
        console.note("Nothing was known.")
    return Exit.DONE
