"""A clock that nobody waits for."""

from __future__ import annotations

from etl.api import RetryClock


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time_s += seconds

    def now(self) -> float:
        return self.time_s

    def retry(self, **changed: float) -> RetryClock:
        return RetryClock(sleep=self.sleep, now=self.now, chance=lambda: 1.0, **changed)
