"""Where snapshots of schemas are kept, and what verbs that look at an instance have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.api import Record, Target
    from etl.cli.settings import Settings


def snapshot_path(settings: Settings) -> Path:
    """Return where the schema of a profile is kept: `schema.json`, or `schema-staging.json`."""
    return settings.state_dir / f"schema{'-' + settings.profile if settings.profile else ''}.json"


def named_snapshot(name: str, *, folder: Path) -> Path:
    """Return the file of this name, or the snapshot of the profile of this name, where there is one."""
    kept = folder / f"schema-{name}.json"
    return kept if not Path(name).exists() and kept.exists() else Path(name)


def yaml_files(paths: tuple[Path, ...]) -> list[Path]:
    """Return files as they are, and of folders the mappings in them."""
    return [
        file
        for path in paths
        for file in (sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path])
    ]


def target_of(settings: Settings) -> Target:
    """Return where settings say to sign in, and with what.

    Raises:
        ConfigurationInvalid: nobody said where the server is.
    """
    from etl.api import Target  # noqa: PLC0415  `--help` needs no client

    return Target(settings.require_url(), settings.username, password=settings.password, token=settings.token)


async def metadata_of(settings: Settings) -> Record:
    """Return the Metadata answer of the instance that settings name.

    Raises:
        NoAccess: see `etl.api.connect`.
    """
    from etl.api import connect  # noqa: PLC0415

    async with connect(target_of(settings), limits=settings.limits) as client:
        return await client.metadata()
