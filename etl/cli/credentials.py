"""Tokens that `login` keeps: one file beside the user's profiles that only the user can read."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from pathlib import Path

FILE = "tokens.json"


@dataclass(frozen=True, slots=True)
class KeptToken:
    """What one sign-in left."""

    url: str
    username: str
    token: str

    def __repr__(self) -> str:
        """Hide the token."""
        return f"KeptToken({self.url!r}, {self.username!r}, …)"


def kept_token(folder: Path, profile: str) -> KeptToken | None:
    """Return the token that was kept for a profile; None: there is none.

    Raises:
        ConfigurationInvalid: others can read the file, or it is none of ours.
    """
    return _read(folder / FILE).get(profile)


def keep_token(folder: Path, profile: str, *, kept: KeptToken) -> Path:
    """Store a token for a profile, in place of an earlier one; return the file, of mode 0600."""
    path = folder / FILE
    return _write(path, {**_read(path), profile: kept})


def forget_token(folder: Path, profile: str) -> bool:
    """Remove the token of a profile; tell whether there was one."""
    path = folder / FILE
    tokens = _read(path)
    if profile not in tokens:
        return False
    del tokens[profile]
    _write(path, tokens)
    return True


def _read(path: Path) -> dict[str, KeptToken]:
    if not path.exists():
        return {}
    # Windows has no such bits; there the folder of the user is its own.
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationInvalid(
            str(path),
            what="others can read these tokens.",
            advice=f"Run `chmod 600 {path}`, then sign in anew.",
        )
    try:
        said = json.loads(path.read_bytes())
        return {name: KeptToken(one["url"], one["username"], one["token"]) for name, one in said.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationInvalid(
            str(path), what="this is no file of tokens.", advice="Remove it and run `atro-etl login` again."
        ) from error


def _write(path: Path, tokens: dict[str, KeptToken]) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    said = {n: {"url": one.url, "username": one.username, "token": one.token} for n, one in tokens.items()}
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(said, file, indent=1)
    beside.replace(path)
    return path
