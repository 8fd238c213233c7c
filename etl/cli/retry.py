"""`atro-etl retry`: send what failed once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.cli.exits import Exit
from etl.cli.guarding import guards, read_guards
from etl.cli.interrupts import stop_sign
from etl.cli.options import connection, output, pass_console, read_settings, state, yes

if TYPE_CHECKING:
    from etl.cli.console import Console
    from etl.delivery import OnDrift


@click.command("retry")
@click.argument("run", required=False)
@click.option("--on-drift", type=click.Choice(["fail", "skip", "overwrite"]), default="fail",
              show_default=True,
              help="What becomes of records that were changed in AtroCore meanwhile.")  # fmt: skip
@guards
@yes
@connection
@state
@output
@pass_console
def command(console: Console, *, run: str | None, on_drift: OnDrift) -> int:
    """Import the rejected rows of RUN, or of the last import, once more; corrections in their file count."""
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
        if settings.is_protected and not console.confirm_host(
            settings.host, question=f"{settings.host} is protected: this import writes to it."
        ):
            raise click.UsageError(f"{settings.host} is a protected profile: add --yes to go on.")
        summary = blocking.retry(
            run,
            pim,
            state_dir=settings.state_dir,
            profile=settings.profile or "",
            on_drift=on_drift,
            guards=read_guards(),
            listener=listener,
            is_stopping=is_stopping,
            begins=lambda begun: console.begin_run(begun.id, folder=begun.folder),
        )
    code = console.report(summary)
    return Exit.INTERRUPTED if code is Exit.STOPPED and is_stopping() else code
