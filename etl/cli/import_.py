"""`atro-etl import`: plan and apply in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.exits import Exit, FailOn
from etl.cli.guarding import guards, read_guards
from etl.cli.interrupts import stop_sign
from etl.cli.options import (
    connection,
    limit,
    output,
    pass_console,
    read_settings,
    rows,
    state,
    yes,
)

if TYPE_CHECKING:
    from etl.cli.console import Console
    from etl.cli.options import RowRange
    from etl.delivery import OnDrift

MAPPINGS = (".yaml", ".yml")
WORKBOOK = ".xlsx"


class _FailOnType(click.ParamType[FailOn]):
    """`never`, `any`, a number of rows, or a share of them."""

    name = "never|any|N|N%"

    def convert(
        self, value: str | FailOn, param: click.Parameter | None, ctx: click.Context | None
    ) -> FailOn:
        """Return what was meant.

        Raises:
            click.BadParameter: it is none of these.
        """
        if isinstance(value, FailOn):
            return value
        try:
            return FailOn.parse(value)
        except ValueError:
            self.fail(f'"{value}" is none of never, any, a number like 25, a share like 2%.', param, ctx)


@click.command("import")
@click.argument("files", nargs=-1, metavar="MAPPING", type=click.Path(path_type=Path))
@click.option("--source", type=click.Path(path_type=Path), help="The table; else what the mapping names.")
@click.option("--fail-on", type=_FailOnType(), default="any", show_default=True,
              help="From how many failed or invalid rows on the exit code is 5.")  # fmt: skip
@click.option("--on-drift", type=click.Choice(["fail", "skip", "overwrite"]), default="fail",
              show_default=True,
              help="What becomes of records that were changed in AtroCore meanwhile.")  # fmt: skip
@guards
@rows
@limit
@yes
@connection
@state
@output
@pass_console
def command(
    console: Console,
    *,
    files: tuple[Path, ...],
    source: Path | None,
    fail_on: FailOn,
    on_drift: OnDrift,
    rows: RowRange | None,
    limit: int | None,
) -> int:
    """Send a table to AtroCore as a MAPPING says; records that are equal already are left alone."""
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas

    mapping, table = _mapping_and_source(files, source)
    settings = read_settings(console, asks=True)
    url = settings.require_url()
    if mapping is None:
        from etl.exporting import mapping_of  # noqa: PLC0415  the same

        mapping = mapping_of(table or Path(), url=url, state=settings.state_dir)
    with (
        blocking.connect(
            url,
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
        summary = blocking.import_table(
            table,
            mapping,
            pim,
            state_dir=settings.state_dir,
            rows=(rows.first, rows.last) if rows else (1, None),
            limit=limit,
            profile=settings.profile or "",
            on_drift=on_drift,
            guards=read_guards(),
            listener=listener,
            is_stopping=is_stopping,
            begins=lambda run: console.begin_run(run.id, folder=run.folder),
        )
    code = console.report(summary, fail_on=fail_on)
    return Exit.INTERRUPTED if code is Exit.STOPPED and is_stopping() else code


def _mapping_and_source(files: tuple[Path, ...], source: Path | None) -> tuple[Path | None, Path | None]:
    """Tell which positional is the mapping: a file that is no YAML is the source.

    A workbook alone needs none where an export wrote it: it says of itself what its columns are.
    """
    mappings = [path for path in files if path.suffix.lower() in MAPPINGS]
    tables = [path for path in files if path not in mappings]
    if source is not None and source.suffix.lower() in MAPPINGS:
        hint = f"atro-etl import {source}" + (f" --source {tables[0]}" if tables else "")
        raise click.UsageError(f"{source} is a mapping, no source. Did you mean: {hint}?")
    given = [*tables, *([source] if source is not None else [])]
    if not mappings and len(given) == 1 and given[0].suffix.lower() == WORKBOOK:
        return None, given[0]
    if not mappings:
        named = f" --source {tables[0]}" if tables else ""
        raise click.UsageError(f"which mapping? Write: atro-etl import MAPPING.yaml{named}")
    if len(mappings) > 1:
        raise click.UsageError(f"one mapping at a time: {', '.join(map(str, mappings))}")
    if source is not None and tables:
        raise click.UsageError(f"two sources: {tables[0]} and --source {source}")
    if len(tables) > 1:
        raise click.UsageError(f"two sources: {', '.join(map(str, tables))}")
    return mappings[0], source or (tables[0] if tables else None)
