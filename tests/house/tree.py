"""The tracked files of the project, read once: texts, syntax trees, and words that must not stand in them."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Return the tracked files that exist, relative to the root, sorted."""
    # A container often runs as another user than the one who made the clone.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return tuple(sorted(Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()))


@cache
def text_of(path: Path) -> str | None:
    """Return the text of a tracked file; None: it is no text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every tracked file that is text."""
    for path in tracked():
        text = text_of(path)
        if text is not None:
            yield path, text


def modules(*, folder: str = "etl") -> tuple[Path, ...]:
    """Return the tracked Python modules below a folder of the root."""
    return tuple(path for path in tracked() if path.suffix == ".py" and path.parts[0] == folder)


@cache
def syntax_of(path: Path) -> ast.Module:
    """Return the syntax tree of a tracked module."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def room_of(path: Path) -> str:
    """Return the dotted name of a module, for example `etl.api.wire`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def in_room(path: Path, *rooms: str) -> bool:
    """Return whether a module is one of the rooms or lies in one of them."""
    name = room_of(path)
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@cache
def pyproject() -> dict[str, dict[str, object]]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def said(rule: str, places: list[str]) -> str:
    """Return the message of a broken rule: the rule first, then every place."""
    return "\n  ".join([rule, *places])
