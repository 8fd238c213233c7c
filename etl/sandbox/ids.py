"""Ids as AtroCore makes them."""

from __future__ import annotations

import random
import time

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class IdMaker:
    """Makes ids that never repeat and, in the newer style, sort by time."""

    def __init__(self, style: str, seed: int | None = None) -> None:
        self._style = style
        self._random = random.Random(seed)  # noqa: S311  # ids of a sandbox are no secrets
        self._last = 0

    def make(self) -> str:
        """Return a new id: 17 characters of hex, or `a` and a version 7 UUID in base 32 (27 characters)."""
        microseconds = max(time.time_ns() // 1000, self._last + 1)
        self._last = microseconds
        if self._style == "hex":
            seconds, rest = divmod(microseconds, 1_000_000)
            letter, chance = self._random.choice(_LETTERS), self._random.getrandbits(12)
            return f"{letter}{seconds:08x}{rest:05x}{chance:03x}"
        milliseconds, rest = divmod(microseconds, 1000)
        bits = self._random.getrandbits(62)
        number = (milliseconds << 80) | (0x7 << 76) | (rest << 66 & 0xFFF << 64) | (0b10 << 62) | bits
        digits = []
        for _ in range(26):
            digits.append(_BASE32[number & 31])
            number >>= 5
        return "a" + "".join(reversed(digits))
