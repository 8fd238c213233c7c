"""`atro-etl retry`: send what failed once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.cli.guarding import guards, read_guards
from etl.cli.options import connection, output, pass_console, state, yes
from etl.cli.working import working

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

    with working(console, writes=True) as work:
        summary = blocking.retry(
            run,
            work.pim,
            state_dir=work.settings.state_dir,
            profile=work.settings.profile or "",
            on_drift=on_drift,
            guards=read_guards(),
            listener=work.listener,
            is_stopping=work.is_stopping,
            begins=work.begins,
            typed=work.typed(),
        )
    return work.ends(summary)
