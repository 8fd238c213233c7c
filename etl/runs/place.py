"""Where runs are kept, and what a run cannot know by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.runs.lock import RunLock, run_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO

    from etl.runs.folder import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the doors to the outside hand to every run."""

    state: Path
    """The state folder."""
    cwd: Path
    """The folder that relative names start in."""
    now: Callable[[], datetime]
    """With its time zone."""
    chance: Callable[[], int]
    """Any number; tells two runs of one second apart."""
    version: str
    """Of this package."""
    stdin: BinaryIO
    """What a source called `-` is read from."""
    profile: str = ""
    """Empty: without a profile."""
    begins: Callable[[Run], None] = lambda _: None
    """Told once the folder of the run is there."""

    def lock(self, run: str, names: Iterable[str] = ()) -> RunLock:
        """Return the lock of a run, and of what `names` stand for: who holds it works on them alone."""
        return RunLock(self.state, [run_name(run), *names], run=run, now=self.now)
