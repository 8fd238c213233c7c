"""`atro-etl config`: every setting with where it came from; of a secret only whether it is set."""

from __future__ import annotations

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import connection, output, pass_console, read_settings, state
from etl.report import neutral


@click.command("config")
@connection
@state
@output
@pass_console
def command(console: Console) -> int:
    """Every setting with where it came from."""
    listed = read_settings(console).listed
    if console.form is Form.JSON:
        console.say_json(
            {
                "schema": 1,
                "settings": {one.name: {"value": one.value, "origin": one.origin} for one in listed},
            }
        )
        return Exit.DONE
    names = max(len(one.name) for one in listed)
    values = max(len(neutral(one.value)) for one in listed)
    for one in listed:
        console.say(f"{one.name:<{names}}  {neutral(one.value):<{values}}  {neutral(one.origin)}")
    return Exit.DONE
