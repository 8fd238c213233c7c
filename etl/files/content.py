"""The content of a local file: size and MD5 in one pass, and whether it is still the same."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.errors import Interrupted
from etl.files.kinds import HEAD_BYTES, mistaken
from etl.files.wanted import Flaw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READ_BYTES = 1 << 17
"""Read at once: fits the cache of a processor core, so hashing does not wait for memory."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of a file; while it is the same, the content is."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    """Moves even where a program sets `mtime` back, as copying with times kept does."""


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file at one moment."""

    size_bytes: int
    md5: str
    """Hexadecimal, as AtroCore stores it in `hash`. Source: observations, "Files"."""
    stamp: Stamp | None = None
    """Of the file it was read from; None: of no local file."""


def stamp_of(path: Path) -> Stamp | Flaw:
    """Return what the file system says of a file, or why it cannot be used."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return Flaw("file_missing", {"path": str(path)})
    except OSError as error:
        return unreadable(path, error)
    if not os.path.isfile(path):  # noqa: PTH113  the same question in one call for every Path
        return Flaw("file_unreadable", {"path": str(path), "reason": "it is no file"})
    return to_stamp(found)


def to_stamp(found: os.stat_result) -> Stamp:
    """Return what matters of a file's state."""
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def unreadable(path: Path, error: OSError) -> Flaw:
    """Return the flaw of a file that the system does not let us read."""
    return Flaw("file_unreadable", {"path": str(path), "reason": error.strerror or type(error).__name__})


def measure(path: Path, *, name: str = "", is_stopping: Callable[[], bool] = lambda: False) -> Content | Flaw:
    """Return size and MD5 of a file, read once, or why it cannot be used. Blocks; for a thread.

    A file that grows or shrinks meanwhile is measured as far as it was read; sending it tells.

    Args:
        name: that it will have; its suffix must fit the content. Empty: that of the path.
        is_stopping: asked again and again.

    Raises:
        Interrupted: `is_stopping` said so.
    """
    digest = hashlib.md5(usedforsecurity=False)
    buffer = memoryview(bytearray(READ_BYTES))
    size = 0
    try:
        with path.open("rb", buffering=0) as file:
            stamp = to_stamp(os.fstat(file.fileno()))
            # Not further than it was when this began: a file may grow as fast as it is read.
            while count := file.readinto(buffer[: max(0, stamp.size_bytes - size)]):
                if not size and (
                    flaw := mistaken(str(path), name or path.name, bytes(buffer[: min(count, HEAD_BYTES)]))
                ):
                    return flaw
                if is_stopping():
                    raise Interrupted
                digest.update(buffer[:count])
                size += count
    except FileNotFoundError:
        return Flaw("file_missing", {"path": str(path)})
    except OSError as error:
        return unreadable(path, error)
    if size == 0:
        return Flaw("file_empty", {"path": str(path)})
    return Content(size, digest.hexdigest(), stamp)
