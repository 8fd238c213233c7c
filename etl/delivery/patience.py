"""How long the writes of a run wait for a server, and what ends the waiting before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.api.silence import Silence
from etl.errors import AnswerUnusable, Interrupted, NoAnswer, ServerFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from etl.api import RetryClock
    from etl.errors import RequestFailed
    from etl.model import Limits

LOOK_S = 1.0
"""So often somebody who waits looks whether the run shall end."""


class Patience:
    """Waits between the tries of requests; shared by all that are on their way."""

    def __init__(
        self, url: str, *, limits: Limits, clock: RetryClock, is_stopping: Callable[[], bool]
    ) -> None:
        self._clock, self._is_stopping = clock, is_stopping
        self._silence = Silence(url, limits=limits, clock=clock)

    def answered(self) -> None:
        """Take note that the server answered, whatever it said."""
        self._silence.broken()

    async def before_next(self, tries: int, failure: RequestFailed) -> None:
        """Wait until a request may be sent once more.

        Args:
            tries: of this request so far, in a row.

        Raises:
            ServerGone: it has lasted too long, or would before the next try.
            Interrupted: the run shall end.
        """
        pause_s = self._clock.pause_s(tries, retry_after_s=failure.retry_after_s)
        self._silence.give_up(tries, failure, pause_s=pause_s)
        await self.wait(pause_s)

    async def wait(self, seconds: float) -> None:
        """Wait, unless the run shall end.

        Raises:
            Interrupted: it shall.
        """
        left_s = seconds
        while left_s > 0:
            if self._is_stopping():
                raise Interrupted
            step_s = min(left_s, LOOK_S)
            await self._clock.sleep(step_s)
            left_s -= step_s

    async def until_answered(self, ask: Callable[[], Awaitable[object]]) -> None:
        """Send a request that may go twice until it is answered.

        Raises:
            Refused: the server says no.
            ServerGone: it says nothing any more.
            Interrupted: the run shall end.
        """
        tries = 0
        while True:
            try:
                await ask()
            except (NoAnswer, ServerFailed, AnswerUnusable) as failure:
                tries += 1
                await self.before_next(tries, failure)
                continue
            self.answered()
            return
