"""What local files hold: remembered where their stamp is the same, else read. Many at a time, in threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from etl.files.content import Stamp, measure, stamp_of
from etl.files.wanted import Flaw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from etl.files.content import Content
    from etl.files.remembering import Memory

THREADS = 2
"""Files read at once: hashing takes a core, and the server's answers want one too."""
FILES = 64
"""In one go of a thread, where there are many."""


async def read_all(
    names: Mapping[Path, str], memory: Memory, *, is_stopping: Callable[[], bool]
) -> dict[Path, Content | Flaw]:
    """Return the content of each file, or why it cannot be used.

    Args:
        names: path -> the name that the file will have.

    Raises:
        Interrupted: `is_stopping` said so; a large file is not read to its end.
    """
    slots = asyncio.Semaphore(THREADS)
    paths = list(names)

    async def some(part: Sequence[Path]) -> dict[Path, Content | Flaw]:
        async with slots:
            of_part = {path: names[path] for path in part}
            return await asyncio.to_thread(_read, of_part, memory, is_stopping)

    parts = [paths[start : start + FILES] for start in range(0, len(paths), FILES)]
    found: dict[Path, Content | Flaw] = {}
    for one in await asyncio.gather(*(some(part) for part in parts)):
        found |= one
    return found


def _read(
    names: Mapping[Path, str], memory: Memory, is_stopping: Callable[[], bool]
) -> dict[Path, Content | Flaw]:
    stamps: dict[Path, Stamp] = {}
    found: dict[Path, Content | Flaw] = {}
    for path in names:
        stamp = stamp_of(path)
        if isinstance(stamp, Flaw):
            found[path] = stamp
        else:
            stamps[path] = stamp
    found |= memory.contents(stamps)
    for path in stamps:
        if path not in found:
            content = found[path] = measure(path, name=names[path], is_stopping=is_stopping)
            if not isinstance(content, Flaw):
                memory.keep_content(path, content)
    return found
