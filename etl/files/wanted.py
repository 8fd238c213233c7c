"""What callers want to stand in AtroCore, and what became of it: values, no I/O."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Address:
    """A file somewhere else."""

    url: str
    """`https://…` or `http://…`."""
    fetch: Literal["client", "server"] = "client"
    """Who fetches it: we, once per address, or AtroCore, which knows no hash beforehand and gives up after
    50 seconds."""


@dataclass(frozen=True, slots=True)
class Share:
    """A link under which a file can be opened without signing in."""

    name: str = ""
    """Of the record of Sharing; empty: the file's name."""
    valid_till: str = ""
    """`2027-01-31 00:00:00` in UTC; empty: for ever."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a file must be to be used."""

    extensions: tuple[str, ...] = ()
    """Such as `jpg`, without dot; case does not matter; empty: any."""
    most_bytes: int | None = None
    """None: any size; of downloads `MOST_FETCHED_BYTES`."""
    md5: str = ""
    """The content must be this one, hexadecimal; empty: any."""


ANY = Rules()
MOST_FETCHED_BYTES = 2 << 30
"""Of one download, where nobody says another limit: an address may go on for ever."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file as it shall stand in AtroCore. Equal content is stored once, whoever wants it first."""

    source: Path | Address
    name: str = ""
    """With its suffix; empty: that of the path, or the last part of the address."""
    folder: str = ""
    """Path of folders such as `shop/images`, made where they are missing; empty: none."""
    type_: str = ""
    """Name or id of a FileType; empty: as AtroCore decides."""
    tags: tuple[str, ...] = ()
    """Ids of options of the field `tags`."""
    description: str = ""
    share: Share | None = None
    rules: Rules = ANY


class FileStatus(StrEnum):
    """What became of a file."""

    UPLOADED = "uploaded"
    REUSED = "reused"
    """A file with this content was there already."""
    FAILED = "failed"
    MISSING = "missing"
    """Only foreseen: it is not there, and would be uploaded."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a file cannot be used, was not stored, or needs a look: what a `Problem` is made of."""

    code: str
    """A key of `problems.CATALOGUE`."""
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one wanted file."""

    wanted: Wanted
    status: FileStatus
    file_id: str = ""
    """Of the File record. Of a missing one the id it would get; empty: failed, or not known beforehand."""
    name: str = ""
    """As it stands in AtroCore, or would stand there."""
    size_bytes: int = 0
    md5: str = ""
    """Hexadecimal; empty: the content is not known."""
    flaw: Flaw | None = None
    """Why it failed; None: it did not."""
    link: str = ""
    """Of `Wanted.share`: where it is downloaded without signing in."""
    view_link: str = ""
    """Of `Wanted.share`: where a browser shows it; empty: this AtroCore has none."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of files so far; each content counts once."""

    uploaded: int = 0
    reused: int = 0
    failed: int = 0
    bytes: int = 0
    """Of the contents that were uploaded, before base64."""
    missing: int = 0
    """Foreseen: would be uploaded."""
    upload_ms: int = 0
    """Milliseconds in which at least one file was being sent."""
