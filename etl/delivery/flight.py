"""Batches that are on their way, and their outcomes as they land."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from etl.model import Outcomes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine


class Flight:
    """The batches that are on their way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Outcomes]] = set()

    def start(self, sending: Coroutine[None, None, Outcomes]) -> None:
        """Let one more batch leave."""
        self._tasks.add(asyncio.create_task(sending))

    async def landing(self, *, leave: int) -> AsyncIterator[Outcomes]:
        """Yield outcomes until at most `leave` batches are on their way."""
        while len(self._tasks) > leave:
            done, self._tasks = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()

    async def rest(self) -> list[Outcomes]:
        """Wait for all that are on their way; those that fail too add nothing to what is known."""
        landed = await asyncio.gather(*self._tasks, return_exceptions=True)
        return [outcomes for outcomes in landed if isinstance(outcomes, Outcomes)]

    def cancel(self) -> None:
        """Wait for none of them any more."""
        for task in self._tasks:
            task.cancel()
