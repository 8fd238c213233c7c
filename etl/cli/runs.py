"""`atro-etl runs`: what was run here."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import output, pass_console, read_settings, state
from etl.cli.runs_keeping import page_of, prune, share
from etl.report import from_object, neutral, to_json, to_text
from etl.runs import Run, find_run, list_runs

if TYPE_CHECKING:
    from etl.report.json import Json


@click.group("runs", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """What was run here: list, show one, open its folder, pack it for a colleague, remove old ones."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@command.command("list")
@state
@output
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The newest N runs.")
@pass_console
def list_(console: Console, limit: int) -> int:
    """All runs of this state folder, the newest first."""
    state_dir = read_settings(console).state_dir
    found = list_runs(state_dir)
    if console.form is Form.JSON:
        console.say_json({"schema": 1, "runs": [_line(run) for run in found[:limit]]})
        return Exit.DONE
    if not found:
        console.note(f"{state_dir}: no run yet.")
    for run in found[:limit]:
        line = _line(run)
        rows = run.summary.get("rows") if run.summary else None
        counts = (
            f"{rows['read']:>10,} rows" if isinstance(rows, dict) and isinstance(rows["read"], int) else ""
        )
        what = ", ".join(one.name for one in run.facts.mappings)
        console.say(
            neutral(f"{run.id}  {run.facts.verb:<7} {line['status']:<10} {counts:<15}  {what}").rstrip()
        )
    if len(found) > limit:
        console.note(f"and {len(found) - limit} older ones (--limit)")
    return Exit.DONE


@command.command("show")
@click.argument("run", required=False)
@state
@output
@pass_console
def show(console: Console, run: str | None) -> int:
    """The report of a run, or of the last one; the beginning of its name is enough."""
    found = find_run(read_settings(console).state_dir, run)
    if found.summary is None:
        if console.form is Form.JSON:
            console.say_json(_line(found))
        else:
            began = datetime.fromisoformat(found.facts.started).astimezone()
            console.say(
                f"Run {found.id} has no summary: it is under way, or was killed. It began {began:%F %T %Z}."
            )
            console.say(neutral(f"Folder  {found.folder}\nNext    atro-etl resume {found.id}", keep="\n"))
        return Exit.DONE
    summary = from_object(dict(found.summary))
    if console.form is Form.JSON:
        console.say(to_json(summary, is_terminal=console.out.isatty()))
    else:
        console.say(to_text(summary).rstrip("\n"))
    return Exit.DONE


@command.command("open")
@click.argument("run", required=False)
@click.option("--page", is_flag=True, help="Its report as a page for the browser instead.")
@state
@output
@pass_console
def open_(console: Console, run: str | None, *, page: bool) -> int:
    """Open the folder of a run, or of the last one; without a terminal its path is printed."""
    found = find_run(read_settings(console).state_dir, run)
    path = (page_of(found) if page else None) or found.folder
    if not (console.out.isatty() and click.launch(str(path)) == 0):
        console.say(neutral(str(path)))
    return Exit.DONE


command.add_command(share)
command.add_command(prune)


def _line(run: Run) -> dict[str, Json]:
    return {
        "run": run.id,
        "verb": run.facts.verb,
        "status": run.status,
        "started": run.facts.started,
        "mappings": [one.name for one in run.facts.mappings],
        "sources": [one.name for one in run.facts.sources],
        "url": run.facts.url,
        "user": run.facts.user,
        "folder": str(run.folder),
    }
