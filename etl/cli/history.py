"""`atro-etl history`: which run, file, row and line of a mapping gave a record its values."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING

import click

from etl.cli.console import Form
from etl.cli.exits import Exit
from etl.cli.options import output, pass_console, read_settings, state
from etl.report import neutral

if TYPE_CHECKING:
    from etl.cli.console import Console
    from etl.history import Event
    from etl.report.json import Json

LONGEST = 120
"""Characters of a value on the terminal; `--json` has it whole."""


@click.command("history")
@click.argument("entity")
@click.argument("key")
@click.option("--field", metavar="F", default="", help="Only what was done to this field.")
@state
@output
@pass_console
def command(console: Console, *, entity: str, key: str, field: str) -> int:
    """Show what the runs here did to the record of ENTITY with KEY (or its id), the newest first."""
    from etl.history import history_of  # noqa: PLC0415  `--help` needs no pandas

    folder = read_settings(console).state_dir
    events = history_of(folder, entity, key=key, field=field)
    if console.form is Form.JSON:
        found: list[Json] = [dataclasses.asdict(one) for one in events]
        console.say_json({"schema": 1, "entity": entity, "key": key, "events": found})
        return Exit.DONE
    has_any = False
    for event in events:
        has_any = True
        console.say(neutral(told(event), keep="\n"))
    if not has_any:
        about = f"{entity}.{field}" if field else entity
        console.note(f'{folder}: no run here changed {about} "{key}".')
    return Exit.DONE


def told(event: Event) -> str:
    """Return an event as two lines: what and when, and where it came from."""
    when = datetime.fromisoformat(event.started).astimezone()
    what = event.status
    if event.field:
        sign = {"add": "+ ", "remove": "- "}.get(event.mode, "")
        old = "" if sign else f'"{_short(event.old)}" → '
        what = f'{event.field}: {old}{sign}"{_short(event.new)}"'
    row = f"{event.file}, row {event.row}" if event.row else event.file or "no row of a source"
    sheet = f', sheet "{event.sheet}"' if event.sheet else ""
    origin = " · ".join(part for part in (f"{row}{sheet}", event.place) if part)
    return f"{when:%Y-%m-%d %H:%M}  {event.verb:<6} {event.run}  {what}\n    {origin}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
