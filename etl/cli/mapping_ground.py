"""What verbs about mappings stand on: the table, and a schema from a snapshot or the instance."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from etl.cli.options import read_settings
from etl.cli.snapshots import metadata_of, snapshot_path, target_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.cli.console import Console
    from etl.cli.settings import Settings
    from etl.mapping import AttributeFacts, Mapping
    from etl.schema import Schema
    from etl.tables import Table

P = ParamSpec("P")
R = TypeVar("R")
FILE = click.Path(path_type=Path, dir_okay=False)


def snapshot(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--snapshot FILE`, the argument `snapshot: Path | None`."""
    text = "A saved schema. [default: the pulled one, else the instance]"
    return click.option("--snapshot", type=FILE, help=text)(command)


def source(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--source FILE`, the argument `source: Path | None`."""
    return click.option("--source", type=FILE, help="The table; else what the mapping names.")(command)


def find_schema(console: Console, given: Path | None) -> Schema | None:
    """Return the schema of the snapshot, else of the instance; None where neither was named.

    Raises:
        SourceUnreadable: the snapshot is none.
        NoAccess: the instance cannot be asked.
    """
    from etl.schema import load_snapshot, read_metadata  # noqa: PLC0415  `--help` needs none of it

    settings = read_settings(console)
    path = given or snapshot_path(settings)
    if given is not None or path.exists():
        console.note(f"schema from {path}")
        return load_snapshot(path)
    if settings.url is None:
        return None
    return read_metadata(asyncio.run(metadata_of(read_settings(console, asks=True))))


def require_schema(console: Console, given: Path | None) -> Schema:
    """Return the schema as `find_schema` does.

    Raises:
        ConfigurationInvalid: there is neither a snapshot nor an instance.
    """
    from etl.errors import ConfigurationInvalid  # noqa: PLC0415

    schema = find_schema(console, given)
    if schema is None:
        raise ConfigurationInvalid(
            "schema",
            what="there is neither a snapshot nor an instance.",
            advice="Pull one with `atro-etl schema pull`, or give --snapshot FILE or --url.",
        )
    return schema


def open_source(mapping: Mapping, given: Path | None) -> Table | None:
    """Open the table, read as the mapping says; None where neither it nor an option names one.

    Raises:
        Unusable: the file cannot be read; says why.
    """
    from etl.tables import ReadOptions, read  # noqa: PLC0415

    path = given or mapping.source_path
    if path is None:
        return None
    said = {
        one.name: value
        for one in dataclasses.fields(ReadOptions)
        if (value := getattr(mapping.source, one.name, None)) is not None
    }
    if mapping.source.records is not None:
        said["record_path"] = mapping.source.records
    return read(path, ReadOptions(**said))


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known of the instance."""

    schema: Schema | None
    attributes: dict[str, list[AttributeFacts]] = field(default_factory=dict)
    """By entity; an entity that is not here was not asked about."""
    generation: str | None = None
    """Such as `2.1`; None: not known."""
    has_asked: bool = False
    """True: the instance answered, so link targets can be looked for."""


def find_ground(console: Console, given: Path | None, mapping: Mapping, *, asks: bool) -> Ground:
    """Return what is known: from a snapshot, or from the instance where there is none or `asks`.

    Raises:
        SourceUnreadable: the snapshot is none.
        NoAccess: the instance cannot be asked.
    """
    settings = read_settings(console, asks=asks)
    has_snapshot = given is not None or snapshot_path(settings).exists()
    if settings.url is None or (has_snapshot and not asks):
        return Ground(find_schema(console, given))
    return asyncio.run(_asked(settings, mapping))


def require_ground(console: Console, given: Path | None, mapping: Mapping) -> tuple[Schema, Ground]:
    """Return the schema and what else is known, as `find_ground` does.

    Raises:
        ConfigurationInvalid: there is neither a snapshot nor an instance.
    """
    ground = find_ground(console, given, mapping, asks=False)
    return ground.schema or require_schema(console, given), ground


async def _asked(settings: Settings, mapping: Mapping) -> Ground:
    from etl.api import connect  # noqa: PLC0415
    from etl.importing.attributes import read_attribute_facts  # noqa: PLC0415
    from etl.schema import read_metadata  # noqa: PLC0415

    async with connect(target_of(settings), limits=settings.limits) as client:
        schema = read_metadata(await client.metadata())
        wanted = {part.entity for part in mapping.parts() if part.doc.attributes or part.doc.patterns}
        facts = {
            entity: await read_attribute_facts(client, schema, entity=entity)
            for entity in wanted & set(schema.entities)
        }
        return Ground(schema, facts, client.generation.name if client.version else None, has_asked=True)
