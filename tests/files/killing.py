"""A process that uploads in children and kills them: `python -m tests.files.killing`.

Reads and answers lines as `tests.delivery.killing` does; a source is a folder of files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from etl.api import connect
from etl.files import Uploads, Wanted
from tests.delivery.killing import serve

if TYPE_CHECKING:
    from collections.abc import Coroutine

PIECE = 1000


async def carried(url: str, folder: Path, state: Path) -> None:
    """Upload all files of a folder in small pieces."""
    files = [Wanted(path, folder="shop/images") for path in sorted(folder.iterdir())]  # noqa: ASYNC240  a test
    async with connect(url, username="admin", password="admin") as client:
        with Uploads(client, state, piece_bytes=PIECE) as uploads:
            await uploads.ensure(files)


def work(order: dict[str, str]) -> Coroutine[None, None, None]:
    """Return what an order asks for."""
    return carried(order["url"], Path(order["source"]), Path(order["state"]))


if __name__ == "__main__":
    serve(work)
