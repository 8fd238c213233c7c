"""`atro-etl test`: the mapping's own cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.mapping_ground import FILE, require_ground, snapshot
from etl.cli.options import connection, output, pass_console, state
from etl.report import neutral

if TYPE_CHECKING:
    from pathlib import Path


@click.command("test")
@click.argument("mapping", type=FILE)
@snapshot
@connection
@state
@output
@pass_console
def command(console: Console, *, mapping: Path, snapshot: Path | None) -> int:
    """Run the cases beside a MAPPING (`NAME.cases.yaml`): rows, and what they must become."""
    from etl import mapping as language  # noqa: PLC0415  `--help` needs none of it
    from etl.errors import ConfigurationInvalid  # noqa: PLC0415
    from etl.mapping.cases import cases_beside, run_cases  # noqa: PLC0415

    read = language.load(mapping)
    files = cases_beside(read)
    if not files:
        advice = f"Write them into {mapping.with_suffix('')}.cases.yaml."
        raise ConfigurationInvalid(str(mapping), what="there are no cases beside it.", advice=advice)
    schema, ground = require_ground(console, snapshot, read)
    facts = ground.attributes or None
    results = [one for file in files for one in run_cases(read, file, schema=schema, attributes=facts)]
    failed = [one for one in results if one.differences]
    if console.form is Form.JSON:
        console.say_json(
            {
                "schema": 1,
                "cases": [
                    {"file": one.file, "line": one.line, "name": one.name, "differences": [*one.differences]}
                    for one in results
                ],
            }
        )
    else:
        for one in failed:
            console.say(neutral(f"{one.file}:{one.line}: {one.name}"))
            for difference in one.differences:
                console.say(neutral(f"  {difference}"))
        console.say(f"{len(results)} cases, {len(failed)} failed")
    return Exit.UNUSABLE if failed else Exit.DONE
