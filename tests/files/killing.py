"""A process that uploads in children and kills them: `python -m tests.files.killing`.

Reads lines of JSON with `url`, `folder`, `state` and `after_s`; answers each with whether it was killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from etl.api import connect
from etl.files import Uploads, Wanted
from tests.delivery.killing import killed_after

PIECE = 1000


async def carried(url: str, folder: Path, state: Path) -> None:
    """Upload all files of a folder in small pieces."""
    files = [Wanted(path, folder="shop/images") for path in sorted(folder.iterdir())]  # noqa: ASYNC240  a test
    async with connect(url, username="admin", password="admin") as client:
        with Uploads(client, state, piece_bytes=PIECE) as uploads:
            await uploads.ensure(files)


def upload_in_child(order: dict[str, str]) -> int:
    """Fork; the child uploads and exits. Return its process id."""
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(carried(order["url"], Path(order["folder"]), Path(order["state"])))
    finally:
        os._exit(0)


def main() -> None:
    """Serve orders until standard input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        was_killed = killed_after(upload_in_child(order), float(order["after_s"]))
        sys.stdout.write(json.dumps({"killed": was_killed}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
