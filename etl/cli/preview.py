"""`atro-etl preview`: what would be sent of the first rows; sends nothing."""

from __future__ import annotations

import json
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.mapping_ground import FILE, open_source, require_ground, snapshot, source
from etl.cli.options import connection, output, pass_console, state
from etl.report import neutral

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.mapping import Rules
    from etl.mapping.preview import RowPreview
    from etl.report.json import Json
    from etl.tables import Table


@click.command("preview")
@click.argument("mapping", type=FILE)
@source
@snapshot
@click.option("--limit", type=click.IntRange(min=1), default=5, show_default=True, metavar="N", help="Rows.")
@click.option("--explain", default="", metavar="ROW[:FIELD]", help="How the values of one row come about.")
@connection
@state
@output
@pass_console
def command(
    console: Console, *, mapping: Path, source: Path | None, snapshot: Path | None, limit: int, explain: str
) -> int:
    """Column, field and value of the first rows as a MAPPING makes them; with --json the payloads."""
    from etl import mapping as language  # noqa: PLC0415  `--help` needs none of it
    from etl.errors import ConfigurationInvalid  # noqa: PLC0415
    from etl.importing.filing import BaseFolder  # noqa: PLC0415

    read = language.load_to_bind(mapping)
    table = open_source(read, source)
    if table is None:
        read.insist_on_known_keys()
        advice = "Give one with --source FILE."
        raise ConfigurationInvalid(str(mapping), what="it names no source.file.", advice=advice)
    schema, ground = require_ground(console, snapshot, read)
    found: list[Json] = []
    parts = language.bind_parts(
        read,
        header=table.header,
        schema=schema,
        attributes=ground.attributes,
        generation=ground.generation,
        source=table.name,
        folders=BaseFolder,
    )
    for rules in parts:
        block = rules.mapping.block
        if console.form is Form.JSON:
            found += _as_json(rules, table, limit)
            continue
        if block:
            console.say(neutral(f"block {block}: {rules.mapping.entity}"))
        if explain:
            _explain(console, rules, table, explain)
        else:
            _show(console, rules, table, limit)
    if console.form is Form.JSON:
        console.say_json({"schema": 1, "rows": found})
    return Exit.DONE


def _as_json(rules: Rules, table: Table, limit: int) -> list[Json]:
    return [
        {"block": rules.mapping.block, "row": one.row, "state": one.state, "payload": one.payload,
         "attributes": one.attributes, "relations": [[*pair] for pair in one.relations],
         "problems": [*one.problems]}
        for one in islice(_previews(rules, table), limit)
    ]  # fmt: skip


def _previews(rules: Rules, table: Table) -> Iterator[RowPreview]:
    """Yield what becomes of each record, by row; reads a frame when it is asked for."""
    from etl.importing.damage import without_broken_cells  # noqa: PLC0415
    from etl.mapping.preview import RowPreview, previews  # noqa: PLC0415
    from etl.tables.hazards import formulas_without_value  # noqa: PLC0415

    formulas = formulas_without_value(table)
    for frame in rules.whole_records(table.frames()):
        left, broken = without_broken_cells(frame, rules, formulas=formulas)
        lost = [RowPreview(one.row, {}, (), {}, (one.message,), "invalid") for one in broken]
        yield from sorted([*previews(rules, left), *lost], key=attrgetter("row"))


def _show(console: Console, rules: Rules, table: Table, limit: int) -> None:
    for one in islice(_previews(rules, table), limit):
        console.say(f"row {one.row}: {'would be sent' if one.state == 'sent' else one.state}")
        values = [*one.payload.items(), *one.attributes.items(), *one.relations]
        lines = [f"  {name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values]
        for line in (*lines, *(f"  ! {problem}" for problem in one.problems)):
            console.say(neutral(line))


def _explain(console: Console, rules: Rules, table: Table, explain: str) -> None:
    from etl.mapping.preview import trace  # noqa: PLC0415

    row, _, name = explain.partition(":")
    if not row.isdigit():
        raise click.UsageError(f'"{explain}" is no row. Write --explain 118, or --explain 118:price.')
    for frame in rules.whole_records(table.frames()):
        for one in trace(rules, frame, int(row), name=name or None):
            console.say(neutral(f"{one.name} -> {one.key}"))
            for what, text in one.steps:
                console.say(neutral(f"  {what}: {text}"))
