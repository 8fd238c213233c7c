"""The event loop in a thread of its own, and the questions that come from there."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

    from etl.applying import Intent

T = TypeVar("T")


class Asking:
    """A question of what runs in the loop's thread, answered by the thread that waits for it.

    So a terminal is asked where its interrupts arrive, and no other thread is left waiting for a line of it.
    """

    def __init__(self, agrees: Callable[[Intent], bool]) -> None:
        self._agrees = agrees
        self._asked: SimpleQueue[Intent | None] = SimpleQueue()
        self._answers: SimpleQueue[bool] = SimpleQueue()

    def __call__(self, intent: Intent) -> bool:
        """Ask, and wait for the answer."""
        self._asked.put(intent)
        return self._answers.get()

    def until(self, future: Future[T]) -> None:
        """Answer what is asked until the work is done."""
        future.add_done_callback(lambda _: self._asked.put(None))
        try:
            while (intent := self._asked.get()) is not None:
                self._answers.put(self._agrees(intent))
        finally:
            # Where answering failed, whoever asked shall not wait for ever: the answer is no.
            self._answers.put(False)  # noqa: FBT003  an answer, no switch


LONGEST_END_S = 5.0
"""For closing connections: nobody waits longer for a server that says nothing."""


class Loop:
    """An event loop in a thread: it works in notebooks too, where one is running already."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="etl", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # What was cancelled closes its connections while there is a loop to do it in.
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_end_all(), self._loop).result(LONGEST_END_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait_for(self, work: Coroutine[None, None, T], asking: Asking | None = None) -> T:
        """Return what `work` returns. An interrupt while waiting cancels it and is passed on.

        Args:
            asking: what it asks meanwhile is answered here, in the thread that waits.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            if asking is not None:
                asking.until(future)
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise


async def _end_all() -> None:
    """Cancel whatever is under way, and wait until it has ended."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
