"""`atro-etl plan`: what an import would do, before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.options import connection, limit, output, pass_console, rows, state
from etl.cli.working import working

if TYPE_CHECKING:
    from etl.cli.console import Console
    from etl.cli.options import RowRange


@click.command("plan")
@click.argument("mapping", type=click.Path(path_type=Path))
@click.option("--source", type=click.Path(path_type=Path), help="The table; else what the mapping names.")
@click.option("-o", "--output", "plan", type=click.Path(path_type=Path), metavar="PLAN",
              help="Where the plan is written, a Parquet file. [default: into the run's folder]")  # fmt: skip
@click.option(
    "--xlsx", type=click.Path(path_type=Path), help="The plan as a workbook too, old and new in colour."
)
@click.option("--html", type=click.Path(path_type=Path), help="The plan as a page for a browser too.")
@click.option("--detailed-exitcode", is_flag=True, help="End with 8 where there are changes.")
@rows
@limit
@connection
@state
@output
@pass_console
def command(
    console: Console,
    *,
    mapping: Path,
    source: Path | None,
    plan: Path | None,
    xlsx: Path | None,
    html: Path | None,
    detailed_exitcode: bool,
    rows: RowRange | None,
    limit: int | None,
) -> int:
    """Show what an import would create, change field by field, and leave alone; nothing is sent."""
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas
    from etl.cli import plan_forms  # noqa: PLC0415  the same

    with working(console, writes=False) as work:
        foreseen = blocking.plan(
            source,
            mapping,
            work.pim,
            output=plan,
            state_dir=work.settings.state_dir,
            rows=(rows.first, rows.last) if rows else (1, None),
            limit=limit,
            profile=work.settings.profile or "",
            listener=work.listener,
            is_stopping=work.is_stopping,
            begins=work.begins,
            typed=work.typed(),
        )
    plan_forms.write_files(foreseen, xlsx=xlsx, html=html)
    return plan_forms.report(console, foreseen, tells_changes=detailed_exitcode)
