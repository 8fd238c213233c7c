"""Every exception: what makes a run impossible or ends it. Raised with facts, they speak here, in one place.

    EtlError
    ├── Unusable                    exit 3: mapping, configuration or source; nothing was sent
    │   ├── SourceMissing
    │   ├── SourceEmpty
    │   ├── SourceUnreadable
    │   ├── FormatUnknown
    │   ├── FormatTooSmall
    │   ├── ConfigurationInvalid
    │   ├── SettingsInvalid
    │   ├── MappingInvalid
    │   ├── FilterInvalid
    │   ├── EntityUnknown
    │   ├── RunUnknown
    │   ├── RunAmbiguous
    │   ├── RunLocked
    │   ├── ResumeRefused
    │   └── RetryRefused
    ├── NoAccess                    exit 4: cannot reach the server, log in, or no right; nothing was sent
    │   ├── ServerUnreachable
    │   ├── SignInRefused
    │   ├── SignInLocked
    │   ├── RightMissing
    │   └── NotAtroCore
    ├── RequestFailed               one request; the caller decides what it means for the run
    │   ├── NoAnswer                nothing came back: the request may have been carried out
    │   │   ├── TimedOut            no answer in time: the server may be at work on it still
    │   │   └── NotReached          no connection came about: nothing was carried out
    │   ├── ServerFailed            500, 502, 503, 504, 429: the request may have been carried out
    │   ├── AnswerUnusable          an answer that is no JSON, cut or of the wrong length
    │   │   └── DatabaseRefused     an SQL error, which AtroCore answers with status 200
    │   ├── TooLarge                413, 414: nothing was carried out
    │   └── Refused                 400, 403, 404, 409: nothing was carried out
    ├── HeldBack                    exit 6: a guard stopped the run before anything was sent
    │   ├── SourceStale
    │   ├── SourceUnfinished
    │   ├── SourceUnmarked
    │   ├── SourceDamaged
    │   ├── SourceRowless
    │   ├── SourceShrunk
    │   ├── ColumnsBlanked
    │   └── TooManyErrors           before or while it sends
    └── Stopped                     exit 7: after something was sent; `resume` goes on
        ├── ServerGone
        ├── RightsLost
        ├── LockLost
        ├── AttributesNotKept
        ├── ObjectsNotKept
        └── Interrupted             exit 130 or 143

A bad row is none of these: it is a `Problem`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class EtlError(Exception):
    """A run that cannot go on. `str()` is the whole message: where, what, and what to do."""

    exit_code = 1


class Unusable(EtlError):
    """The mapping, the configuration or the source cannot be used; nothing was sent."""

    exit_code = 3


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
    """Another run of the same mapping and target is under way."""

    def __init__(self, folder: str, *, holder: str, since: str) -> None:
        super().__init__(folder, holder, since)
        self.folder, self.holder, self.since = folder, holder, since

    def __str__(self) -> str:
        """Say who holds the lock and what to do."""
        return (
            f"{self.folder}: another run is under way ({self.holder}, since {self.since}). "
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


class RetryRefused(Unusable):
    """A run has no rejected rows that could be sent again."""

    def __init__(self, run: str, *, status: str) -> None:
        super().__init__(run, status)
        self.run, self.status = run, status

    def __str__(self) -> str:
        """Say why, and what to do instead."""
        if self.status in ("stopped", "unfinished"):
            return f"run {self.run} did not come to its end: atro-etl resume {self.run} goes on with it."
        if self.status in ("ok", "partial"):
            return f"run {self.run} left no rejected rows: there is nothing to send again."
        return f"run {self.run} sent nothing ({self.status}): there is nothing to send again."


class NoAccess(EtlError):
    """The server cannot be reached or does not let us in; nothing was sent."""

    exit_code = 4


class ServerUnreachable(NoAccess):
    """Nothing answers at the address."""

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        """Say what was tried and what to check."""
        return (
            f"{self.url} cannot be reached: {self.reason}. "
            "Check the address (ATRO_URL or --url) and the network."
        )


class SignInRefused(NoAccess):
    """The server refused user and password, or the token."""

    def __init__(self, url: str, *, secret: str) -> None:
        super().__init__(url, secret)
        self.url, self.secret = url, secret

    def __str__(self) -> str:
        """Say which secret was refused, never the secret."""
        option = (
            "ATRO_TOKEN, give --token, or sign in anew with `atro-etl login`"
            if self.secret == "token"  # noqa: S105  a word, no secret
            else "ATRO_PASSWORD, or give --username and --password"
        )
        return f"{self.url} answered 401: the {self.secret} was refused. Set {option}."


class SignInLocked(NoAccess):
    """Too many failed sign-ins from this address; tokens go on working."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        """Say how long the lock lasts."""
        return (
            f"{self.url} answered 403: too many failed sign-ins from this address. "
            "Wait a minute and try again."
        )


class RightMissing(NoAccess):
    """The user may not do what the run needs."""

    def __init__(self, url: str, *, what: str) -> None:
        super().__init__(url, what)
        self.url, self.what = url, what

    def __str__(self) -> str:
        """Say which right is missing."""
        return (
            f"{self.url} answered 403: no right to {self.what}. "
            "Ask an administrator to add it to the user's role."
        )


class NotAtroCore(NoAccess):
    """Something answers, but not AtroCore's API."""

    def __init__(self, url: str, *, answered: str) -> None:
        super().__init__(url, answered)
        self.url, self.answered = url, answered

    def __str__(self) -> str:
        """Say what came instead."""
        return (
            f"{self.url} is not AtroCore's API: it answered {self.answered}. "
            "Give the address of the instance without /api/v1, for example https://pim.example."
        )


