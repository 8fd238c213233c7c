"""What a cell says -> local files: names and globs below a base folder, and nothing outside of it."""

from __future__ import annotations

import os
import re
from fnmatch import translate
from typing import TYPE_CHECKING

from etl.files.wanted import Flaw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GLOB = re.compile(r"[*?\[]")
MOST_FILES = 10_000
"""That one glob may find; more is a slip such as `*` in the wrong folder."""


def files_below(base: Path, text: str) -> list[Path] | Flaw:
    """Return the files that a name, a path or a glob means below a folder, sorted, or why there are none.

    A slash separates folders, a backslash too where no file is called so; `**` is any folders. A file whose
    own name holds `*`, `?` or `[` is found by that name. A path that leaves the folder, by `..`, from the
    root of the disk or through a link, is refused whether there is a file or not.
    """
    given = text.strip()
    facts = {"path": given, "base": str(base)}
    if not given or "\0" in given:
        return Flaw("file_missing", facts)
    home = os.path.realpath(base)
    for name in dict.fromkeys((given, given.replace("\\", "/"))):
        found = _literal(base, name, home=home)
        if found is not None:
            return [found] if not isinstance(found, str) else Flaw(found, facts)
    pattern = given.replace("\\", "/")
    if not GLOB.search(pattern):
        return Flaw("file_missing", facts)
    return _globbed(base, pattern, home=home)


def _literal(base: Path, name: str, *, home: str) -> Path | str | None:
    """Return the file of this name, the code of what is wrong with it, or None where there is none."""
    path = base / name
    if not _is_below(os.path.realpath(path), home) or ".." in name.split("/"):
        return "file_outside"
    try:
        if path.is_file():
            return path
        return "file_unreadable" if path.exists() else None
    except OSError:
        # A name that is too long, for example: no such file.
        return None


def _globbed(base: Path, pattern: str, *, home: str) -> list[Path] | Flaw:
    facts = {"path": pattern, "base": str(base)}
    found = []
    for path in _matches(base, pattern):
        if not _is_below(os.path.realpath(path), home):
            return Flaw("file_outside", {"path": str(path.relative_to(base)), "base": str(base)})
        found.append(path)
        if len(found) > MOST_FILES:
            return Flaw("files_too_many", {**facts, "most": f"{MOST_FILES:,}"})
    return sorted(found) if found else Flaw("file_missing", facts)


def files_in(folder: Path) -> Iterator[Path | Flaw]:
    """Yield all files below a folder, sorted, hidden ones left out; a link that leads out of it is a flaw."""
    home = os.path.realpath(folder)
    for path in _matches(folder, "**"):
        if _is_below(os.path.realpath(path), home):
            yield path
        else:
            yield Flaw("file_outside", {"path": str(path), "base": str(folder)})


def _matches(base: Path, pattern: str) -> Iterator[Path]:
    """Walk the folders that a pattern can mean; links to folders are not followed by `**`."""
    yield from _below(base, pattern.split("/"))


def _below(folder: Path, parts: list[str]) -> Iterator[Path]:
    first, rest = parts[0], parts[1:]
    if first == "**":
        yield from _below(folder, rest or ["*"])
        for one in _listed(folder):
            if one.is_dir() and not one.is_symlink() and not one.name.startswith("."):
                yield from _below(one, parts)
        return
    matches = re.compile(translate(first)).match
    for one in _listed(folder):
        if not matches(one.name) or (one.name.startswith(".") and not first.startswith(".")):
            continue
        if rest:
            if one.is_dir():
                yield from _below(one, rest)
        elif one.is_file():
            yield one


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        # A folder that may not be read has no files for us; a name of one in it says why.
        return []


def _is_below(path: str, home: str) -> bool:
    return os.path.commonpath([path, home]) == home if os.path.isabs(path) else False  # noqa: PTH117  texts
