"""How a sandbox is started."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All of it has a default: an empty AtroCore 2.2 on a free port."""

    generation: str = "2.2"
    """1.10, 2.1, 2.2 or 2.3."""
    db: Path | None = None
    """The database; None is a temporary one."""
    metadata: Path | None = None
    """A `GET /Metadata` answer to take the schema from; None is the built-in schema."""
    from_snapshot: Path | None = None
    """A snapshot to start from; `db` must not exist then."""
    snapshot: Path | None = None
    """Where a snapshot is written when the sandbox stops."""
    languages: tuple[str, ...] = ()
    """Further languages of the built-in schema, such as `de_DE`."""
    host: str = "127.0.0.1"
    is_open: bool = False
    """Listen beyond this machine; everybody who reaches it knows the password."""
    port: int = 0
    """0 takes a free one."""
    username: str = "admin"
    password: str = field(default="admin", repr=False)
    faults: str = ""
    """A fault specification; "" is none."""
    seed: int | None = None
    """Makes faults and server-made ids repeatable."""
    workers: int | None = None
    """How many requests are handled at a time; None is without limit."""
    cost_per_request_s: float = 0.0
    """Time that each request takes before its first record."""
    cost_per_record_s: float = 0.0
    """Time that each record takes."""
    checks_conflicts: bool = True
    """AtroCore's setting of that name: `_prev` is held against what stands there."""
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""

    @property
    def is_refused(self) -> bool:
        """Say whether the host is reachable from outside although nobody said that it may be."""
        if self.is_open or self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True


class OpenToOthers(ValueError):
    """The host that a sandbox shall listen at is reachable from outside; `is_open` would allow it."""
