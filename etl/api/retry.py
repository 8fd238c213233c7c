"""When a request is repeated that may be, and how long is waited before. The clock is a parameter."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from etl.errors import AnswerUnusable, DatabaseRefused, NoAnswer, RequestFailed, ServerFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

log = logging.getLogger(__name__)

LASTING = re.compile(r"SQLSTATE\[(?:22|23|42)")
"""SQL errors of values, of constraints and of names, by their class: a code of the standard, not a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryClock:
    """How often, how long, and by which clock. Tests hand in a clock that does not wait."""

    attempts: int = 5
    """Tries of one request, the first one counted."""
    first_pause_s: float = 0.5
    """Before the second try; each further pause is twice as long."""
    longest_pause_s: float = 30.0
    """No pause of our own is longer."""
    patience_s: float = 120.0
    """Seconds after the first try in which further ones may begin; a longer Retry-After ends the tries."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    now: Callable[[], float] = time.monotonic
    """Seconds of a clock that never goes back."""
    chance: Callable[[], float] = random.random
    """Between 0 and 1: spreads the pauses, so that what failed together does not come back together."""

    def pause_s(self, attempt: int, *, retry_after_s: float | None = None) -> float:
        """Return the seconds to wait after the `attempt`-th try (1-based) failed.

        What the server asked for in Retry-After is a lower bound. Our own pause is spread over 50 to 100 %.
        """
        grown = min(self.first_pause_s * 2.0 ** (attempt - 1), self.longest_pause_s)
        return max(grown * (0.5 + self.chance() / 2), retry_after_s or 0.0)


def is_worth_repeating(failure: RequestFailed) -> bool:
    """Tell whether the same read may succeed a moment later.

    Not after what the server refused, what is too large, and what the database finds wrong with the question:
    these stay so. A deadlock passes.
    """
    if isinstance(failure, DatabaseRefused):
        return LASTING.search(failure.reason) is None
    return isinstance(failure, NoAnswer | ServerFailed | AnswerUnusable)


async def repeated(
    ask: Callable[[], Awaitable[T]],
    clock: RetryClock,
    *,
    on_repeat: Callable[[], None],
    is_worth: Callable[[RequestFailed], bool] = is_worth_repeating,
) -> T:
    """Return what `ask` returns, calling it again where that is worth it. Only for what changes nothing.

    Args:
        on_repeat: called before each further try, for counting.
        is_worth: tells after which failures there is a further try.

    Raises:
        RequestFailed: of the last try.
    """
    began, attempt = clock.now(), 1
    while True:
        try:
            return await ask()
        except RequestFailed as failure:
            if attempt >= clock.attempts or not is_worth(failure):
                raise
            pause = clock.pause_s(attempt, retry_after_s=failure.retry_after_s)
            if clock.now() - began + pause > clock.patience_s:
                raise
            log.warning("asks again", extra={"why": str(failure), "pause_s": round(pause, 2)})
        await clock.sleep(pause)
        on_repeat()
        attempt += 1
