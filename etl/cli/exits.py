"""The exit codes: what a scheduler goes by. Their meaning never changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from etl.report import Summary


class Exit(IntEnum):
    """What the process says when it ends."""

    DONE = 0
    """No row failed; nothing to do is this too."""
    BUG = 1
    """A fault of the program; a file with the traceback was written."""
    USAGE = 2
    """The command line was wrong."""
    UNUSABLE = 3
    """Mapping, configuration or source cannot be used; nothing was sent."""
    NO_ACCESS = 4
    """The server cannot be reached or does not let us in; nothing was sent."""
    ROWS_FAILED = 5
    """Done, but some rows failed or were invalid."""
    GUARDED = 6
    """A guard stopped the run."""
    STOPPED = 7
    """Stopped after something was sent; `resume` goes on."""
    CHANGES = 8
    """`plan --detailed-exitcode`: there are changes."""
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, slots=True)
class FailOn:
    """From how many rows on a run that is done ends with `Exit.ROWS_FAILED`: the option `--fail-on`."""

    rows: int | None = 1
    """At least so many rows failed or invalid; None: no count."""
    percent: float | None = None
    """At least this share of the rows read; None: no share. Both None: never."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what `never`, `any`, `25` or `2.5%` means.

        Raises:
            ValueError: it is none of these.
        """
        if text == "never":
            return cls(rows=None)
        if text == "any":
            return cls()
        if (match := re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", text)) and float(match[1]) <= 100:  # noqa: PLR2004
            return cls(rows=None, percent=float(match[1]))
        if re.fullmatch(r"[1-9]\d{0,11}", text):
            return cls(rows=int(text))
        raise ValueError(f'"{text}" is none of never, any, a number of rows such as 25, a share such as 2.5%')

    def __str__(self) -> str:
        """Return it as it is written in options."""
        if self.percent is not None:
            return f"{self.percent:g}%"
        return "never" if self.rows is None else "any" if self.rows == 1 else str(self.rows)

    def is_reached(self, bad: int, *, read: int) -> bool:
        """Tell whether `bad` of `read` rows are too many. No bad row never is."""
        if bad == 0:
            return False
        if self.percent is not None:
            return bad * 100 >= self.percent * read
        return self.rows is not None and bad >= self.rows


ANY_ROW = FailOn()


def exit_of(summary: Summary, fail_on: FailOn = ANY_ROW) -> Exit:
    """Return the exit code of a run that came to a summary.

    A run that failed before anything was sent ends with the code of its exception, which is not known here.
    """
    if summary.status == "stopped":
        return Exit.GUARDED if summary.guard else Exit.STOPPED
    if summary.status == "failed":
        return Exit.UNUSABLE
    if summary.verb in ("upload", "export"):
        return Exit.ROWS_FAILED if summary.files.failed else Exit.DONE
    bad = summary.rows.failed + summary.rows.invalid
    return Exit.ROWS_FAILED if fail_on.is_reached(bad, read=summary.rows.read) else Exit.DONE
