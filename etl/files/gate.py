"""How many requests with content are under way at once: as many as the pace of the server allows."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from etl.pacing import Pacer

COST_BYTES = 32 << 10
"""What a request costs besides its bytes, in bytes: a small file takes about as long as an empty one."""


class Gate:
    """A context, entered when there is a place. It limits memory too, since bodies are made inside."""

    def __init__(self, pacer: Pacer) -> None:
        self.pacer = pacer
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> Self:
        while self._under_way >= self.pacer.slots:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                # A turn that came already is somebody else's now.
                self._call()
                raise
        self._under_way += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._under_way -= 1
        self._call()

    def _call(self) -> None:
        """Call as many of those who wait as there are places; who comes too late waits again."""
        free = self.pacer.slots - self._under_way
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def answered(self, latency_s: float, size_bytes: int) -> None:
        """Take note of an answer to a request of this size."""
        self.pacer.answered(latency_s, 1 + size_bytes // COST_BYTES)
