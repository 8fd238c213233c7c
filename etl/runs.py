"""The folder of a run, its name and the history. No network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROJECT_FILE = "atro-etl.toml"
STATE_FOLDER = ".atro-etl"


def find_project_file(start: Path) -> Path | None:
    """Return the nearest `atro-etl.toml` in `start` or a folder above it; None: there is none."""
    for folder in (start, *start.parents):
        if (path := folder / PROJECT_FILE).is_file():
            return path
    return None


def default_state_folder(start: Path) -> Path:
    """Return `.atro-etl` beside the nearest `atro-etl.toml`, else in `start`. It need not exist."""
    project = find_project_file(start)
    return (project.parent if project else start) / STATE_FOLDER
