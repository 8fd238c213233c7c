"""Headers that go along where files are fetched from addresses: by origin, from the files of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from etl.api.target import Secret
from etl.cli.layers import secret_from_file
from etl.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Headers = dict[str, dict[str, Secret]]
"""Origin such as `https://cdn.example` -> name of a header -> its value."""


def read_headers(tables: Sequence[tuple[Mapping[str, Mapping[str, str]], Path, str]]) -> Headers:
    """Return the headers of each origin; what stands in a nearer place wins, header by header.

    Args:
        tables: the nearest first; each with the folder that `@FILE` starts in, and how a person knows it.

    Raises:
        ConfigurationInvalid: an origin or a header is none, or the file of a value cannot be read.
    """
    found: Headers = {}
    for table, folder, origin in reversed(tables):
        for site, headers in table.items():
            where = f"{origin}, fetch_headers"
            there = found.setdefault(_origin(site, where=where), {})
            for name, value in headers.items():
                there[name] = _value(name, value, folder=folder, where=where)
    return found


def told(headers: Headers) -> str:
    """Return origins and the names of their headers, never a value."""
    return "; ".join(f"{site}: {', '.join(names)}" for site, names in headers.items()) or "not set"


def _origin(text: str, *, where: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or "@" in text:
        raise ConfigurationInvalid(
            where, what=f'"{text}" names no server.', advice="Write it like https://cdn.example."
        )
    return f"{parts.scheme}://{parts.netloc}".lower()


def _value(name: str, value: str, *, folder: Path, where: str) -> Secret:
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ConfigurationInvalid(where, what=f'"{name}" is no name of a header.', advice="Correct it.")
    if value.startswith("@"):
        return secret_from_file(folder, value[1:], origin=f"{where}: {value}")
    if "\n" in value or "\r" in value:
        raise ConfigurationInvalid(where, what=f"{name} has more than one line.", advice="Write one.")
    return Secret(value)