class RequestFailed(EtlError):
    """One request failed. The caller decides what that means for its rows and for the run."""

    exit_code = 7
    may_be_done = True
    """Whether the server may have carried it out."""

    def __init__(
        self, request: str, *, status: int = 0, reason: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(request, status, reason, retry_after_s)
        self.request, self.status, self.reason, self.retry_after_s = request, status, reason, retry_after_s

    def __str__(self) -> str:
        """Say which request and what came back."""
        answer = f"answered {self.status}" if self.status else "got no answer"
        return f"{self.request} {answer}{': ' + self.reason if self.reason else ''}"


class NoAnswer(RequestFailed):
    """Connection reset, cut or timed out."""


class TimedOut(NoAnswer):
    """No answer within the time that one request may take."""


class NotReached(NoAnswer):
    """No connection came about: refused, no such host, no valid certificate."""

    may_be_done = False


class ServerFailed(RequestFailed):
    """The server or a proxy before it failed: 429 and 5xx."""


class AnswerUnusable(RequestFailed):
    """The answer cannot be read as what was asked for."""


class DatabaseRefused(AnswerUnusable):
    """The server's database refused; asking again gives the same answer."""


class TooLarge(RequestFailed):
    """The request is too large for the server or a proxy: 413, 414."""

    may_be_done = False


class Refused(RequestFailed):
    """The server understood and refused: 400, 403, 404, 409."""

    may_be_done = False


class HeldBack(EtlError):
    """A guard stopped the run before anything was sent."""

    exit_code = 6
    lifted_by = ""
    """The option with which the run goes on all the same; empty: there is none."""


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
        before = "" if self.last is None else f", the last import with this mapping had {self.last:,}"
        return (
            f"{self.path} has {self.rows:,} rows{before}; with fewer than {self.least} a run does not begin. "
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


class Stopped(EtlError):
    """The run stopped after something was sent; `resume` goes on."""

    exit_code = 7


class ServerGone(Stopped):
    """The server stopped answering in the middle of a run."""

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        """Say why it was given up; the summary names the next command."""
        return f"{self.url} stopped answering: {self.reason}."


class RightsLost(Stopped):
    """The server does not let us write any more, in the middle of a run."""

    def __init__(self, url: str, *, status: int) -> None:
        super().__init__(url, status)
        self.url, self.status = url, status

    def __str__(self) -> str:
        """Say what came back."""
        return (
            f"{self.url} answered {self.status}: the user may not write any more. "
            "Check its role and its token."
        )


class LockLost(Stopped):
    """Another run took this one's lock over, for example while this machine was asleep."""

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.run = run

    def __str__(self) -> str:
        """Say that another run is at work."""
        return (
            f"another run of the same mapping took over while run {self.run} did not answer; "
            "wait until it has ended."
        )


class Interrupted(Stopped):
    """Somebody stopped the run; the requests in flight were finished."""

    exit_code = 130

    def __str__(self) -> str:
        """Say that nothing is lost."""
        return "interrupted; the requests in flight were finished."


class AttributesNotKept(Stopped):
    """The server keeps attribute values in none of the ways in which they can be written in bulk."""

    def __init__(self, attribute: str, entity: str) -> None:
        super().__init__(attribute, entity)
        self.attribute, self.entity = attribute, entity

    def __str__(self) -> str:
        """Say what was tried."""
        return (
            f'attribute "{self.attribute}" of {self.entity} was sent with one record, and reading it back '
            "showed another value. Nothing more was sent. Check the right to create attribute values."
        )


class ObjectsNotKept(Stopped):
    """The server takes linked objects and drops them."""

    def __init__(self, field: str, entity: str) -> None:
        super().__init__(field, entity)
        self.field, self.entity = field, entity

    def __str__(self) -> str:
        """Say what to write instead."""
        return (
            f"{self.entity}.{self.field} was sent as an object with one record, and the link stayed empty. "
            'Nothing more was sent. Write "send: id" in the link.'
        )
