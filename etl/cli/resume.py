"""`atro-etl resume`: go on after a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.cli.exits import FailOn
from etl.cli.guarding import AS_BEGUN, fail_on, guards_as_begun, moved_guards
from etl.cli.options import connection, output, pass_console, state, yes
from etl.cli.working import working
from etl.runs import find_run
from etl.runs.place import FAIL_ON

if TYPE_CHECKING:
    from etl.cli.console import Console


@click.command("resume")
@click.argument("run", required=False)
@fail_on(AS_BEGUN)
@guards_as_begun
@yes
@connection
@state
@output
@pass_console
def command(console: Console, *, run: str | None, fail_on: FailOn | None) -> int:
    """Go on with RUN, or with the last import, where it was stopped or killed; as it was begun."""
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas
    from etl.importing.resuming import guards_of  # noqa: PLC0415  the same

    with working(console, writes=True) as work:
        found = find_run(work.settings.state_dir, run, verb="import")
        begun = FailOn.parse(str(found.facts.options.get(FAIL_ON, "any")))
        summary = blocking.resume(
            found.id,
            work.pim,
            state_dir=work.settings.state_dir,
            profile=work.settings.profile or "",
            guards=moved_guards(guards_of(found)),
            listener=work.listener,
            is_stopping=work.is_stopping,
            begins=work.begins,
            typed=work.typed(),
        )
    return work.ends(summary, fail_on=fail_on or begun)
