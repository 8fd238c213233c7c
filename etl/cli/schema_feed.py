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
    from etl.mapping import AttributeFacts, Rules
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
    from etl.mapping.lacking import lacking, needs_of, of_what_is_there  # noqa: PLC0415

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
        facts, there, known, panel = None, None, None, ""
        if settings.url is not None:
            facts, panel = asyncio.run(_attributes_there(settings, schema, rules))
        if facts is not None:
            named = of_what_is_there(rules, facts)
            there = language.bind(named, header=table.header, schema=schema, attributes=facts)
        needs = needs_of(rules, table.frames(), known=there)
        if settings.url is not None:
            known = asyncio.run(_links_there(settings, schema, needs))
        taken = [one.name for one in found]
        found += lacking(rules, needs, schema, facts=facts, known=known, panel=panel, taken=taken)
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


async def _attributes_there(
    settings: Settings, schema: Schema, rules: Rules
) -> tuple[list[AttributeFacts] | None, str]:
    """Return the attributes of the instance, None where the feed names none, and its first panel."""
    from etl.api import connect  # noqa: PLC0415
    from etl.importing.attributes import read_attribute_facts  # noqa: PLC0415

    if not rules.bound.attributes and not rules.bound.pairs:
        return None, ""
    async with connect(target_of(settings), limits=settings.limits) as client:
        facts = await read_attribute_facts(client, schema, entity=rules.entity.name)
        if "AttributePanel" not in schema.entities:
            return facts, ""
        page = await client.list("AttributePanel", select=("code",), max_size=1)
        return facts, next((str(one.get("code") or "") for one in page.records), "")


async def _links_there(settings: Settings, schema: Schema, needs: Needs) -> dict[str, set[str]]:
    """Return which texts of links the instance has, found as an import finds them."""
    from etl.api import connect  # noqa: PLC0415
    from etl.resolving.targets import Targets  # noqa: PLC0415

    known: dict[str, set[str]] = {}
    async with connect(target_of(settings), limits=settings.limits) as client:
        for place, (target, texts) in needs.links.items():
            if (entity := schema.entities.get(target.entity)) is not None:
                targets = Targets(target, entity)
                await targets.prepare(client, schema)
                await targets.ask(client, texts)
                known[place] = set(targets.texts)
    return known
