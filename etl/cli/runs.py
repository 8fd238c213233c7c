"""`atro-etl runs`: what was run here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import output, pass_console, read_settings, state
from etl.cli.runs_keeping import page_of, prune, share
from etl.report import from_object, neutral, to_json, to_text
from etl.runs import Run, command_line, find_run, list_runs, running_runs, target_of

if TYPE_CHECKING:
    from etl.report.json import Json
    from etl.runs import Holder


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
    busy = running_runs(state_dir, now=datetime.now(UTC))
    if console.form is Form.JSON:
        console.say_json({"schema": 1, "runs": [_line(run, is_busy=run.id in busy) for run in found[:limit]]})
        return Exit.DONE
    if not found:
        console.note(f"{state_dir}: no run yet.")
    for run in found[:limit]:
        status = "under way" if run.id in busy else run.status
        rows = run.summary.get("rows") if run.summary else None
        counts = (
            f"{rows['read']:>10,} rows" if isinstance(rows, dict) and isinstance(rows["read"], int) else ""
        )
        what = ", ".join(one.name for one in run.facts.mappings)
        console.say(neutral(f"{run.id}  {run.facts.verb:<7} {status:<10} {counts:<15}  {what}").rstrip())
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
    state_dir = read_settings(console).state_dir
    found = find_run(state_dir, run)
    holder = running_runs(state_dir, now=datetime.now(UTC)).get(found.id)
    if found.summary is None:
        if console.form is Form.JSON:
            console.say_json(_line(found, is_busy=holder is not None))
        else:
            console.say(neutral(_unfinished(found, holder, console), keep="\n"))
        return Exit.DONE
    summary = from_object(dict(found.summary))
    if holder is not None:
        console.note(f"{_under_way(holder)} What follows is the report of its earlier part.")
        summary = replace(summary, next=())
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


RESUMABLE = ("import", "export", "upload", "apply", "undo")
"""Verbs whose runs can be gone on with; the others send nothing."""


def _unfinished(run: Run, holder: Holder | None, console: Console) -> str:
    """Tell of a run without a summary: a process is at work on it, or it was killed."""
    began = f"It began {datetime.fromisoformat(run.facts.started).astimezone():%F %T %Z}."
    folder = f"Folder  {run.folder}"
    if holder is not None:
        return f"{_under_way(holder)} {began}\n{folder}"
    # As it was begun, and in the state folder that was named here.
    begun = target_of(run.facts)
    if "--state-dir" in begun:
        at = begun.index("--state-dir")
        del begun[at : at + 2]
    command = command_line("resume", run.id, target=[*begun, *console.target()])
    lines = [f"Run {run.id} has no summary: it was killed. {began}", folder]
    return "\n".join([*lines, *([f"Next    {command}"] if run.facts.verb in RESUMABLE else [])])


def _under_way(holder: Holder) -> str:
    process = holder.process
    return (
        f"Run {holder.run} is under way: process {process.pid} on {process.host.split()[0]} is at work on it."
    )


def _line(run: Run, *, is_busy: bool) -> dict[str, Json]:
    return {
        "run": run.id,
        "verb": run.facts.verb,
        "status": run.status,
        "under_way": is_busy,
        "started": run.facts.started,
        "mappings": [one.name for one in run.facts.mappings],
        "sources": [one.name for one in run.facts.sources],
        "url": run.facts.url,
        "user": run.facts.user,
        "folder": str(run.folder),
    }
