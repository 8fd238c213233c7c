"""The journal of a known state: what a run learns is appended, so that a killed run loses none of it.

Each portion stands with its length and a digest before it; reading ends at the first that is not whole.
"""

from __future__ import annotations

import io
import json
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FRAME = struct.Struct("<4sQQ")
MARK = b"atro"


class KnownJournal:
    """Takes lines while a run goes on. The first portion is what the journal is about."""

    def __init__(self, path: Path, *, header: Mapping[str, object]) -> None:
        self._path, self._header = path, header
        self._has_begun = False

    def append(self, lines: pa.RecordBatch) -> None:
        """Add lines; once this returns, a kill of the process does not take them away."""
        content = b""
        if not self._has_begun:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            content = _framed(json.dumps(self._header).encode())
        with io.BytesIO() as buffer:
            with pa.ipc.new_stream(buffer, lines.schema) as stream:
                stream.write_batch(lines)
            content += _framed(buffer.getvalue())
        with self._path.open("ab" if self._has_begun else "wb") as file:
            file.write(content)
        self._has_begun = True

    def close(self) -> bool:
        """Write all of it to the disk; tell whether there is any."""
        if self._has_begun:
            with self._path.open("ab") as file:
                os.fsync(file.fileno())
        return self._has_begun


@dataclass(frozen=True, slots=True)
class Journalled:
    """A journal that lies there."""

    path: Path
    header: Mapping[str, object]

    def lines(self) -> Iterator[pa.Table]:
        """Yield its portions in their order, as far as they are whole."""
        portions = _portions(self.path)
        next(portions, None)
        for portion in portions:
            yield pa.ipc.open_stream(portion).read_all()


def journalled(path: Path) -> Journalled | None:
    """Return the journal at `path`; None: there is none, or not even its beginning is whole."""
    if not path.exists():
        return None
    first = next(_portions(path), None)
    try:
        said = json.loads(first) if first is not None else None
    except ValueError:
        return None
    return Journalled(path, said) if isinstance(said, dict) else None


def _framed(content: bytes) -> bytes:
    return FRAME.pack(MARK, len(content), xxhash.xxh3_64_intdigest(content)) + content


def _portions(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while len(head := file.read(FRAME.size)) == FRAME.size:
            mark, length, digest = FRAME.unpack(head)
            if mark != MARK:
                return
            content = file.read(length)
            if len(content) != length or xxhash.xxh3_64_intdigest(content) != digest:
                return
            yield content
