"""`atro-etl import`: plan and apply in one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.agreeing import agree_to_import
from etl.cli.exits import Exit
from etl.cli.guarding import fail_on, guards, read_guards
from etl.cli.options import (
    connection,
    limit,
    output,
    pass_console,
    rows,
    state,
    yes,
)
from etl.cli.several import again, broken_off
from etl.cli.working import working
from etl.errors import EtlError, ungrouped
from etl.report.together import together

if TYPE_CHECKING:
    from etl.cli.console import Console
    from etl.cli.exits import FailOn
    from etl.cli.options import RowRange
    from etl.delivery import OnDrift
    from etl.report import Summary

GOES_ON = ("ok", "partial")
"""After these the next mapping is run."""
MAPPINGS = (".yaml", ".yml")
WORKBOOK = ".xlsx"


@click.command("import")
@click.argument("files", nargs=-1, metavar="MAPPING... [SOURCE]", type=str)
@click.option("--source", metavar="FILE",
              help="A file, glob or address, - (standard input); else what the mapping names.")  # fmt: skip
@fail_on("any")
@click.option("--on-drift", type=click.Choice(["fail", "skip", "overwrite"]), default="fail",
              show_default=True,
              help="What becomes of records that were changed in AtroCore meanwhile.")  # fmt: skip
@click.option("--read-back", is_flag=True,
              help="Read all records back, not just a sample, to see what was stored.")  # fmt: skip
@click.option("--verify-fraction", type=click.FloatRange(0, 1), default=0.02, show_default=True, metavar="F",
              help="The share of unchanged rows compared all the same; others each time.")  # fmt: skip
@click.option("--refresh", is_flag=True, help="Compare every row with AtroCore, whatever is known of it.")
@click.option("--create", is_flag=True, help="Of an exported workbook: rows without an id become records.")
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
    files: tuple[str, ...],
    source: str | None,
    fail_on: FailOn,
    on_drift: OnDrift,
    read_back: bool,
    verify_fraction: float,
    refresh: bool,
    create: bool,
    rows: RowRange | None,
    limit: int | None,
) -> int:
    """Send a table to AtroCore as a MAPPING says; records that are equal already are left alone.

    Several mappings run one after the other, in the order their links need.

    A protected profile is asked for first, with what a plan says would be done; --yes skips that.
    """
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas
    from etl.exporting import mapping_of, mappings_of  # noqa: PLC0415  the same

    mappings, table = _mappings_and_source(files, source)
    if create and mappings:
        raise click.UsageError("--create is for an exported workbook; what a mapping does says its write.")
    summaries: list[Summary] = []
    code = Exit.DONE
    with working(console, writes=False) as work:
        asks = work.has_to_ask()
        state = work.settings.state_dir
        book, url = Path(table or ""), work.settings.require_url()
        if len(mappings) > 1:
            mappings = blocking.order_mappings(mappings, work.pim)
        elif not mappings and create:
            mappings = mappings_of(book, url=url, state=state)
        elif not mappings:
            mappings = [mapping_of(book, url=url, state=state)]
        for mapping in mappings:
            chosen = (rows.first, rows.last) if rows else (1, None)
            try:
                with ungrouped():
                    if asks:
                        # What is piped can be read once only.
                        foreseen = (
                            None
                            if table == "-"
                            else blocking.plan(
                                table,
                                mapping,
                                work.pim,
                                state_dir=state,
                                rows=chosen,
                                limit=limit,
                                profile=work.settings.profile or "",
                                listener=work.listener,
                                is_stopping=work.is_stopping,
                                typed=work.typed(),
                            )
                        )
                        agree_to_import(console, work.settings, foreseen, mapping=str(mapping))
                    summary = blocking.import_table(
                        table,
                        mapping,
                        work.pim,
                        state_dir=state,
                        rows=chosen,
                        limit=limit,
                        profile=work.settings.profile or "",
                        on_drift=on_drift,
                        reads_all_back=read_back,
                        verify_fraction=verify_fraction,
                        refreshes=refresh,
                        guards=read_guards(),
                        listener=work.listener,
                        is_stopping=work.is_stopping,
                        begins=work.begins,
                        typed=work.typed(fail_on),
                    )
            except EtlError as error:
                if not summaries:
                    raise
                left = mappings[len(summaries) :]
                summaries.append(broken_off(console, error, left, files=files, before=summaries))
                code = Exit(error.exit_code)
                break
            summaries.append(summary)
            if summary.status not in GOES_ON:
                rest = mappings[len(summaries) :]
                summaries[-1] = replace(summary, next=(*summary.next, *again(console, rest, files=files)))
                break
    ended = work.ends(together(summaries), fail_on=fail_on)
    # A summary does not tell why a mapping failed before anything was sent.
    return code if summaries[-1].status == "failed" else ended


def _mappings_and_source(files: tuple[str, ...], source: str | None) -> tuple[list[Path], str | None]:
    """Tell which positionals are mappings: what is no YAML is the source.

    A workbook alone needs none where an export wrote it: it says of itself what its columns are.
    """
    mappings = [Path(name) for name in files if name.lower().endswith(MAPPINGS)]
    tables = [name for name in files if not name.lower().endswith(MAPPINGS)]
    if source is not None and source.lower().endswith(MAPPINGS):
        hint = f"atro-etl import {source}" + (f" --source {tables[0]}" if tables else "")
        raise click.UsageError(f"{source} is a mapping, no source. Did you mean: {hint}?")
    given = [*tables, *([source] if source is not None else [])]
    if len(given) > 1:
        raise click.UsageError(f"two sources: {' and '.join(given)}")
    if not mappings and not (given and given[0].lower().endswith(WORKBOOK)):
        named = f" --source {given[0]}" if given else ""
        raise click.UsageError(f"which mapping? Write: atro-etl import MAPPING.yaml{named}")
    if len(mappings) > 1 and given:
        raise click.UsageError(f"{given[0]} is one source for {len(mappings)} mappings: give one of them.")
    return mappings, given[0] if given else None
