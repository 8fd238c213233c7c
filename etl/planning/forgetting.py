"""Known states as they lie in the state folder, and how they are dropped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyarrow import parquet

from etl.planning.known import BROKEN, FOLDER, META

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Dropped:
    """A known state that is there no more."""

    mapping: str
    """Its file, seen from the folder that the state folder lies in; empty: the file did not tell any more."""
    url: str
    """Of the instance; empty: the same."""
    lines: int


def forget(state: Path, *, mappings: Collection[str]) -> list[Dropped]:
    """Drop what is known; the next import compares everything with the server.

    Args:
        mappings: as `About.mapping` names them; none: all that is known in this state folder.
    """
    dropped = []
    for path in sorted((state / FOLDER).glob("*.parquet")):
        said = _said(path)
        if not mappings or said.mapping in mappings:
            _remove(path)
            dropped.append(said)
    if not mappings:
        # What killed runs left behind before they came to a file of their own.
        for path in (state / FOLDER).glob("*.journal"):
            path.unlink()
    return dropped


def _remove(path: Path) -> None:
    for suffix in (".journal", ".json", ".parquet"):
        path.with_suffix(suffix).unlink(missing_ok=True)


def _said(path: Path) -> Dropped:
    try:
        with parquet.ParquetFile(path) as file:
            about = json.loads((file.schema_arrow.metadata or {})[META])["about"]
            return Dropped(str(about["mapping"]), str(about["url"]), file.metadata.num_rows)
    except (*BROKEN, ValueError, KeyError, TypeError):
        return Dropped("", "", 0)
