"""What `--faults` says, read once: `latency=80ms,http500=0.02,expire_token=@3,reset=2x`.

name=0.02    in two of a hundred requests
name=@3      in the third request it could happen to, and never again
name=2x      in the next two
name         in every one
name=80ms    a time, for latency, slow_start and hang_after_commit
name=1MB     a size, for max_body and max_uri
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

TIMES = frozenset({"latency", "slow_start"})
SIZES = frozenset({"max_body", "max_uri"})
CHANCES = frozenset(
    {
        "reset",
        "reset_after_commit",
        "truncate",
        "page_html",
        "sql200",
        "failed_but_stored",
        "half_stored",
        "hang_after_commit",
        "short_answer",
        "die_mid_batch",
        "expire_token",
        "lockout",
        "other_writer",
    }
)
_HTTP = re.compile(r"http[45]\d\d")
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_SIZE = re.compile(r"(\d+)(B|KB|MB)?")
_SIZE_FACTORS = {None: 1, "B": 1, "KB": 1024, "MB": 1024 * 1024}


class UnreadableFaults(ValueError):
    """A fault specification that cannot be understood; says which part."""


@dataclass(slots=True)
class Fault:
    """One fault and when it happens."""

    name: str
    amount: float = 1.0
    """Seconds, bytes, or a chance between 0 and 1."""
    at: int | None = None
    """Only at this one of the requests it could happen to; starts at 1."""
    left: int | None = None
    """How many times more; None is without end."""
    seen: int = 0
    """How many requests it could have happened to."""
    fired: int = 0
    """How many times it happened."""
    chance: random.Random = field(default_factory=random.Random, repr=False)

    def strikes(self) -> bool:
        """Say whether it happens now; each call is one request."""
        self.seen += 1
        if self.at is not None:
            hit = self.seen == self.at
        elif self.left is not None:
            hit = self.left > 0
            self.left -= hit
        else:
            hit = self.amount >= 1 or self.chance.random() < self.amount
        self.fired += hit
        return hit

    def text(self) -> str:
        """Return it as it may be written."""
        if self.name in TIMES:
            return f"{self.name}={self.amount * 1000:g}ms"
        if self.name in SIZES:
            return f"{self.name}={self.amount:.0f}"
        when = (
            f"@{self.at}"
            if self.at is not None
            else f"{self.left}x"
            if self.left is not None
            else f"{self.amount:g}"
        )
        return f"{self.name}={when}"


def read_faults(text: str, seed: int | None = None) -> dict[str, Fault]:
    """Read a specification; each fault gets a sequence of chances of its own, the same for the same seed.

    Raises:
        UnreadableFaults: an unknown name, or a value that the fault cannot have.
    """
    found: dict[str, Fault] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, value = part.partition("=")
        fault = _read(name.strip(), value.strip())
        fault.chance = random.Random(f"{seed}:{name}") if seed is not None else random.Random()  # noqa: S311  # no secret
        found[fault.name] = fault
    return found


def _read(name: str, value: str) -> Fault:
    if name in TIMES:
        try:
            return Fault(name, read_seconds(value))
        except UnreadableFaults as error:
            raise UnreadableFaults(f"{name}: {error}") from None
    if name in SIZES:
        size = _SIZE.fullmatch(value)
        if size is None:
            raise UnreadableFaults(f"{name}: {value!r} is no size, such as 1MB")
        return Fault(name, float(int(size[1]) * _SIZE_FACTORS[size[2]]))
    if name not in CHANCES and not _HTTP.fullmatch(name):
        statuses = {"http429", "http500", "http502", "http503", "http504"}
        known = ", ".join(sorted(TIMES | SIZES | CHANCES | statuses))
        raise UnreadableFaults(f"no fault is called {name!r}; known are {known}")
    return _read_chance(name, value)


def _read_chance(name: str, value: str) -> Fault:
    if not value:
        return Fault(name)
    if value.startswith("@") and value[1:].isdigit():
        return Fault(name, at=int(value[1:]))
    if value.endswith("x") and value[:-1].isdigit():
        return Fault(name, left=int(value[:-1]))
    try:
        chance = float(value)
    except ValueError:
        raise UnreadableFaults(f"{name}: {value!r} is no chance, such as 0.02, @3 or 2x") from None
    if not 0 <= chance <= 1:
        raise UnreadableFaults(f"{name}: {value} is not between 0 and 1")
    return Fault(name, chance)


def read_seconds(text: str) -> float:
    """Read a time such as 80ms or 1.5s.

    Raises:
        UnreadableFaults: it is none.
    """
    time = _TIME.fullmatch(text)
    if time is None:
        raise UnreadableFaults(f"{text!r} is no time, such as 80ms or 1.5s")
    return float(time[1]) / (1000 if time[2] == "ms" else 1)
