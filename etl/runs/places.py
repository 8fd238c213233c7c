"""Where a project keeps what it knows of its runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROJECT_FILE = "atro-etl.toml"
STATE_FOLDER = ".atro-etl"
RUNS_FOLDER = "runs"
INCOMING = "incoming"
"""Folder in the state folder for what came by standard input or from an address, one for each run."""


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


def named_from(cwd: Path, path: Path) -> str:
    """Return what a path is called where a command is typed: relative where it lies below."""
    return str(path.relative_to(cwd) if path.is_relative_to(cwd) else path)


def make_state_folder(state: Path) -> bool:
    """Make the state folder where it is missing; tell whether it was missing.

    Git leaves it out: it holds rows of the sources.
    """
    is_new = not state.exists()
    state.mkdir(parents=True, exist_ok=True)
    ignore = state / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return is_new


def write_whole(path: Path, text: str) -> None:
    """Write a file so that at any moment it is as before or as now, also after a kill or a power cut."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
