"""How many requests at once and how many rows in each: grows while the server keeps up, halves in trouble.

A server with `w` workers gives rows per second in proportion to the requests under way, up to `w` of them;
more only wait longer. So what was measured with each number of slots is fitted by such a bent line, and its
bend is how many are sent. Now and then one more or one less is tried. Rows follow the latency.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.model import Limits

FIRST_ROWS = 50
"""Rows per request to begin with: enough that the cost of a request itself hardly counts.

Source: observations, "Speed": 120-160 ms per request, 20-30 ms per product.
"""
COMFORTABLE_S = 15.0
"""Seconds that an answer may take before requests get smaller: proxies give up after 30 or 60."""
BUSY = 0.75
"""Share of slots that must have been busy for a measurement to say something about the server."""
FORGET = 0.95
"""What is left of the weight of older measurements after each new one."""
PAYS = 1.2
"""More slots to begin with are kept where rows per second grow by this, whatever the fit says yet."""
SMALL = 4
"""Below so many slots they are doubled to begin with, from there on they grow by half."""
FIRST_PAUSE, LONGEST_PAUSE = 4, 64
"""Measurements between two tries in the same direction; doubled each time that a try shows nothing new."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is worth keeping of a pace for the next run against the same target."""

    slots: int
    """Requests at once."""
    batch_rows: int
    """Rows per request."""
    is_best: bool = True
    """False: the run ended before more requests at once stopped paying; the next one goes on from here."""


LEARNT_FILE = "pacing.json"
"""In the state folder: host and entity -> what was learnt there."""


def read_learnt(folder: Path, target: str) -> Learnt | None:
    """Return what was learnt of a target such as `pim.example/Product`; None: nothing that can be used."""
    one = _read_file(folder / LEARNT_FILE).get(target)
    if not isinstance(one, dict):
        return None
    slots, batch_rows = one.get("slots"), one.get("batch_rows")
    if not (isinstance(slots, int) and isinstance(batch_rows, int) and slots > 0 and batch_rows > 0):
        return None
    return Learnt(slots, batch_rows, is_best=one.get("is_best") is not False)


def keep_learnt(folder: Path, target: str, *, learnt: Learnt) -> None:
    """Keep what was learnt of a target for the next run; of two runs at once the later one counts."""
    path = folder / LEARNT_FILE
    known = _read_file(path) | {target: asdict(learnt)}
    folder.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.new")
    beside.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(path)


def _read_file(path: Path) -> dict[str, object]:
    # It only saves a minute of trying: a file that cannot be read is as good as none.
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


