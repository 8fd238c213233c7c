"""How many requests with content are under way at once: as many as the pace of the server allows."""

from __future__ import annotations

import asyncio
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
        self._free = asyncio.Condition()

    async def __aenter__(self) -> Self:
        async with self._free:
            await self._free.wait_for(lambda: self._under_way < self.pacer.slots)
            self._under_way += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._under_way -= 1
        async with self._free:
            self._free.notify(max(1, self.pacer.slots - self._under_way))

    def answered(self, latency_s: float, size_bytes: int) -> None:
        """Take note of an answer to a request of this size."""
        self.pacer.answered(latency_s, 1 + size_bytes // COST_BYTES)
