"""`atro-etl resume`: go on after a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.cli.exits import Exit
from etl.cli.guarding import guards, read_guards
from etl.cli.interrupts import stop_sign
from etl.cli.options import connection, output, pass_console, read_settings, state

if TYPE_CHECKING:
    from etl.cli.console import Console


@click.command("resume")
@click.argument("run", required=False)
@guards
@connection
@state
@output
@pass_console
def command(console: Console, *, run: str | None) -> int:
    """Go on with RUN, or with the last one, where it was stopped or killed."""
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas

    settings = read_settings(console, asks=True)
    with (
        blocking.connect(
            settings.require_url(),
            username=settings.username,
            password=settings.password,
            token=settings.token,
            limits=settings.limits,
        ) as pim,
        stop_sign(console) as is_stopping,
        console.progress() as listener,
    ):
        summary = blocking.resume(
            run,
            pim,
            state_dir=settings.state_dir,
            profile=settings.profile or "",
            guards=read_guards(),
            listener=listener,
            is_stopping=is_stopping,
            begins=lambda begun: console.begin_run(begun.id, folder=begun.folder),
        )
    code = console.report(summary)
    return Exit.INTERRUPTED if code is Exit.STOPPED and is_stopping() else code
