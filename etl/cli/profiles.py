"""Profiles of a project and of a user: which there are; writing the user's file, the rest left as it is."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from etl.cli.layers import did_you_mean
from etl.cli.settings import USER_FILE, ProfileTable, SettingsFile, read_settings_file
from etl.errors import ConfigurationInvalid
from etl.runs import find_project_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
USUAL = "default"
"""The profile of whoever gives none a name."""


def known_profiles(cwd: Path, *, user: Path) -> dict[str, ProfileTable]:
    """Return all profiles by name; those of the project hide the user's own.

    Raises:
        SettingsInvalid: one of the files has problems.
    """
    project = find_project_file(cwd)
    files = [user / USER_FILE, *([project] if project else [])]
    return {
        name: profile
        for file in files
        if file.is_file()
        for name, profile in sorted(read_settings_file(file).profiles.items())
    }


def chosen_profile(cwd: Path, *, user: Path) -> str:
    """Return the profile that the files choose; empty: none."""
    project = find_project_file(cwd)
    files = [*([project] if project else []), user / USER_FILE]
    chosen = (read_settings_file(file).profile for file in files if file.is_file())
    return next((name for name in chosen if name), "")


def check_name(name: str) -> str:
    """Return the name of a profile.

    Raises:
        ConfigurationInvalid: it cannot be one.
    """
    if not NAME.fullmatch(name):
        raise ConfigurationInvalid(
            "--profile",
            what=f'"{name}" cannot be the name of a profile.',
            advice="Take up to 40 letters, digits, - and _.",
        )
    return name


def write_profile(user: Path, name: str, *, values: Mapping[str, str | bool]) -> Path:
    """Set keys of a profile in the user's file; what else stands there stays as it is."""
    return _edit(user, header=f"[profiles.{check_name(name)}]", values=values)


def choose_profile(user: Path, name: str) -> Path:
    """Make a profile of the user's file the one that is taken when none is named."""
    return _edit(user, header="", values={"profile": check_name(name)})


def _edit(user: Path, *, header: str, values: Mapping[str, str | bool]) -> Path:
    path = user / USER_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for key, value in values.items():
        lines = _with_value(lines, header, line=f"{key} = {json.dumps(value, ensure_ascii=False)}")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    # Whatever stood there before: what is put in its place can be read.
    SettingsFile.model_validate(read_settings_file(beside).model_dump())
    os.replace(beside, path)  # noqa: PTH105  the same on every system, other than Path.rename
    return path


def _with_value(lines: list[str], header: str, *, line: str) -> list[str]:
    """Return the lines with `line` in the table of this header; an empty header: at the top of the file."""
    starts = [number for number, one in enumerate(lines) if one.lstrip().startswith("[")]
    heads = [
        number for number in starts if lines[number].replace('"', "").replace(" ", "").startswith(header)
    ]
    if header and not heads:
        return [*lines, *([""] if lines else []), header, line]
    begin = heads[0] + 1 if header else 0
    end = next((number for number in starts if number >= begin), len(lines))
    key = line.partition(" ")[0]
    for number in range(begin, end):
        if re.match(rf'\s*"?{key}"?\s*=', lines[number]):
            return [*lines[:number], line, *lines[number + 1 :]]
    return [*lines[:begin], line, *lines[begin:]]


def named_or_chosen(name: str | None, *, cwd: Path, user: Path) -> str:
    """Return the profile that was named, else the chosen one, else the usual name."""
    return name or chosen_profile(cwd, user=user) or USUAL


def require(name: str, *, cwd: Path, user: Path) -> ProfileTable:
    """Return a profile.

    Raises:
        ConfigurationInvalid: there is none of this name; with the one that was meant, if one is close.
    """
    known = known_profiles(cwd, user=user)
    if name not in known:
        listed = f"There are {', '.join(known)}." if known else "There is none yet."
        raise ConfigurationInvalid(
            "profile",
            what=f'there is no profile "{name}".',
            advice=f"{listed}{did_you_mean(name, list(known))} "
            f"Make it with `atro-etl login --profile {name}`.",
        )
    return known[name]
