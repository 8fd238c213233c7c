"""`atro-etl schema propose`: what an instance lacks for a feed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.mapping_ground import FILE, open_source, require_schema, snapshot
from etl.cli.options import connection, output, pass_console, read_settings, state
from etl.cli.snapshots import target_of
from etl.report import neutral

if TYPE_CHECKING:
    from etl.cli.settings import Settings
    from etl.mapping import AttributeFacts
    from etl.mapping.lacking import Lack, Needs
    from etl.report.json import Json
    from etl.schema import Schema


@click.command("propose")
@click.argument("source", type=FILE, required=False)
@click.option("--mapping", "-m", required=True, type=FILE, help="The mapping of the feed.")
@click.option("--output", "-o", "folder", type=click.Path(path_type=Path, file_okay=False), default="lacking",
              show_default=True, help="The folder for the tables and their mappings.")  # fmt: skip
@snapshot
@connection
@state
@output
@pass_console
def propose(
    console: Console, *, source: Path | None, mapping: Path, folder: Path, snapshot: Path | None
) -> int:
    """What the instance lacks for a feed, as tables with mappings: attributes, units, link targets."""
    from etl import mapping as language  # noqa: PLC0415  `--help` needs none of it
    from etl.errors import ConfigurationInvalid  # noqa: PLC0415
    from etl.mapping.lacking import lacking, needs_of  # noqa: PLC0415

    read = language.load_to_bind(mapping)
    table = open_source(read, source)
    if table is None:
        read.insist_on_known_keys()
        advice = "Name one before --mapping."
        raise ConfigurationInvalid(str(mapping), what="it names no source.file.", advice=advice)
    schema = require_schema(console, snapshot)
    settings = read_settings(console, asks=True)
    found: list[Lack] = []
    for rules in language.bind_parts(read, header=table.header, schema=schema):
        needs = needs_of(rules, table.frames())
        facts, known, panel = None, None, ""
        if settings.url is not None:
            facts, known, panel = asyncio.run(_there(settings, schema, needs, entity=rules.entity.name))
        found += lacking(rules, needs, schema, facts=facts, known=known, panel=panel)
    for one in found:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{one.name}.csv").write_text(one.table(), encoding="utf-8")
        (folder / f"{one.name}.yaml").write_text(one.mapping, encoding="utf-8")
    if console.form is Form.JSON:
        files: list[Json] = [
            {"entity": one.entity, "file": f"{one.name}.csv", "records": len(one.rows)} for one in found
        ]
        console.say_json({"schema": 1, "folder": str(folder), "lacking": files})
    else:
        lines = [f"{folder / one.name}.csv: {len(one.rows)} of {one.entity}, for {one.why}" for one in found]
        console.say(neutral("\n".join(lines) or "nothing is lacking", keep="\n"))
    return Exit.DONE


async def _there(
    settings: Settings, schema: Schema, needs: Needs, *, entity: str
) -> tuple[list[AttributeFacts] | None, dict[str, set[str]], str]:
    """Return the attributes of the instance, which texts of links it has, and its first panel."""
    from etl.api import connect  # noqa: PLC0415
    from etl.importing.attributes import read_attribute_facts  # noqa: PLC0415

    known: dict[str, set[str]] = {}
    panel = ""
    async with connect(target_of(settings), limits=settings.limits) as client:
        facts = await read_attribute_facts(client, schema, entity=entity) if needs.attributes else None
        if needs.attributes and "AttributePanel" in schema.entities:
            page = await client.list("AttributePanel", select=("code",), max_size=1)
            panel = next((str(one.get("code") or "") for one in page.records), "")
        for place, (target, texts) in needs.links.items():
            records = await client.look_up(target.entity, target.by, [*texts], select=("id", target.by))
            known[place] = {str(one.get(target.by)) for one in records}
    return facts, known, panel
