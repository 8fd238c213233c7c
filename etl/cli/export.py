"""`atro-etl export`: records that fit a filter into a table."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.exits import Exit
from etl.cli.export_options import Given, export_options
from etl.cli.options import connection, limit, output, pass_console, state
from etl.cli.working import working

if TYPE_CHECKING:
    from etl.cli.console import Console
    from etl.report import Summary


@click.command("export")
@click.argument("mapping", required=False, type=click.Path(path_type=Path, dir_okay=False))
@export_options
@limit
@connection
@state
@output
@pass_console
def command(console: Console, /, **options: object) -> int:
    """Write records into a table: the columns asked for, or those of a MAPPING that imports them."""
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas

    given = Given(**{**options, "decimal": options["decimal"] or ""})  # type: ignore[arg-type]  # click has typed them
    given.check()
    with working(console, writes=False) as work:
        summary = blocking.export_file(
            given.what(),
            work.pim,
            how=given.how(listener=work.listener, is_stopping=work.is_stopping),
            state_dir=work.settings.state_dir,
            profile=work.settings.profile or "",
            begins=work.begins,
            typed=work.typed(),
        )
    if given.output == "-":
        return _to_stdout(console, summary, suffix=given.to, was_stopped=work.is_stopping())
    return work.ends(summary)


def _to_stdout(console: Console, summary: Summary, *, suffix: str, was_stopped: bool) -> int:
    """Write the file to standard output and the report to standard error."""
    from etl.exporting.run import PIPED  # noqa: PLC0415  `--help` needs no pyarrow
    from etl.report import last_lines, to_text  # noqa: PLC0415  the same

    if summary.status == "stopped":
        console.warn(last_lines(summary).rstrip("\n"))
        return Exit.INTERRUPTED if was_stopped else Exit.STOPPED
    path = Path(summary.folder) / f"{PIPED}.{suffix}"
    with path.open("rb") as stream:
        shutil.copyfileobj(stream, getattr(console.out, "buffer", sys.stdout.buffer))
    path.unlink()
    console.note(to_text(summary).rstrip("\n"))
    return Exit.DONE
