"""How far uploads are, told some times a second at most; and how long they took."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from etl.model import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from etl.model import ProgressListener

EVERY_S = 0.2


class Stopwatch:
    """Runs while at least one of several things goes on."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._going = 0
        self._since_s = self._before_s = 0.0

    @property
    def milliseconds(self) -> int:
        """For how long it ran."""
        running_s = self._now() - self._since_s if self._going else 0.0
        return round((self._before_s + running_s) * 1000)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it run."""
        if not self._going:
            self._since_s = self._now()
        self._going += 1
        try:
            yield
        finally:
            self._going -= 1
            if not self._going:
                self._before_s += self._now() - self._since_s


class Teller:
    """Counts files and bytes for a listener."""

    def __init__(self, listener: ProgressListener | None, *, now: Callable[[], float]) -> None:
        self._listener, self._now = listener, now
        self._last_s = now() - EVERY_S
        self._files = self._total = self._failed = self._bytes = 0
        self._parts: dict[Path, int] = {}
        """File under way -> bytes of it that have arrived."""

    def expect(self, files: int) -> None:
        """Add files to those that are still to come."""
        self._total += files
        self._tell(is_due=True)

    def arrived(self, path: Path, *, size_bytes: int, of_bytes: int) -> None:
        """Count bytes of a file."""
        self._bytes += size_bytes
        self._parts[path] = min(of_bytes, self._parts.get(path, 0) + size_bytes)
        self._tell(path.name, size=of_bytes, done=self._parts[path])

    def done(self, path: Path | None, *, failed: bool) -> None:
        """Count a file, however it ended."""
        if path is not None:
            self._parts.pop(path, None)
        self._files += 1
        self._failed += failed
        self._tell(is_due=self._files == self._total)

    def _tell(self, name: str = "", *, size: int = 0, done: int = 0, is_due: bool = False) -> None:
        if self._listener is None or not (is_due or self._now() - self._last_s >= EVERY_S):
            return
        self._last_s = self._now()
        self._listener(
            Progress(
                "upload",
                self._files,
                self._total,
                failed=self._failed,
                bytes_done=self._bytes,
                file=name,
                file_bytes=size,
                file_bytes_done=done,
            )
        )
