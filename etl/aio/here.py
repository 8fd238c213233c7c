"""Where runs are kept, and what they cannot know by themselves: clock, chance, standard input, version."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from etl.runs import Place, Typed, default_state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etl.runs import Run


def place_here(
    state_dir: Path | str | None, *, profile: str, begins: Callable[[Run], None], typed: Typed | None = None
) -> Place:
    """Return the place of runs; without a folder of its own it is found from the current one.

    Args:
        typed: of the command; None: no command was typed, and the next ones name what was given here.
    """
    cwd = Path.cwd()
    return Place(
        state=default_state_folder(cwd) if state_dir is None else Path(state_dir),
        cwd=cwd,
        now=lambda: datetime.now(UTC),
        chance=lambda: secrets.randbits(16),
        version=release(),
        stdin=sys.stdin.buffer,
        profile=profile,
        begins=begins,
        typed=Typed(target=tuple(_target(state_dir, profile, cwd))) if typed is None else typed,
    )


def _target(state_dir: Path | str | None, profile: str, cwd: Path) -> Iterator[str]:
    if profile:
        yield from ("--profile", profile)
    if state_dir is not None and Path(state_dir).resolve() != default_state_folder(cwd).resolve():
        yield from ("--state-dir", str(state_dir))


def release() -> str:
    """Return the version of the package that is installed; `unreleased` in a checkout that is not."""
    try:
        return version("atro-etl")
    except PackageNotFoundError:
        return "unreleased"
