"""A sandbox that holds answers back: `python -m tests.cli.holding PORT DB AFTER`.

It answers the first AFTER bulk requests; of further ones it does the work, says `holding` and keeps the
answer until a line comes in. So what a test does while an import is under way happens in the middle of it, on
a fast machine as on a slow one.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from etl.sandbox import Options, Sandbox
from etl.sandbox.faults import is_bulk

if TYPE_CHECKING:
    from aiohttp import web

    from etl.sandbox.calls import Answer, Call


class Holding(Sandbox):
    """Counts bulk requests, and holds the answers to those that are too many."""

    def __init__(self, options: Options, *, after: int) -> None:
        super().__init__(options)
        self._left, self.released = after, asyncio.Event()

    async def _faulty(self, request: web.BaseRequest, path: str, call: Call) -> Answer | None:
        answer = await super()._faulty(request, path, call)
        if is_bulk(call):
            self._left -= 1
            if self._left < 0 and not self.released.is_set():
                sys.stdout.write("holding\n")
                sys.stdout.flush()
                await self.released.wait()
        return answer


async def serve(port: int, db: Path, *, after: int) -> None:
    """Serve until the process is killed."""
    sandbox = Holding(Options(port=port, db=db, seed=1), after=after)
    await sandbox.start()
    sys.stdout.write(f"sandbox ready at {sandbox.url}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    sandbox.released.set()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), after=int(sys.argv[3])))
