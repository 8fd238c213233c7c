"""The mapping, the configuration or the source cannot be used; nothing was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.errors.families import Unusable

if TYPE_CHECKING:
    from collections.abc import Sequence


class SourceMissing(Unusable):
    """There is no such file."""

    def __init__(self, path: str, *, close: Sequence[str] = ()) -> None:
        super().__init__(path, close)
        self.path, self.close = path, tuple(close)

    def __str__(self) -> str:
        """Name the file and, where there is one, a file of almost that name."""
        hint = f" Did you mean {self.close[0]}?" if self.close else " Give another with --source FILE."
        return f"{self.path}: there is no such file.{hint}"


class SourceEmpty(Unusable):
    """The file has no row to read, not even a header."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        """Say what an empty file lacks."""
        return f"{self.path}: the file is empty. A source needs a header row; was it still being written?"


class SourceUnreadable(Unusable):
    """The file is there but is not what it claims to be, or cannot be opened."""

    def __init__(self, path: str, *, reason: str, advice: str) -> None:
        super().__init__(path, reason, advice)
        self.path, self.reason, self.advice = path, reason, advice

    def __str__(self) -> str:
        """Say what is wrong with the file and what to do."""
        return f"{self.path}: {self.reason} {self.advice}"


class FormatUnknown(Unusable):
    """The suffix of a file names no format that is read or written."""

    def __init__(self, path: str, *, known: Sequence[str]) -> None:
        super().__init__(path, known)
        self.path, self.known = path, tuple(known)

    def __str__(self) -> str:
        """List the formats that there are."""
        return f"{self.path}: the suffix names no known format. Known are {', '.join(self.known)}."


class FormatTooSmall(Unusable):
    """The format of the file to be written cannot hold so many rows."""

    def __init__(self, path: str, *, rows: int, most: int) -> None:
        super().__init__(path, rows, most)
        self.path, self.rows, self.most = path, rows, most

    def __str__(self) -> str:
        """Say how many rows fit, and which formats take more."""
        return (
            f"{self.path}: a sheet takes {self.most:,} rows, these are {self.rows:,} or more. "
            "Write .csv or .parquet."
        )


class ConfigurationInvalid(Unusable):
    """A setting is missing or wrong, in an option, the environment or a file of settings."""

    def __init__(self, where: str, *, what: str, advice: str) -> None:
        super().__init__(where, what, advice)
        self.where, self.what, self.advice = where, what, advice

    def __str__(self) -> str:
        """Say which setting, and where it can be set."""
        return f"{self.where}: {self.what} {self.advice}"


class SettingsInvalid(Unusable):
    """A file of settings with problems; every one of them is told, each as `file:line: …`, sorted by line."""

    def __init__(self, path: str, *, problems: Sequence[str]) -> None:
        super().__init__(path, problems)
        self.path, self.problems = path, tuple(problems)

    def __str__(self) -> str:
        """Show all problems, one a line."""
        return "\n".join(self.problems)


class MappingInvalid(Unusable):
    """A mapping with problems; every one of them is told, each as `file:line:col: …`, sorted by line."""

    shown = 20

    def __init__(self, path: str, *, problems: Sequence[str]) -> None:
        super().__init__(path, problems)
        self.path, self.problems = path, tuple(problems)

    def __str__(self) -> str:
        """Show the first problems and count the rest."""
        lines = list(self.problems[: self.shown])
        if (more := len(self.problems) - self.shown) > 0:
            lines.append(f"and {more} more in {self.path}")
        return "\n".join(lines)


class FilterInvalid(Unusable):
    """A filter that cannot be understood, or names what is not there; points at the character."""

    def __init__(self, where: str, *, text: str, offset: int, length: int, what: str, advice: str) -> None:
        super().__init__(where, text, offset, length, what, advice)
        self.where, self.text, self.offset, self.length = where, text, offset, length
        self.what, self.advice = what, advice

    def __str__(self) -> str:
        """Say what is wrong and show the line with a mark below the place."""
        begin = self.text.rfind("\n", 0, self.offset) + 1
        line = self.text[begin:].partition("\n")[0]
        number, column = self.text.count("\n", 0, self.offset) + 1, self.offset - begin
        mark = "^" * max(1, min(self.length, len(line) - column))
        shown = f"  {line}\n  {' ' * column}{mark}"
        return f"{self.where}:{number}:{column + 1}: {self.what} {self.advice}".rstrip() + f"\n{shown}"


class EntityUnknown(Unusable):
    """The instance has no such entity."""

    def __init__(self, entity: str, *, close: Sequence[str] = ()) -> None:
        super().__init__(entity, close)
        self.entity, self.close = entity, tuple(close)

    def __str__(self) -> str:
        """Name the entity and one of almost that name."""
        hint = f" Did you mean {self.close[0]}?" if self.close else ""
        return f'the instance has no entity "{self.entity}".{hint}'


class RunUnknown(Unusable):
    """There is no such run in the state folder."""

    def __init__(self, run: str, *, folder: str) -> None:
        super().__init__(run, folder)
        self.run, self.folder = run, folder

    def __str__(self) -> str:
        """Say where runs were looked for."""
        what = f'no run "{self.run}"' if self.run else "no run yet"
        return f"{self.folder}: {what} here. `atro-etl runs list` shows them; --state-dir points elsewhere."


class RunAmbiguous(Unusable):
    """Several runs have a name that begins so."""

    def __init__(self, run: str, *, close: Sequence[str]) -> None:
        super().__init__(run, close)
        self.run, self.close = run, tuple(close)

    def __str__(self) -> str:
        """Show the first ones."""
        more = ", …" if len(self.close) > 5 else ""  # noqa: PLR2004  a line's worth
        return (
            f'{len(self.close)} runs begin with "{self.run}": {", ".join(self.close[:5])}{more}. '
            "Give more of the name."
        )


class RunLocked(Unusable):
    """Another run of the same mapping and target is under way, or another process is at work on this run."""

    def __init__(self, folder: str, *, holder: str, since: str, is_same: bool = False) -> None:
        super().__init__(folder, holder, since, is_same)
        self.folder, self.holder, self.since, self.is_same = folder, holder, since, is_same

    def __str__(self) -> str:
        """Say who holds the lock and what to do."""
        return (
            f"{self.folder}: {'this' if self.is_same else 'another'} run is under way "
            f"({self.holder}, since {self.since}). "
            "Wait for it; a lock whose process is gone is taken over by itself."
        )


class ResumeRefused(Unusable):
    """A run cannot go on because what it stood on has changed."""

    def __init__(self, run: str, *, changed: Sequence[str]) -> None:
        super().__init__(run, changed)
        self.run, self.changed = run, tuple(changed)

    def __str__(self) -> str:
        """Say what changed; a plain import is always safe."""
        return (
            f"run {self.run} cannot be resumed: {'; '.join(self.changed)}. "
            "Start a new import instead: it finds what was sent and doubles nothing."
        )


class JournalOutdated(Unusable):
    """The journal of a run has the form of an earlier version of this package."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        """Say what can be done instead."""
        return (
            f"{self.path} was written by an earlier version of atro-etl and cannot be read by this one. "
            "Start a new import instead: it finds what was sent and doubles nothing."
        )


class JournalDamaged(Unusable):
    """The journal of a run cannot be read."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        """Say what can be done instead."""
        return (
            f"{self.path} is damaged: nobody can tell what the run sent. "
            "Start a new import instead: it finds what was sent and doubles nothing."
        )


class NothingToResume(Unusable):
    """The run came to its end: no row is left."""

    def __init__(self, run: str, *, status: str, retry: str) -> None:
        super().__init__(run, status, retry)
        self.run, self.status, self.retry = run, status, retry

    def __str__(self) -> str:
        """Say what can be done instead."""
        advice = (
            f" `{self.retry}` sends the rejected rows." if self.retry and self.status == "partial" else ""
        )
        return f"run {self.run} came to its end: there is nothing to resume.{advice}"


class RetryRefused(Unusable):
    """A run has no rejected rows that could be sent again."""

    def __init__(self, run: str, *, status: str, resume: str) -> None:
        super().__init__(run, status, resume)
        self.run, self.status, self.resume = run, status, resume

    def __str__(self) -> str:
        """Say why, and what to do instead."""
        if self.status in ("stopped", "unfinished"):
            return f"run {self.run} did not come to its end: {self.resume} goes on with it."
        if self.status in ("ok", "partial"):
            return f"run {self.run} left no rejected rows: there is nothing to send again."
        return f"run {self.run} sent nothing ({self.status}): there is nothing to send again."


class RetryElsewhere(Unusable):
    """The rejected rows of a run belong to another instance than the one that is signed in to."""

    def __init__(self, run: str, *, url: str, here: str) -> None:
        super().__init__(run, url, here)
        self.run, self.url, self.here = run, url, here

    def __str__(self) -> str:
        """Say where they belong."""
        return (
            f"run {self.run} wrote to {self.url}, and this is {self.here}: nothing was sent. "
            "Give the --profile or --url of that instance."
        )


class PlanRefused(Unusable):
    """A plan that must not be carried out: of another instance, edited, too old, or applied already."""

    def __init__(self, path: str, *, reason: str, advice: str) -> None:
        super().__init__(path, reason, advice)
        self.path, self.reason, self.advice = path, reason, advice

    def __str__(self) -> str:
        """Say why, and what to do instead."""
        return f"{self.path}: {self.reason} {self.advice}"


class NotAgreed(Unusable):
    """Somebody was asked whether this shall be done, and did not say yes."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        """Say that nothing was sent."""
        return f"{self.what}: nothing was sent, since nobody agreed. Add --yes to go on without a question."


class UndoRefused(Unusable):
    """A run that cannot be taken back: it sent nothing, or elsewhere, or is under way."""

    def __init__(self, run: str, *, reason: str, advice: str) -> None:
        super().__init__(run, reason, advice)
        self.run, self.reason, self.advice = run, reason, advice

    def __str__(self) -> str:
        """Say why, and what to do instead."""
        return f"run {self.run} cannot be undone: {self.reason} {self.advice}"
