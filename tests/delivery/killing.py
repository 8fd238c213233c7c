"""A process that imports in children and kills them: `python -m tests.delivery.killing`.

Reads lines of JSON with `url`, `source`, `state` and `after_s`; answers each with a line that says whether
the import was killed or ended before. Children are forked: each costs no start of the interpreter.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

from tests.delivery.feeds import carried


def import_in_child(order: dict[str, str]) -> int:
    """Fork; the child imports and exits. Return its process id."""
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(carried(order["url"], Path(order["source"]), state=Path(order["state"])))
    finally:
        os._exit(0)


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
