"""Several mappings in one command, of which one stops: what was done before it, and what is left to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.guarding import repeated
from etl.errors import HeldBack, Stopped
from etl.report import FileCounts, RowCounts
from etl.runs import command_line
from etl.runs.places import named_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.cli.console import Console
    from etl.errors import EtlError
    from etl.report import Summary


def again(console: Console, mappings: Sequence[Path], *, files: Sequence[str]) -> tuple[str, ...]:
    """Return the command that imports mappings which were not begun, as this one was typed; none for none.

    Args:
        files: as they were typed; a workbook that says of itself what its columns are is named as a whole.
    """
    if not mappings:
        return ()
    named = map(str, mappings) if len(files) > 1 else files
    options = repeated(click.get_current_context())
    return (command_line("import", *named, *options, target=console.target()),)


def broken_off(
    console: Console,
    error: EtlError,
    mappings: Sequence[Path],
    *,
    files: Sequence[str],
    before: Sequence[Summary],
) -> Summary:
    """Return what to report of a mapping that could not be imported after others were.

    Args:
        mappings: this one and those that were to follow.
        files: see `again`.
        before: what the others came to; at least one.
    """
    is_guarded = isinstance(error, HeldBack)
    is_stopped = is_guarded or isinstance(error, Stopped) or any(map(_has_sent, before))
    # Where it was done and as whom, and the count of requests, are those of the one before.
    return replace(
        before[-1],
        run=console.run,
        folder=named_from(Path.cwd(), console.folder) if console.folder is not None else "",
        status="stopped" if is_stopped else "failed",
        mappings=(str(mappings[0]),),
        rows=RowCounts(),
        records={},
        files=FileCounts(),
        seconds=0.0,
        guard=str(error) if is_guarded else None,
        error=None if is_guarded else str(error),
        next=again(console, mappings, files=files),
        problems=(),
        problems_total=0,
        reasons={},
        missing=(),
        missing_total=0,
        fields={},
        known=None,
    )


def _has_sent(summary: Summary) -> bool:
    records = any(one.created + one.updated + one.deleted for one in summary.records.values())
    return records or bool(summary.files.uploaded or summary.rows.failed)
