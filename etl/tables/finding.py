"""Which file a source is: by a path or glob, old enough to be whole and new enough to be today's.

What is no file here, standard input and remote addresses, is copied into a folder: a source is read twice.
"""

from __future__ import annotations

import glob
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from etl.errors import (
    ConfigurationInvalid,
    SourceMissing,
    SourceStale,
    SourceUnfinished,
    SourceUnmarked,
    SourceUnreadable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

STANDARD_INPUT = "-"
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Choice:
    """What makes a file the one to read."""

    pick: Literal["newest", "oldest", "all"] | None = None
    """Which of several that a glob finds; None: there must be only one."""
    max_age_s: float | None = None
    """Seconds since it was last changed, at most; None: any age."""
    stable_for_s: float | None = None
    """Seconds for which it must not have been changed; None: it is not asked."""
    marker: str | None = None
    """Name of a file that must lie beside it; None: it is not asked."""


ANY = Choice()


def to_seconds(duration: str) -> float:
    """Return the seconds of a duration as mappings write it: `30s`, `15m`, `26h`, `2d`.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", duration)
    if found is None:
        raise ValueError(f"{duration!r} is no duration like 30s, 15m, 26h or 2d")
    return float(found[1]) * UNITS_S[found[2]]


def to_duration(seconds: float) -> str:
    """Return seconds as a person says them: `45 seconds`, `3 hours`, `2 days`."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{seconds:.0f} second{'' if round(seconds) == 1 else 's'}"


def is_remote(source: str) -> bool:
    """Tell whether a source is an address like `https://…` or `s3://…` and not a path."""
    return re.match(r"[a-z][a-z0-9+.-]+://", source) is not None


def find_files(pattern: str, choice: Choice = ANY, *, now: float) -> list[Path]:
    """Return the file that a path or glob means, or with `pick: all` every one, sorted by name.

    Args:
        pattern: a path, or one with `*`, `?`, `**`.
        now: seconds since the epoch.

    Raises:
        SourceMissing: nothing is there.
        SourceUnreadable: several are there and none is picked.
        SourceStale, SourceUnfinished, SourceUnmarked: exit 6.
    """
    path = Path(pattern)
    if path.exists() or not glob.has_magic(pattern):
        found = [path] if path.exists() else []
    else:
        found = sorted(Path(one) for one in glob.glob(pattern, recursive=True) if not Path(one).is_dir())  # noqa: PTH207  patterns may be absolute
    if not found:
        if not path.exists() and not glob.has_magic(pattern):
            return [path]  # the reader says what is missing, and what comes close
        raise SourceMissing(pattern)
    if len(found) > 1 and choice.pick is None:
        listed = ", ".join(one.name for one in found[:5])
        raise SourceUnreadable(
            pattern,
            reason=f"{len(found)} files match ({listed}{', …' if len(found) > 5 else ''}).",  # noqa: PLR2004  shown
            advice="Set source.pick to newest, oldest or all.",
        )
    if choice.pick in ("newest", "oldest"):
        by_age = sorted(found, key=lambda one: (one.stat().st_mtime, one.name))
        found = [by_age[-1] if choice.pick == "newest" else by_age[0]]
    for one in found:
        _check_age(one, choice, now=now)
    return found


def _check_age(path: Path, choice: Choice, *, now: float) -> None:
    files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    if not files:
        return
    age = max(now - max(one.stat().st_mtime for one in files), 0.0)
    if choice.max_age_s is not None and age > choice.max_age_s:
        raise SourceStale(str(path), age=to_duration(age), most=to_duration(choice.max_age_s))
    if choice.marker is not None and not (path.parent / choice.marker).exists():
        raise SourceUnmarked(str(path), marker=choice.marker)
    if choice.stable_for_s is not None and age < choice.stable_for_s:
        raise SourceUnfinished(str(path), age=to_duration(age), stable_for=to_duration(choice.stable_for_s))


def bring(source: str, folder: Path, *, stdin: BinaryIO, suffix: str = ".csv") -> Path:
    """Copy standard input (`-`) or a remote address into a folder and return the copy.

    Args:
        folder: of the run; the copy makes it resumable.
        suffix: of standard input, which has no name to tell its format by.

    Raises:
        ConfigurationInvalid: the extra `[remote]` is not installed.
        SourceUnreadable: the address cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if source == STANDARD_INPUT:
        target = folder / f"stdin{suffix}"
        with target.open("wb") as copy:
            shutil.copyfileobj(stdin, copy, 1 << 20)
        return target
    return _download(source, folder)


def _download(address: str, folder: Path) -> Path:
    said = shown(address)
    try:
        import fsspec  # noqa: PLC0415  an extra: only who reads remote sources has it
    except ImportError:
        raise _lacking(said, "fsspec") from None
    name = Path(re.sub(r"[?#].*", "", address).rstrip("/")).name or "source"
    target = folder / name
    try:
        with fsspec.open(address, "rb") as stream, target.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
    except ImportError as error:
        raise _lacking(said, str(error)) from None
    except FileNotFoundError:
        raise SourceMissing(said) from None
    except (OSError, ValueError) as error:
        raise SourceUnreadable(
            said,
            reason=f"it cannot be read ({type(error).__name__}).",
            advice="Check the address and the credentials in the environment or the profile of that service.",
        ) from None
    return target


def _lacking(address: str, what: str) -> ConfigurationInvalid:
    return ConfigurationInvalid(
        address,
        what=f"remote sources need a package that is not installed ({what}).",
        advice="Install it: pip install 'atro-etl[remote]'.",
    )


def shown(address: str) -> str:
    """Return the address without user, password and query, which may be signed."""
    return re.sub(r"[?#].*", "", re.sub(r"//[^/@]*@", "//", address))


def in_order(paths: Sequence[Path]) -> list[Path]:
    """Return paths sorted by their parts, so that `part-2` of one folder comes before any of the next."""
    return sorted(paths, key=lambda path: path.parts)
