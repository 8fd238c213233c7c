"""`atro-etl guess`: a first mapping for a file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.linked_names import linked_names
from etl.cli.mapping_ground import FILE, require_schema, snapshot
from etl.cli.options import connection, output, pass_console, read_settings, state
from etl.report import neutral
from etl.runs import command_line

if TYPE_CHECKING:
    from pathlib import Path


@click.command("guess")
@click.argument("source", type=FILE)
@click.option("--entity", "-e", required=True, metavar="E", help="What the rows are, for example Product.")
@click.option("--output", "-o", "path", type=FILE, help="The mapping to write. [default: standard output]")
@click.option("--online", is_flag=True, help="Look on the instance for records named in the columns.")
@snapshot
@connection
@state
@output
@pass_console
def command(
    console: Console, *, source: Path, entity: str, path: Path | None, online: bool, snapshot: Path | None
) -> int:
    """Propose a mapping for SOURCE from header, first rows and schema, with a score per column."""
    from os.path import relpath  # noqa: PLC0415  `--help` needs none of it

    import pyarrow as pa  # noqa: PLC0415

    from etl.errors import ConfigurationInvalid  # noqa: PLC0415
    from etl.mapping.scaffold import SURE, propose  # noqa: PLC0415
    from etl.tables import read  # noqa: PLC0415

    if path is not None and path.exists():
        raise ConfigurationInvalid(
            str(path),
            what="there is a file already.",
            advice="Give another name with -o; nothing is overwritten.",
        )
    schema = require_schema(console, snapshot)
    table = read(source)
    frame = next(iter(table.frames()), None)
    cells = {
        name: frame.column(name) if frame is not None else pa.array([], pa.string()) for name in table.header
    }
    file = relpath(source, path.parent) if path is not None else str(source)
    proposal = propose(cells, schema, entity=entity, file=file)
    if online:
        unsure = {one.column: cells[one.column] for one in proposal.guesses if one.score < SURE}
        settings = read_settings(console, asks=True)
        linked = asyncio.run(linked_names(settings, schema, entity, columns=unsure))
        proposal = propose(cells, schema, entity=entity, file=file, linked=linked)
    if path is not None:
        path.write_text(proposal.text, encoding="utf-8")
        mapped = sum(one.field is not None for one in proposal.guesses)
        console.note(
            f"{path}: {mapped} of {len(proposal.guesses)} columns. Look at it, then: "
            + command_line("check", str(path), target=console.target())
        )
    if console.form is Form.JSON:
        console.say_json(
            {
                "schema": 1,
                "entity": proposal.entity,
                "key": proposal.key,
                "columns": [
                    {"column": one.column, "field": one.field.name if one.field else None, "score": one.score,
                     "best": one.best}
                    for one in proposal.guesses
                ],
            }
        )  # fmt: skip
    elif path is None:
        console.say(neutral(proposal.text.rstrip("\n"), keep="\n"))
    return Exit.DONE
