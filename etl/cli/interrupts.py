"""Ctrl-C once: what is in flight is finished. Ctrl-C twice: the end, at once."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from etl.cli.console import Console


class StopSign:
    """Whether somebody asked the run to stop."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> bool:
        """Tell whether it was raised."""
        return self._event.is_set()

    def raise_(self) -> None:
        """Ask the run to stop."""
        self._event.set()


@contextmanager
def stop_sign(console: Console) -> Iterator[StopSign]:
    """Yield a sign that the first interrupt raises; the second one ends the process as ever."""
    sign = StopSign()
    if threading.current_thread() is not threading.main_thread():
        yield sign  # only the main thread gets signals
        return
    before = signal.getsignal(signal.SIGINT)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        sign.raise_()
        signal.signal(signal.SIGINT, before)
        console.warn("stopping: the requests in flight are finished first; once more to stop at once")

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield sign
    finally:
        signal.signal(signal.SIGINT, before)
