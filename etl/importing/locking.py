"""Which runs mean the same mapping and instance, and the lock that keeps them apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from etl.planning.known import name_of
from etl.runs import run_name
from etl.runs.places import named_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.runs import Fingerprint, Place, RunFacts, RunLock
    from etl.runs.folder import Json

MEANT = "meant"
"""Option of a run: its mappings, seen from the folder that the state folder lies in."""


def path_of(file: Fingerprint, options: Mapping[str, Json]) -> Path:
    """Return a file of a run; a relative name starts where the command was typed then."""
    return Path(str(options.get("cwd", "."))) / file.name


def mappings_meant(facts: RunFacts, state: Path) -> list[str]:
    """Return the mappings of a run in one way, however their names were typed; the project may be moved."""
    said = facts.options.get(MEANT)
    if isinstance(said, list):
        return [str(one) for one in said]
    return [name_of(path_of(one, facts.options), state) for one in facts.mappings]


def lock_of(facts: RunFacts, place: Place, *, also: Sequence[str] = ()) -> RunLock:
    """Return the lock of a run that keeps others of the same mapping and instance away.

    Args:
        also: other runs that nobody may work on meanwhile.
    """
    names = [f"{name} {facts.url}" for name in mappings_meant(facts, place.state)]
    return place.lock(facts.run, [*names, *map(run_name, also)])


def mapping_from(cwd: Path, facts: RunFacts) -> Path:
    """Return the mapping of a run as it is named where a command is typed now; as then, where it can be."""
    first, then = facts.mappings[0], facts.options.get("cwd")
    return Path(first.name if str(cwd) == then else named_from(cwd, path_of(first, facts.options)))
