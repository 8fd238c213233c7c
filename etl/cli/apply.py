"""`atro-etl apply`: exactly what a plan says, unless the records changed since."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.agreeing import agreeing, insist_on_somebody
from etl.cli.guarding import guards, read_guards
from etl.cli.options import connection, output, pass_console, state, yes
from etl.cli.working import working

if TYPE_CHECKING:
    from etl.cli.console import Console
    from etl.delivery import OnDrift


@click.command("apply")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--on-drift", type=click.Choice(["fail", "skip", "overwrite"]), default="fail",
              show_default=True,
              help="What becomes of records that were changed in AtroCore since.")  # fmt: skip
@click.option("--max-age", metavar="AGE", default="24h", show_default=True,
              help="An older plan is refused; 90s, 15min, 26h, 3d, or never.")  # fmt: skip
@click.option("--approved-by", metavar="NAME", default="", help="Kept in the report.")
@guards
@yes
@connection
@state
@output
@pass_console
def command(console: Console, *, plan: Path, on_drift: OnDrift, max_age: str, approved_by: str) -> int:
    """Send exactly what PLAN says, or what was accepted in its workbook (`plan --xlsx`)."""
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas
    from etl.tables import to_seconds  # noqa: PLC0415  the same

    insist_on_somebody(console)
    try:
        age = None if max_age == "never" else timedelta(seconds=to_seconds(max_age))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--max-age") from error
    with working(console, writes=False) as work:
        summary = blocking.apply(
            plan,
            work.pim,
            state_dir=work.settings.state_dir,
            profile=work.settings.profile or "",
            max_age=age,
            approved_by=approved_by,
            on_drift=on_drift,
            guards=read_guards(),
            agrees=agreeing(console, work.settings),
            listener=work.listener,
            is_stopping=work.is_stopping,
            begins=work.begins,
            typed=work.typed(),
        )
    return work.ends(summary)
