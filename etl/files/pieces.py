"""How a content goes into requests: whole or in pieces, as bodies that are not copied."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pybase64

from etl.api.wire import Stream
from etl.files.content import to_stamp, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.files.content import Content
    from etl.files.finding import Key
    from etl.files.wanted import Flaw

PIECE_BYTES = 2 << 20
"""As AtroCore's own pages send. Source: api-contract §7, "UI defaults"."""
LEAST_PIECE_BYTES = 64 << 10
"""A server that refuses less takes no files."""
OVERHEAD_BYTES = 16 << 10
"""Left for all that stands in a body besides the content."""
MIB = 1 << 20
SLICE_BYTES = 3 << 16
"""Encoded at once: a multiple of three, and so small that it goes out of the cache to the network."""
# Without this prefix the content is stored as an empty file. Source: observations, "Files".
PREFIX = b"data:application/octet-stream;base64,"


def piece_bytes_of(max_upload_mib: int | None, learnt: int | None = None, *, most: int = PIECE_BYTES) -> int:
    """Return how much of a file goes in one request, base64 and all else counted.

    Args:
        max_upload_mib: `appParams.maxUploadSize`; None: not told.
        learnt: what an earlier run came down to; None: nothing was refused.
        most: no piece is larger.
    """
    fits = most if max_upload_mib is None else (max_upload_mib * MIB - OVERHEAD_BYTES) * 3 // 4
    return min(most, max(LEAST_PIECE_BYTES, min(fits, learnt or fits)))


def unique_hash(key: Key, piece_bytes: int, *, salt: str = "") -> str:
    """Return the `fileUniqueHash` of an upload: pieces of another size or content cannot mix in.

    Source: quirks, 15: pieces lie under this name until they are all there, whoever sent them.

    Args:
        salt: another one for an upload that shares nothing with those before.
    """
    text = f"{key.md5} {key.size_bytes} {piece_bytes} {salt}".strip()
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Cut:
    """A content in pieces."""

    unique_hash: str
    piece_bytes: int
    size_bytes: int

    @property
    def starts(self) -> range:
        """Where pieces begin, in bytes."""
        return range(0, self.size_bytes, self.piece_bytes)

    def facts(self, start: int) -> dict[str, object]:
        """Return what a request says of a piece; its count is a number: in quotes it never ends."""
        return {
            "fileUniqueHash": self.unique_hash,
            "start": start,
            "piecesCount": len(self.starts),
        }


class Buffers:
    """Memory that pieces are read into, used again and again: new pages cost more than filling them."""

    def __init__(self) -> None:
        self._free: list[bytearray] = []

    def take(self, size_bytes: int) -> bytearray:
        """Return memory of at least this size."""
        buffer = self._free.pop() if self._free else bytearray()
        return buffer if len(buffer) >= size_bytes else bytearray(size_bytes)

    def give_back(self, buffer: bytearray) -> None:
        """Let others use it."""
        self._free.append(buffer)


class Changed(Exception):
    """The file is not what was measured any more."""


def read_piece(
    path: Path, content: Content, *, start: int, size_bytes: int, buffer: bytearray
) -> Flaw | None:
    """Read a part of a file into memory, or return why it cannot be read. Blocks; for a thread.

    Args:
        buffer: at least a byte longer than what is asked for.

    Raises:
        Changed: the file is another one than was measured, as far as its stamp and size tell.
    """
    try:
        with path.open("rb", buffering=0) as file:
            count = _read(file.fileno(), memoryview(buffer)[: size_bytes + 1], start)
            stamp = to_stamp(os.fstat(file.fileno()))
    except FileNotFoundError as error:
        raise Changed from error
    except OSError as error:
        return unreadable(path, error)
    is_last = start + size_bytes == content.size_bytes
    if stamp != content.stamp or count < size_bytes or (is_last and count > size_bytes):
        raise Changed
    return None


def body_of(data: memoryview, facts: Mapping[str, object], *, is_piece: bool) -> Stream:
    """Return a JSON body that carries data; its base64 is made slice by slice while it is sent.

    Args:
        facts: what else it says: payload key -> value.
    """
    key = b"piece" if is_piece else b"fileContents"
    head, tail = b'{"%b":"%b' % (key, PREFIX), b'",' + orjson.dumps(facts)[1:]

    def slices() -> Iterator[bytes]:
        if len(data) <= SLICE_BYTES:
            yield b"".join((head, pybase64.b64encode(data), tail))
            return
        yield head
        for start in range(0, len(data), SLICE_BYTES):
            yield pybase64.b64encode(data[start : start + SLICE_BYTES])
        yield tail

    return Stream(len(head) + (len(data) + 2) // 3 * 4 + len(tail), slices)


def _read(descriptor: int, buffer: memoryview, start: int) -> int:
    """Fill memory from a place in a file; return how much there was."""
    done = 0
    while done < len(buffer):
        if not (count := _read_at(descriptor, buffer[done:], start + done)):
            break
        done += count
    return done


def _read_at(descriptor: int, buffer: memoryview, start: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [buffer], start)
    # Windows and macOS before 11 lack it; each piece has its own descriptor, so its place is nobody else's.
    os.lseek(descriptor, start, os.SEEK_SET)
    data = os.read(descriptor, len(buffer))
    buffer[: len(data)] = data
    return len(data)
