"""What verbs about mappings stand on: the table, and a schema from a snapshot or the instance."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from etl.cli.options import read_settings
from etl.cli.snapshots import metadata_of, snapshot_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.cli.console import Console
    from etl.mapping import Mapping
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
    return read(path, ReadOptions(**said))
