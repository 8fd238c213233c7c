"""`atro-etl runs share` and `prune`: a run for a colleague, old runs away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import output, pass_console, read_settings, state, yes
from etl.report import from_object
from etl.report.html import to_html
from etl.runs import Run, find_run, old_runs, pack_run, remove_run, write_whole

if TYPE_CHECKING:
    from etl.report.json import Json


def page_of(run: Run) -> Path | None:
    """Write the report of a run as a page into its folder and return it; None where it has no summary yet."""
    if run.summary is None:
        return None
    path = run.folder / "report.html"
    write_whole(path, to_html(from_object(dict(run.summary))))
    return path


@click.command("share")
@click.argument("run", required=False)
@click.option("--output", "-o", "target", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The ZIP file. [default: RUN.zip here]")  # fmt: skip
@click.option("--without-rows", is_flag=True, help="Leave out what holds cells of the source.")
@state
@output
@pass_console
def share(console: Console, run: str | None, *, target: Path | None, without_rows: bool) -> int:
    """Pack a run, or the last one, into a ZIP file for a colleague; no secret is in it."""
    found = find_run(read_settings(console).state_dir, run)
    page_of(found)
    target = target or Path(f"{found.id}.zip")
    if target.exists() and not console.assumes_yes:
        raise click.UsageError(f"{target} is there already. Give another name with --output.")
    parts = pack_run(found, target, with_rows=not without_rows)
    if console.form is Form.JSON:
        console.say_json({"schema": 1, "file": str(target), "parts": list(parts)})
    else:
        console.say(f"{target}: {', '.join(parts)}")
    return Exit.DONE


@click.command("prune")
@click.option("--keep", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
              help="The newest N runs stay.")  # fmt: skip
@yes
@state
@output
@pass_console
def prune(console: Console, keep: int) -> int:
    """Remove old runs with their journals and reports; without --yes they are only listed."""
    old = old_runs(read_settings(console).state_dir, keep, now=datetime.now(UTC))
    removed = sum(remove_run(run) for run in old) if console.assumes_yes else 0
    if console.form is Form.JSON:
        names: list[Json] = [run.id for run in old]
        console.say_json({"schema": 1, "runs": names, "removed": console.assumes_yes, "bytes": removed})
        return Exit.DONE
    for run in old:
        console.say(f"{run.id}  {run.status}")
    if not console.assumes_yes:
        console.note(f"To be removed: {len(old)}. They can then be neither resumed nor undone. Add --yes.")
    else:
        console.note(f"Removed: {len(old)}, {removed / 1e6:,.1f} MB.")
    return Exit.DONE
