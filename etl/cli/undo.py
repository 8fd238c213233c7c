"""`atro-etl undo`: the old values back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.cli.agreeing import agreeing, insist_on_somebody
from etl.cli.options import connection, output, pass_console, state, yes
from etl.cli.working import working

if TYPE_CHECKING:
    from etl.cli.console import Console
    from etl.delivery import OnDrift


@click.command("undo")
@click.argument("run", required=False)
@click.option("--delete-created", is_flag=True, help="Delete the records that the run created, too.")
@click.option("--on-drift", type=click.Choice(["fail", "skip", "overwrite"]), default="fail",
              show_default=True,
              help="What becomes of records that hold other values now than the run gave them.")  # fmt: skip
@yes
@connection
@state
@output
@pass_console
def command(console: Console, *, run: str | None, delete_created: bool, on_drift: OnDrift) -> int:
    """Take back what RUN changed, or the last import; what stays as it is is said before."""
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas

    insist_on_somebody(console)
    with working(console, writes=False) as work:
        summary = blocking.undo(
            run,
            work.pim,
            state_dir=work.settings.state_dir,
            profile=work.settings.profile or "",
            deletes_created=delete_created,
            on_drift=on_drift,
            agrees=agreeing(console, work.settings),
            listener=work.listener,
            is_stopping=work.is_stopping,
            begins=work.begins,
            typed=work.typed(),
        )
    return work.ends(summary)
