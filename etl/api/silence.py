"""How long a server has left the writes of a run without an answer, and when the run gives it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.errors import ServerGone

if TYPE_CHECKING:
    from etl.api.retry import RetryClock
    from etl.errors import RequestFailed
    from etl.model import Limits

FORBIDDEN = 403
LOST_RIGHTS = frozenset({401, FORBIDDEN})
LOCKOUT_S = 61.0
"""Too many failed sign-ins from an address lock it for a minute, and 403 is all that it says.

Source: quirks, 19.
"""


class Silence:
    """The time since the last answer to any of the requests of a run."""

    def __init__(self, url: str, *, limits: Limits, clock: RetryClock) -> None:
        self._url, self._limits, self._clock = url, limits, clock
        self._last_answer = clock.now()

    def broken(self) -> None:
        """Take note that the server answered, whatever it said."""
        self._last_answer = self._clock.now()

    def give_up(self, tries: int, failure: RequestFailed, *, pause_s: float = 0.0) -> None:
        """End the run where it has lasted too long.

        Args:
            tries: of one request, in a row.
            pause_s: seconds until the next one, which the server may have asked for.

        Raises:
            ServerGone: more tries, or more seconds without an answer, than the limits allow.
        """
        silent_s = self._clock.now() - self._last_answer
        if tries >= self._limits.attempts:
            raise ServerGone(self._url, reason=f"{failure}, {tries} times in a row") from failure
        if silent_s >= self._limits.silence_s:
            raise ServerGone(self._url, reason=f"no answer for {silent_s:.0f} seconds") from failure
        if silent_s + pause_s > self._limits.silence_s:
            reason = f"{failure}, and the next try would be in {pause_s:.0f} seconds"
            raise ServerGone(self._url, reason=reason) from failure
