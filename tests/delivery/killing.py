"""A process that imports, applies or undoes in children and kills them: `python -m tests.delivery.killing`.

Reads lines of JSON with `url`, `state`, `after_s` and one of `source`, `plan` and `run`; answers each with a
line that says whether the child was killed or ended before. Children are forked: each costs no start of the
interpreter.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.delivery.feeds import applied, carried, undone

if TYPE_CHECKING:
    from collections.abc import Coroutine


def import_in_child(order: dict[str, str]) -> int:
    """Fork; the child imports and exits. Return its process id."""
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(work(order))
    finally:
        os._exit(0)


def work(order: dict[str, str]) -> Coroutine[None, None, object]:
    """Return what an order asks for."""
    url, state = order["url"], Path(order["state"])
    if "plan" in order:
        return applied(url, Path(order["plan"]), state=state)
    if "run" in order:
        return undone(url, order["run"], state=state)
    return carried(url, Path(order["source"]), state=state)


def killed_after(child: int, after_s: float) -> bool:
    """Kill a child when its time has come; False where it ended before."""
    ends = time.monotonic() + after_s
    while time.monotonic() < ends:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def main() -> None:
    """Serve orders until standard input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        began = time.monotonic()
        was_killed = killed_after(import_in_child(order), float(order["after_s"]))
        answer = {"killed": was_killed, "seconds": time.monotonic() - began}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
