"""Batches that are on their way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Flight:
    """The batches that are on their way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many they are."""
        return len(self._tasks)

    def start(self, sending: Coroutine[None, None, None]) -> None:
        """Let one more batch leave."""
        self._tasks.add(asyncio.create_task(sending))

    async def land(self) -> None:
        """Wait until at least one of them has ended.

        Raises:
            What one of those raised that ended.
        """
        done, self._tasks = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        failures = [failure for task in done if (failure := task.exception()) is not None]
        if failures:
            raise failures[0]

    async def rest(self) -> None:
        """Wait for all that are on their way; the run has a reason to end already."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cancel(self) -> None:
        """Wait for none of them any more."""
        for task in self._tasks:
            task.cancel()
