"""Uploads in three ways, each in a process of its own. Its arguments: ours|bare|naive FOLDER URL."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import aiohttp
import orjson
import pybase64

from etl.api import connect
from etl.files import Uploads, Wanted
from tests.bench.usage import printed

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_FLIGHT, PIECE_BYTES = 4, 2 << 20
PREFIX = "data:application/octet-stream;base64,"


def wanted(folder: Path) -> list[Wanted]:
    """Return all files of a folder."""
    return [Wanted(path) for path in sorted(folder.iterdir())]


async def ours(folder: Path, url: str) -> None:
    """Upload with what is measured here."""
    files = wanted(folder)
    async with connect(url, username="bench", password="bench") as client:
        with Uploads(client, folder.parent / f"state-{folder.name}") as uploads:
            await uploads.ensure(files)
            if uploads.counts.uploaded != len(files):
                raise SystemExit(str(uploads.counts))


def contents(folder: Path) -> Iterator[tuple[Path, int, int, bytes]]:
    """Yield every file in pieces, and hash it on the way, as each client has to."""
    for path in sorted(folder.iterdir()):
        digest, size = hashlib.md5(usedforsecurity=False), path.stat().st_size
        with path.open("rb", buffering=0) as file:
            for start in range(0, size, PIECE_BYTES):
                data = file.read(PIECE_BYTES)
                digest.update(data)
                yield path, start, size, data
        digest.hexdigest()


def facts(path: Path, start: int, size: int) -> dict[str, object]:
    """Return what is said of a piece."""
    known: dict[str, object] = {"id": path.name, "name": path.name}
    if size > PIECE_BYTES:
        count = -(-size // PIECE_BYTES)
        known |= {"fileUniqueHash": path.name, "start": start, "piecesCount": count}
    return known


async def bare(folder: Path, url: str) -> None:
    """Upload with the least that it can be: read, hash, encode, join, post."""
    waiting = contents(folder)

    async def worker(session: aiohttp.ClientSession) -> None:
        for path, start, size, data in waiting:
            key = b"piece" if size > PIECE_BYTES else b"fileContents"
            body = b"".join(
                (
                    b'{"%b":"%b' % (key, PREFIX.encode()),
                    pybase64.b64encode(data),
                    b'",',
                    orjson.dumps(facts(path, start, size))[1:],
                )
            )
            headers = {"Content-Type": "application/json"}
            async with session.post(f"{url}/api/v1/File", data=body, headers=headers) as answer:
                orjson.loads(await answer.read())

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(worker(session) for _ in range(IN_FLIGHT)))


def naive_payloads(folder: Path) -> Iterator[dict[str, object]]:
    """Yield what is posted of every file: each read whole, hashed, and cut."""
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        size = len(content)
        hashlib.md5(content, usedforsecurity=False).hexdigest()
        for start in range(0, size, PIECE_BYTES):
            key = "piece" if size > PIECE_BYTES else "fileContents"
            text = base64.b64encode(content[start : start + PIECE_BYTES]).decode()
            yield {key: PREFIX + text, **facts(path, start, size)}


async def naive(folder: Path, url: str) -> None:
    """Upload as one would write it first, with the standard library alone, one request after the other."""
    for payload in naive_payloads(folder):
        request = Request(  # noqa: S310  the sink's own address
            f"{url}/api/v1/File",
            data=json.dumps(payload).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urlopen(request) as answer:  # noqa: S310, ASYNC210  the same; nothing else is to run
            json.loads(answer.read())


WAYS = {"ours": ours, "bare": bare, "naive": naive}

if __name__ == "__main__":
    import warnings

    # aiohttp warns of bodies above 1 MiB; the two ways that send them so are what ours is compared with.
    warnings.simplefilter("ignore")
    with printed():
        asyncio.run(WAYS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3]))
