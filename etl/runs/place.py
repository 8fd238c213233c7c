"""Where runs are kept, and what a run cannot know by itself."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.runs.lock import RunLock, run_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO

    from etl.runs.folder import Json, Run, RunFacts

TARGET = "target"
"""Option of a run: `Typed.target`."""
FAIL_ON = "fail_on"
"""Option of a run: `Typed.fail_on`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What is kept of a command, so that those that follow it go on in the same way."""

    target: tuple[str, ...] = ()
    """Options that say where, such as `--profile`, `staging`; the next commands repeat them. No secret."""
    fail_on: str = "any"
    """From how many bad rows on the process ends as failed, for a part that goes on with the run."""


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
    typed: Typed = Typed()

    def command(self, *words: str) -> str:
        """Return a command to go on with, at the same target and in the same state folder."""
        return command_line(*words, target=self.typed.target)

    def kept(self) -> dict[str, Json]:
        """Return what a run keeps of its command, for `RunFacts.options`."""
        return {"cwd": str(self.cwd), TARGET: [*self.typed.target], FAIL_ON: self.typed.fail_on}

    def lock(self, run: str, names: Iterable[str] = ()) -> RunLock:
        """Return the lock of a run, and of what `names` stand for: who holds it works on them alone."""
        return RunLock(self.state, [run_name(run), *names], run=run, now=self.now)


def command_line(*words: str, target: Iterable[str]) -> str:
    """Return a command as it is typed."""
    return shlex.join(["atro-etl", *words, *target])


def target_of(facts: RunFacts) -> list[str]:
    """Return the options of the command that began a run which say where."""
    said = facts.options.get(TARGET)
    return [str(one) for one in said] if isinstance(said, list) else []
