"""What tests of files share: contents, and what stands in a sandbox."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

from etl.files import Uploads

if TYPE_CHECKING:
    from pathlib import Path

    from etl.api import Client
    from etl.api.wire import Record
    from etl.sandbox import Sandbox

PIECE = 1000
GENERATIONS = ("1.10", "2.1", "2.2", "2.3")


def content(size_bytes: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311  no secret


def made(path: Path, size_bytes: int, seed: int = 1) -> Path:
    path.write_bytes(content(size_bytes, seed))
    return path


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def uploads(pim: Client, tmp_path: Path, **changed) -> Uploads:
    """Uploads in pieces so small that a test has many of them."""
    return Uploads(pim, tmp_path / "state", **{"piece_bytes": PIECE} | changed)


async def records(pim: Client) -> list[Record]:
    return [record async for page in pim.pages("File") for record in page.records]


def stored(sandbox: Sandbox, file_id: str) -> bytes:
    """Return the bytes that the server holds."""
    sql = "SELECT content FROM _content WHERE file_id = ?"
    row = sandbox.instance.writer.execute(sql, (file_id,)).fetchone()
    return bytes(row[0])


def sent(sandbox: Sandbox) -> int:
    """Return how many requests carried content."""
    return sum(
        one.method == "POST" and one.path.partition("?")[0].endswith(("/File", "/createChunk"))
        for one in sandbox.requests
    )