class Pacer:
    """Steers one kind of request to one server: ask `slots` before a request, `batch_rows` for a batch."""

    def __init__(
        self, limits: Limits, learnt: Learnt | None = None, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with what was learnt, or carefully.

        Args:
            limits: `in_flight` and `batch_rows` are never exceeded.
            now: seconds of a clock that never goes back.
        """
        self._limits = limits
        self._now = now
        self.slots = _within(learnt.slots if learnt else 1, limits.in_flight)
        """Requests that may be under way at once, at least 1."""
        self.batch_rows = _within(learnt.batch_rows if learnt else FIRST_ROWS, limits.batch_rows)
        """Rows of the next batch, at least 1."""
        self._rates = _Rates()
        self._bend = self.slots
        self._ceiling = limits.in_flight
        self._climbs = learnt is None or not learnt.is_best
        self._doubts = 0
        self._step = 0
        self._pauses = {1: FIRST_PAUSE, -1: FIRST_PAUSE}
        self._waits = {1: 0, -1: FIRST_PAUSE}
        self._echoes = 0
        self._busy_s = self._slowest_s = 0.0
        self._measure(settle=0)

    @property
    def learnt(self) -> Learnt | None:
        """What to hand to the next Pacer for this server; None: nothing is known yet."""
        if self._climbs and not self._rates.highest:
            return None
        return Learnt(self._bend, self.batch_rows, is_best=not self._climbs)

    def answered(self, latency_s: float, rows: int) -> None:
        """Take note of an answer: `rows` rows, `latency_s` seconds after they were sent."""
        self._echoes = max(0, self._echoes - 1)
        if latency_s > COMFORTABLE_S:
            self.batch_rows = _within(int(rows * COMFORTABLE_S / latency_s), self.batch_rows)
        if self._settle > 0:
            self._settle -= 1
            self._began = self._now()
            return
        self._answers += 1
        self._rows += rows
        self._busy_s += latency_s
        self._slowest_s = max(self._slowest_s, latency_s)
        if self._answers >= self._enough:
            self._decide()

    def failed(self) -> None:
        """Take note of trouble: no answer, a 5xx, a 429. Requests that fail together count once."""
        if self._echoes > 0:
            self._echoes -= 1
            return
        self._echoes = self.slots - 1
        self._ceiling = self.slots = max(1, self.slots // 2)
        self.batch_rows = max(1, self.batch_rows // 2)
        self._climbs, self._step = False, 0
        self._measure(settle=self._echoes)

    def _decide(self) -> None:
        """Look at a full measurement and set the slots for the next one."""
        elapsed_s, slots = max(self._now() - self._began, 1e-9), self.slots
        self._ceiling = min(self._ceiling + 1, self._limits.in_flight)
        if self._slowest_s < COMFORTABLE_S / 2:
            grown = self.batch_rows + max(1, self.batch_rows // 2)
            self.batch_rows = _within(grown, self._limits.batch_rows)
        # Where the source was slower than the server, nothing is learnt about the server.
        if self._busy_s / elapsed_s >= BUSY * slots:
            rate = self._rows / elapsed_s
            is_new_high = rate > self._rates.highest * PAYS
            self._rates.add(slots, rows_per_s=rate)
            bend = self._rates.bend(near=self._bend)
            if self._step:
                self._judge_try(moved=(bend - self._bend) * self._step > 0)
            self._bend = bend
            self.slots = _within(self._next(is_new_high=is_new_high), self._ceiling)
        self._measure(settle=max(slots, self.slots) if self.slots != slots else 0)

    def _judge_try(self, *, moved: bool) -> None:
        step = self._step
        self._pauses[step] = FIRST_PAUSE if moved else min(self._pauses[step] * 2, LONGEST_PAUSE)
        self._waits[step] = 0 if moved else self._pauses[step]

    def _next(self, *, is_new_high: bool) -> int:
        """Return the slots for the next measurement: at the bend, or a step beside it when it is time."""
        self._step = 0
        if self._climbs:
            self._doubts = 0 if self._bend >= self.slots or is_new_high else self._doubts + 1
            if self._doubts == 0 and self.slots < self._ceiling:
                return self.slots + max(1, self.slots if self.slots < SMALL else self.slots // 2)
            if self._doubts == 1:
                return self.slots
            self._climbs = False
            return self._bend
        for step in (1, -1):
            self._waits[step] -= 1
            there = self._bend + step
            if not self._step and self._waits[step] < 0 and 1 <= there <= self._ceiling:
                self._step = step
        return self._bend + self._step

    def _measure(self, *, settle: int) -> None:
        """Begin a measurement after `settle` answers, which belong to the setting before."""
        self._settle = settle
        # Two rounds, so that requests that come back in bursts are counted evenly.
        self._enough = 2 * self.slots
        self._answers = self._rows = 0
        self._busy_s = self._slowest_s = 0.0
        self._began = self._now()


class _Rates:
    """Rows per second by number of slots, older measurements weighing less."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, float]] = {}
        """Slots -> weight, mean rows per second."""

    def add(self, slots: int, *, rows_per_s: float) -> None:
        self._known = {at: (weight * FORGET, rate) for at, (weight, rate) in self._known.items()}
        weight, rate = self._known.get(slots, (0.0, 0.0))
        # What was measured with more slots at once came from more answers.
        more = float(slots)
        self._known[slots] = (weight + more, (weight * rate + more * rows_per_s) / (weight + more))

    @property
    def highest(self) -> float:
        """The best rows per second of any number of slots; 0 where nothing is known."""
        return max((rate for _, rate in self._known.values()), default=0.0)

    def bend(self, *, near: int) -> int:
        """Return where the best fitting bent line stops rising; of equal ones the nearest to `near`."""
        return min(self._known, key=lambda at: (round(self._misfit(at), 6), abs(at - near)))

    def _misfit(self, bend: int) -> float:
        """Return how far measurements lie from the best line that rises up to `bend`."""
        top = self.highest
        points = [(weight, min(at, bend), rate / top) for at, (weight, rate) in self._known.items()]
        slope = sum(w * x * y for w, x, y in points) / sum(w * x * x for w, x, _ in points)
        return sum(w * (y - slope * x) ** 2 for w, x, y in points) / sum(w for w, _, _ in points)


def _within(number: int, most: int) -> int:
    return max(1, min(number, most))
