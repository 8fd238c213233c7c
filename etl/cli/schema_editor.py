"""`atro-etl schema editor`: a JSON schema of mappings for editors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from etl.cli.exits import Exit
from etl.cli.mapping_ground import FILE, require_schema, snapshot
from etl.cli.options import connection, output, pass_console, state
from etl.report import neutral

if TYPE_CHECKING:
    from pathlib import Path

    from etl.cli.console import Console


@click.command("editor")
@click.option(
    "--output", "-o", "path", type=FILE, default="mapping.schema.json", show_default=True, help="Where to."
)
@snapshot
@connection
@state
@output
@pass_console
def editor(console: Console, *, path: Path, snapshot: Path | None) -> int:
    """Write a JSON schema of mappings that knows this instance's entities and fields, for editors."""
    from etl.mapping.reference import editor_schema  # noqa: PLC0415  `--help` needs none of it

    text = json.dumps(editor_schema(require_schema(console, snapshot)), ensure_ascii=False, indent=1)
    path.write_text(f"{text}\n", encoding="utf-8")
    console.say(neutral(f"{path}: write this into a mapping: # yaml-language-server: $schema={path.name}"))
    return Exit.DONE
