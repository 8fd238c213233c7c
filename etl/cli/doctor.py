"""`atro-etl doctor`: what stands in the way of a run."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import connection, output, pass_console, read_settings
from etl.cli.snapshots import target_of, yaml_files
from etl.report import neutral

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.cli.settings import Settings
    from etl.doctor import Finding
    from etl.mapping import Mapping
    from etl.report.json import Json

_PATHS = click.Path(path_type=Path, exists=True)


@click.command("doctor")
@click.argument("mappings", nargs=-1, type=_PATHS)
@click.option("--write-test", is_flag=True, help="Write a record too, and remove it again.")
@click.option("--role-for", multiple=True, type=_PATHS, metavar="PATH",
              help="Only print the least role under which these mappings can be imported.")  # fmt: skip
@connection
@output
@pass_console
def command(
    console: Console, *, mappings: tuple[Path, ...], write_test: bool, role_for: tuple[Path, ...]
) -> int:
    """Can we reach it, sign in, and do what MAPPINGS need; version, limits, clocks, jobs."""
    from etl.mapping import load  # noqa: PLC0415  `--help` needs no pandas

    documents = [load(path) for path in yaml_files(role_for or mappings)]
    settings = read_settings(console, asks=True)
    if role_for:
        return _say_role(console, asyncio.run(_role(settings, documents)))
    return _say(console, settings, asyncio.run(_findings(settings, documents, writes=write_test)))


async def _findings(settings: Settings, mappings: Sequence[Mapping], *, writes: bool) -> list[Finding]:
    from etl.api import connect  # noqa: PLC0415
    from etl.doctor import examine, needs_of, try_writing  # noqa: PLC0415
    from etl.schema import read_metadata  # noqa: PLC0415

    async with connect(target_of(settings), limits=settings.limits) as client:
        metadata = await client.metadata()
        schema = read_metadata(metadata)
        findings = await examine(
            client,
            metadata,
            needs=needs_of(mappings, schema),
            now=lambda: datetime.now(UTC),
            timer=time.monotonic,
        )
        return findings + (await try_writing(client, schema, now=datetime.now(UTC)) if writes else [])


async def _role(settings: Settings, mappings: Sequence[Mapping]) -> dict[str, dict[str, str]]:
    from etl.api import connect  # noqa: PLC0415
    from etl.doctor import least_role, needs_of  # noqa: PLC0415
    from etl.schema import read_metadata  # noqa: PLC0415

    async with connect(target_of(settings), limits=settings.limits) as client:
        return least_role(needs_of(mappings, read_metadata(await client.metadata())))


def _say(console: Console, settings: Settings, findings: Sequence[Finding]) -> Exit:
    if console.form is Form.JSON:
        listed: list[Json] = [
            {"code": one.code, "level": one.level.value, "what": one.what, "advice": one.advice}
            for one in findings
        ]
        console.say_json({"schema": 1, "url": settings.url, "findings": listed})
    else:
        for one in findings:
            console.say(neutral(f"{one.level.value:<8} {one.what}. {one.advice}").rstrip())
    return Exit.NO_ACCESS if any(one.level == "problem" for one in findings) else Exit.DONE


def _say_role(console: Console, role: dict[str, dict[str, str]]) -> Exit:
    if console.form is Form.JSON:
        entities: dict[str, Json] = {entity: dict(rights) for entity, rights in role.items()}
        console.say_json({"schema": 1, "role": entities})
    else:
        width = max(map(len, role), default=0)
        for entity, rights in role.items():
            console.say(
                f"{entity:<{width}}  {', '.join(f'{name} {level}' for name, level in rights.items())}"
            )
    return Exit.DONE
