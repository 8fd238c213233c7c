"""What a process used: CPU of the work inside the block, and the peak of the whole process."""

from __future__ import annotations

import json
import resource
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def cpu_s() -> float:
    """Return user and system seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_kib() -> int:
    """Return the peak of this process's memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak // 1024 if sys.platform == "darwin" else peak


@contextmanager
def printed() -> Iterator[None]:
    """Print what the block used, as JSON, when it is done. Imports before it do not count as its CPU."""
    before = cpu_s()
    yield
    print(json.dumps({"cpu_s": cpu_s() - before, "peak_kib": peak_kib()}))
