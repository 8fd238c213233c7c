"""`atro-etl upload`: files into the File entity, in pieces, each content once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.cli.options import connection, output, pass_console, state, yes
from etl.cli.working import working

if TYPE_CHECKING:
    from etl.cli.console import Console


@click.command("upload")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--folder", default="", metavar="FOLDER",
              help="Where in AtroCore, such as shop/images; made where it is missing.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only look what would be uploaded; send nothing.")
@yes
@connection
@state
@output
@pass_console
def command(console: Console, *, paths: tuple[str, ...], folder: str, dry_run: bool) -> int:
    """Upload files, folders with all below them, or addresses; what is there already is not sent again."""
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas

    with working(console, writes=not dry_run) as work:
        summary = blocking.upload(
            paths,
            work.pim,
            folder=folder,
            is_dry=dry_run,
            state_dir=work.settings.state_dir,
            profile=work.settings.profile or "",
            listener=work.listener,
            is_stopping=work.is_stopping,
            begins=work.begins,
            typed=work.typed(),
        )
    return work.ends(summary)
