"""`atro-etl resume`: go on after a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.cli.guarding import guards, read_guards
from etl.cli.options import connection, output, pass_console, state, yes
from etl.cli.working import working

if TYPE_CHECKING:
    from etl.cli.console import Console


@click.command("resume")
@click.argument("run", required=False)
@guards
@yes
@connection
@state
@output
@pass_console
def command(console: Console, *, run: str | None) -> int:
    """Go on with RUN, or with the last one, where it was stopped or killed."""
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas

    with working(console, writes=True) as work:
        summary = blocking.resume(
            run,
            work.pim,
            state_dir=work.settings.state_dir,
            profile=work.settings.profile or "",
            guards=read_guards(),
            listener=work.listener,
            is_stopping=work.is_stopping,
            begins=work.begins,
            typed=work.typed,
        )
    return work.ends(summary)
