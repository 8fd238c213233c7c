"""A guard held the run back, before or during."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.errors.families import HeldBack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class SourceStale(HeldBack):
    """The source is older than the mapping allows: probably yesterday's."""

    def __init__(self, path: str, *, age: str, most: str) -> None:
        super().__init__(path, age, most)
        self.path, self.age, self.most = path, age, most

    def __str__(self) -> str:
        """Say how old the file is and how old it may be."""
        return (
            f"{self.path} is {self.age} old, source.max_age allows {self.most}. "
            "Did the export that writes it fail?"
        )


class SourceUnfinished(HeldBack):
    """The source was changed a moment ago: it may still be being written."""

    def __init__(self, path: str, *, age: str, stable_for: str) -> None:
        super().__init__(path, age, stable_for)
        self.path, self.age, self.stable_for = path, age, stable_for

    def __str__(self) -> str:
        """Say when it was changed and how long it must rest."""
        return (
            f"{self.path} was changed {self.age} ago, source.ready wants it unchanged for {self.stable_for}. "
            "Wait until it is written completely."
        )


class SourceUnmarked(HeldBack):
    """The file that says that the source is complete does not lie beside it yet."""

    def __init__(self, path: str, *, marker: str) -> None:
        super().__init__(path, marker)
        self.path, self.marker = path, marker

    def __str__(self) -> str:
        """Say which file is awaited."""
        return (
            f"{self.path}: {self.marker} does not lie beside it yet, so it is not complete. "
            "Wait for its writer."
        )


class SourceDamaged(HeldBack):
    """A spreadsheet broke something in the source that the mapping does not let pass."""

    shown = 20

    def __init__(self, path: str, *, hazards: Sequence[str]) -> None:
        super().__init__(path, hazards)
        self.path, self.hazards = path, tuple(hazards)

    def __str__(self) -> str:
        """Tell the first hazards, each with its cells, and count the rest."""
        lines = [f"{self.path}: {one}" for one in self.hazards[: self.shown]]
        if (more := len(self.hazards) - self.shown) > 0:
            lines.append(f"and {more} more; `atro-etl inspect` shows them all")
        return "\n".join(lines)


class SourceRowless(HeldBack):
    """The source has a header and no row."""

    lifted_by = "--allow-empty"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        """Say that nothing is there."""
        return (
            f"{self.path} holds no rows. Did the export that writes it fail? "
            f"Add {self.lifted_by} if that is how it should be."
        )


class SourceShrunk(HeldBack):
    """The source has far fewer rows than last time."""

    lifted_by = "--min-rows never"

    def __init__(self, path: str, *, rows: int, last: int | None, least: str) -> None:
        super().__init__(path, rows, last, least)
        self.path, self.rows, self.last, self.least = path, rows, last, least

    def __str__(self) -> str:
        """Say how many rows there are and how many there were."""
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        before = "" if self.last is None else f", the last import with this mapping had {self.last:,}"
        return (
            f"{self.path} has {rows}{before}; with fewer than {self.least} a run does not begin. "
            f"Is it complete? Add {self.lifted_by} if it is."
        )


class ColumnsBlanked(HeldBack):
    """Columns whose empty cells clear fields have lost many of their cells since last time."""

    lifted_by = "--max-blanked never"

    def __init__(self, path: str, *, columns: Mapping[str, int], most: str) -> None:
        super().__init__(path, columns, most)
        self.path, self.columns, self.most = path, dict(columns), most

    def __str__(self) -> str:
        """Say which columns and how much of them."""
        told = ", ".join(f'"{name}" lost {percent} %' for name, percent in self.columns.items())
        return (
            f"{self.path}: since the last import {told} of the filled cells, and empty cells clear fields; "
            f"more than {self.most} stops a run. Is the export complete? "
            f"Add {self.lifted_by} if these fields shall be cleared."
        )


class TooManyErrors(HeldBack):
    """So many rows failed or are invalid that the rest is not worth sending."""

    lifted_by = "--max-errors never"

    def __init__(self, bad: int, *, seen: int, most: str) -> None:
        super().__init__(bad, seen, most)
        self.bad, self.seen, self.most = bad, seen, most

    def __str__(self) -> str:
        """Say how many of how many."""
        return (
            f"{self.bad:,} of the first {self.seen:,} rows failed or are invalid; more than {self.most} "
            f"stops a run. Look at the problems; with {self.lifted_by} it goes on all the same."
        )


class TooManyAbsent(HeldBack):
    """The source lacks so many of the records that it answers for that it is probably not complete."""

    def __init__(self, entity: str, *, count: int, live: int, most: str, are_all: bool) -> None:
        super().__init__(entity, count, live, most, are_all)
        self.entity, self.count, self.live, self.most, self.are_all = entity, count, live, most, are_all
        # All of them are never deleted: then it is the source or its scope that is wrong.
        self.lifted_by = "" if are_all else f"--max-deletes {count}"

    @property
    def reason(self) -> str:
        """How many of how many, without what to do; no full stop."""
        told = (
            f"{self.count:,} of the {self.live:,} records of {self.entity} that the mapping answers for "
            "are not in the source"
        )
        if self.are_all:
            return f"{told}: that is all of them, which is never carried out"
        return f"{told}; more than {self.most} stops a run"

    def __str__(self) -> str:
        """Say how many of how many, and what to do."""
        if self.are_all:
            return f"{self.reason}. Is it the right source?"
        return f"{self.reason}. Is the source complete? Add {self.lifted_by} if they shall go."
