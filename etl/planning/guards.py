"""How much may be wrong before a run is stopped: many bad rows, a source that lost rows or cells."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from etl.errors import ColumnsBlanked, SourceRowless, SourceShrunk, TooManyErrors
from etl.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from etl.model import Frame, Outcomes

CENSUS = "census.json"
"""Name in the folder of a run."""
RATE_FROM_ROWS = 100
"""Below so many rows a share of bad ones says little."""
WHOLE = 100
"""Per cent."""
TELLING = 20
"""So many rows, or filled cells, must have been there before for a loss of them to mean something."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number, or a share of something; neither: never reached."""

    number: int | None = None
    percent: float | None = None
    """0 to 100."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what `never`, `25` or `2.5%` means.

        Raises:
            ValueError: it is none of these.
        """
        if text == "never":
            return cls()
        if (match := re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", text)) and float(match[1]) <= WHOLE:
            return cls(percent=float(match[1]))
        if re.fullmatch(r"\d{1,12}", text):
            return cls(number=int(text))
        raise ValueError(f'"{text}" is none of never, a number such as 25, a share such as 2.5%')

    def of(self, whole: float) -> float | None:
        """Return the number that is meant of `whole`; None: there is none."""
        return whole * self.percent / 100 if self.percent is not None else self.number

    def __str__(self) -> str:
        """Return it as it is written in options."""
        if self.percent is not None:
            return f"{self.percent:g}%"
        return "never" if self.number is None else str(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What stops a run; each is an option of the command line too."""

    max_errors: Threshold = Threshold(percent=10)
    """More failed and invalid rows than this; a share counts from `RATE_FROM_ROWS` rows on."""
    min_rows: Threshold = Threshold(percent=50)
    """Fewer rows than this; a share is one of the last import with the same mapping and instance."""
    max_blanked: Threshold = Threshold(percent=20)
    """More cells of a column emptied than this since that import, where empty cells clear fields."""
    max_deletes: Threshold = Threshold(percent=2)
    """More records that the source does not have than this, of those that it answers for; never all."""
    allows_empty: bool = False
    """True: a source without a row is no reason to stop."""


USUAL = Guards()
"""What stops a run where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Census:
    """What of a source is remembered for the next import."""

    rows: int
    columns: Mapping[str, int]
    """Source column -> filled cells."""
    is_whole: bool
    """False: a selection, several files, or the corrected rows of another run: nothing to compare with."""


def write_census(folder: Path, census: Census) -> None:
    """Write down in the folder of a run what its source held, once its guards let it pass."""
    said = {"rows": census.rows, "columns": dict(census.columns), "is_whole": census.is_whole}
    (folder / CENSUS).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def read_census(folder: Path) -> Census | None:
    """Return what the source of a run held; None: the run does not tell."""
    try:
        said = json.loads((folder / CENSUS).read_bytes())
        columns = {str(name): int(count) for name, count in said["columns"].items()}
        return Census(int(said["rows"]), columns, said["is_whole"] is True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def check_source(
    name: str, now: Census, *, last: Census | None, guards: Guards, clearing: Collection[str]
) -> None:
    """Compare a source with the one of last time.

    Args:
        name: of the source, for messages.
        last: what was imported last time; None: nothing to compare with.
        clearing: source columns whose empty cells clear fields.

    Raises:
        HeldBack: too much is missing; nothing was sent.
    """
    if now.rows == 0 and not guards.allows_empty:
        raise SourceRowless(name)
    if not now.is_whole:
        return
    least = guards.min_rows.of(last.rows if last is not None else 0)
    is_telling = guards.min_rows.percent is None or (last is not None and last.rows >= TELLING)
    if least is not None and is_telling and now.rows < least:
        raise SourceShrunk(
            name, rows=now.rows, last=last.rows if last is not None else None, least=str(guards.min_rows)
        )
    if last is not None and (found := _blanked(now, last, guards=guards, clearing=clearing)):
        raise ColumnsBlanked(name, columns=found, most=str(guards.max_blanked))


def _blanked(now: Census, last: Census, *, guards: Guards, clearing: Collection[str]) -> dict[str, int]:
    """Return the columns that lost too many cells, with the share they lost in per cent."""
    found = {}
    for column in sorted(clearing):
        if column not in now.columns or last.columns.get(column, 0) < TELLING or not last.rows:
            continue
        # Fewer rows have fewer cells: what counts is the share of rows that are filled.
        expected = last.columns[column] * now.rows / last.rows
        lost = expected - now.columns[column]
        most = guards.max_blanked.of(expected)
        if most is not None and lost > most:
            found[column] = round(100 * lost / expected)
    return found


class ErrorWatch:
    """Stops a run when too many of its rows are bad.

    What cannot be sent is known a frame at a time, ahead of what the server says of the other rows of the
    frame. So bad rows have to be too many of those that have an outcome and, as far as the answers so far
    tell of the rows that wait for one, of those that were looked at.
    """

    def __init__(
        self, most: Threshold, *, rows: int, bad: Callable[[], int], ended: Callable[[], int]
    ) -> None:
        """Begin to watch.

        Args:
            rows: of the source, all of them.
            bad: tells how many rows failed or were invalid so far.
            ended: tells how many rows have an outcome so far, these among them.
        """
        self._most, self._rows, self._bad, self._ended = most, rows, bad, ended
        self._seen = ended()
        self._answered = self._failed = 0

    def over(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Yield the frames, counting their rows."""
        for frame in frames:
            self.saw(len(frame) + len(frame.unreadable))
            yield frame

    def saw(self, rows: int) -> None:
        """Count rows that are looked at."""
        self._seen += rows

    def landed(self, outcomes: Outcomes) -> None:
        """Count what the server says of what was sent."""
        self._answered += len(outcomes)
        self._failed += sum(one.status is Status.FAILED for one in outcomes.told)

    def check(self) -> None:
        """Look whether the run may go on; to be asked as outcomes come, and once at the end.

        Raises:
            TooManyErrors: it may not.
        """
        if not (bad := self._bad()):
            # Asked for each request: counting those that ended has its price.
            return
        ended = self._ended()
        # Blocks read the same rows again.
        seen = max(ended, min(self._seen, self._rows))
        few, many = self._most.of(ended), self._most.of(seen)
        if few is None or many is None or bad <= few:
            return
        if self._most.percent is not None and seen < RATE_FROM_ROWS:
            return
        rate = self._failed / self._answered if self._answered >= RATE_FROM_ROWS else 0.0
        if bad + rate * (seen - ended) > many:
            raise TooManyErrors(bad, seen=seen if bad > many else ended, most=str(self._most))
