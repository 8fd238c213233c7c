"""A process that imports, applies or undoes in children and kills them: `python -m tests.delivery.killing`.

Reads lines of JSON with `url`, `state`, one of `source`, `plan` and `run`, and the moment: `after_steps` or
`after_s`. Answers each with a line that says whether the child was killed or ended before, and after how many
steps and seconds. A step is a call that sends to a socket or receives from one, opens a file or renames one:
the same on a fast machine as on a slow one. Children are forked: each costs no start of the interpreter.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.delivery.feeds import applied, carried, undone

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

LONGEST_S = 60.0
STEPS_OF_FILES = ("open", "os.rename")


class Steps:
    """Counts the steps of a child where its parent can read them, and kills it at the one ordered."""

    def __init__(self, last: int | None) -> None:
        self._last, self._shared = last, mmap.mmap(-1, 8)

    @property
    def taken(self) -> int:
        """How many the child has taken."""
        return int.from_bytes(self._shared[:8], "little")

    def count(self) -> None:
        """Count the steps of this process from here on."""
        for name in ("send", "recv", "recv_into"):
            setattr(socket.socket, name, self._counted(getattr(socket.socket, name)))
        sys.addaudithook(lambda event, _: self._take() if event in STEPS_OF_FILES else None)

    def _counted(self, call: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object) -> object:
            self._take()
            return call(*arguments)

        return counted

    def _take(self) -> None:
        if self.taken == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        self._shared[:8] = (self.taken + 1).to_bytes(8, "little")


def work(order: dict[str, str]) -> Coroutine[None, None, object]:
    """Return what an order asks for."""
    url, state = order["url"], Path(order["state"])
    if "plan" in order:
        return applied(url, Path(order["plan"]), state=state)
    if "run" in order:
        return undone(url, order["run"], state=state)
    return carried(url, Path(order["source"]), state=state)


def carry_out(
    order: dict[str, str], work: Callable[[dict[str, str]], Coroutine[None, None, object]]
) -> object:
    """Fork; the child does what is ordered until its moment has come. Return how it ended, as JSON."""
    began = time.monotonic()
    steps = Steps(int(order["after_steps"]) if "after_steps" in order else None)
    child = os.fork()
    if not child:
        try:
            steps.count()
            asyncio.run(work(order))
        finally:
            os._exit(0)
    killed = _killed_after(child, float(order.get("after_s", LONGEST_S)))
    return {"killed": killed, "seconds": time.monotonic() - began, "steps": steps.taken}


def _killed_after(child: int, after_s: float) -> bool:
    """Kill a child when its time has come; False where it ended before by itself."""
    ends = time.monotonic() + after_s
    while time.monotonic() < ends:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.WIFSIGNALED(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def serve(work: Callable[[dict[str, str]], Coroutine[None, None, object]]) -> None:
    """Carry out orders until standard input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(carry_out(json.loads(line), work)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve(work)
