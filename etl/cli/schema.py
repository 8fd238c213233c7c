"""`atro-etl schema`: a snapshot of what an instance can store, for checks without a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import connection, output, pass_console, read_settings, state
from etl.cli.schema_editor import editor
from etl.cli.schema_feed import propose
from etl.cli.snapshots import metadata_of, named_snapshot, snapshot_path, yaml_files
from etl.report import neutral

if TYPE_CHECKING:
    from etl.report.json import Json
    from etl.schema import EntitySchema, FieldSchema, Schema

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("schema")
def command() -> None:
    """What an instance can store: pull a snapshot, show an entity, compare two."""


command.add_command(propose)
command.add_command(editor)


@command.command("pull")
@click.option("-o", "--output", "path", type=_FILE, help="Where to. [default: in the state folder]")
@connection
@state
@output
@pass_console
def pull(console: Console, *, path: Path | None) -> int:
    """Save the schema of an instance, for `check` and `sandbox --metadata` without a server."""
    from etl.schema import read_metadata, save_snapshot  # noqa: PLC0415  `--help` needs none of it

    settings = read_settings(console, asks=True)
    metadata = asyncio.run(metadata_of(settings))
    path = path or snapshot_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = read_metadata(metadata)
    save_snapshot(metadata, path)
    if console.form is Form.JSON:
        console.say_json({"schema": 1, "path": str(path), "entities": len(schema.entities),
                          "digest": schema.digest})  # fmt: skip
    else:
        console.say(neutral(f"{path}: {len(schema.entities)} entities of {settings.host}"))
    return Exit.DONE


@command.command("show")
@click.argument("entity", required=False)
@click.option("--snapshot", type=_FILE, help="A saved schema. [default: the pulled one, else the instance]")
@connection
@state
@output
@pass_console
def show(console: Console, *, entity: str | None, snapshot: Path | None) -> int:
    """The fields of an entity, or all entities: names, types, and how they are written in a mapping."""
    from etl.schema import load_snapshot, read_metadata  # noqa: PLC0415

    settings = read_settings(console)
    path = snapshot or snapshot_path(settings)
    if snapshot is not None or path.exists():
        console.note(f"from {path}")
        schema = load_snapshot(path)
    else:
        schema = read_metadata(asyncio.run(metadata_of(read_settings(console, asks=True))))
    if entity is None:
        names = sorted(schema.entities)
        console.say_json({"schema": 1, "entities": [*names]}) if console.form is Form.JSON else console.say(
            "\n".join(neutral(f"{name}  ({schema.entities[name].type})") for name in names)
        )
        return Exit.DONE
    found = _entity(schema, entity)
    if console.form is Form.JSON:
        fields: list[Json] = [
            {"name": one.name, "type": one.type, "key": one.payload_key, "facts": facts_of(one)}
            for one in found.fields.values()
        ]
        console.say_json({"schema": 1, "entity": found.name, "type": found.type, "fields": fields})
        return Exit.DONE
    width = max(len(one.name) for one in found.fields.values())
    for one in found.fields.values():
        console.say(neutral(f"{one.name:<{width}}  {one.type:<19} {facts_of(one)}").rstrip())
    return Exit.DONE


@command.command("diff")
@click.argument("old")
@click.argument("new")
@click.argument("mappings", nargs=-1, type=click.Path(path_type=Path, exists=True))
@state
@output
@pass_console
def diff(console: Console, *, old: str, new: str, mappings: tuple[Path, ...]) -> int:
    """What NEW has and OLD has not, and which lines of MAPPINGS that breaks. Each is a file or a profile."""
    from etl.cli.schema_changes import broken_lines, compare  # noqa: PLC0415
    from etl.mapping import load  # noqa: PLC0415
    from etl.schema import load_snapshot  # noqa: PLC0415

    folder = read_settings(console).state_dir
    before, after = (load_snapshot(named_snapshot(one, folder=folder)) for one in (old, new))
    changes = [str(change) for change in compare(before, after)]
    lines = broken_lines([load(path) for path in yaml_files(mappings)], before, new=after)
    if console.form is Form.JSON:
        console.say_json({"schema": 1, "changes": [*changes], "broken": [*lines]})
    else:
        for line in changes or ["The schemas are the same."]:
            console.say(neutral(line))
        for line in lines:
            console.warn(line)
    return Exit.UNUSABLE if lines else Exit.DONE


def facts_of(field: FieldSchema) -> str:
    """Return what a person wants to know of a field besides its type, on one line."""
    facts = [
        "required" if field.is_required and not field.has_default else "",
        "unique" if field.is_unique else "",
        "read only" if field.is_read_only else "",
        f"-> {field.target}" if field.target else "",
        f"of {field.main_field} in {field.locale}" if field.locale else "",
        f"at most {field.max_length} characters" if field.max_length else "",
        f"in units of {field.measure}" if field.measure else "",
        f"one of {', '.join(field.options)}" if field.options else "",
    ]
    return ", ".join(fact for fact in facts if fact)


def _entity(schema: Schema, name: str) -> EntitySchema:
    from rapidfuzz import process  # noqa: PLC0415

    from etl.errors import EntityUnknown  # noqa: PLC0415

    if name not in schema.entities:
        close = process.extractOne(name, list(schema.entities), score_cutoff=60)
        raise EntityUnknown(name, close=[close[0]] if close else [])
    return schema.entities[name]
