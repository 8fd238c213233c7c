"""What a run came to: the object that a program reads, and that a person's report is written from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from etl.problems import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.model import Limits, Problem, Status

RunStatus = Literal["ok", "partial", "stopped", "failed"]
PROBLEMS_KEPT = 100
MISSING = frozenset({"missing_link", "missing_link_reported"})
"""Codes of problems of rows whose link target is not there."""


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many source rows ended how."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    failed: int = 0
    invalid: int = 0
    skipped: int = 0
    pending: int = 0

    @property
    def read(self) -> int:
        """Rows read: the sum of all others, always."""
        return sum(getattr(self, field.name) for field in dataclasses.fields(self))

    @property
    def bad(self) -> int:
        """Rows that did not arrive though they should have: failed or invalid."""
        return self.failed + self.invalid

    def of(self, status: Status) -> int:
        """Return the count of one status."""
        count: int = getattr(self, status.value)
        return count


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """What happened to records of one entity on the server."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    exported: int = 0

    def of(self, name: str) -> int:
        """Return the count of this name."""
        count: int = getattr(self, name)
        return count


@dataclass(frozen=True, slots=True)
class FileCounts:
    """What became of files."""

    uploaded: int = 0
    reused: int = 0
    """Already there with the same content: on the server, or of an export in the folder."""
    failed: int = 0
    bytes: int = 0
    """Sent, before base64, or fetched."""
    missing: int = 0
    """Not on the server: an upload that only looked would send them."""
    downloaded: int = 0
    upload_ms: int = 0
    """Milliseconds in which at least one file was being sent."""

    def __add__(self, other: FileCounts) -> FileCounts:
        """Return what became of the files of both."""
        names = [one.name for one in dataclasses.fields(FileCounts)]
        return FileCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True)
class ReportedProblem:
    """A problem as it is told: with its whole sentence."""

    code: str
    file: str
    sheet: str | None
    row: int
    """1-based as seen in the file; 0: not about one row."""
    column: str
    field: str
    value: str
    message: str

    @classmethod
    def of(cls, problem: Problem) -> ReportedProblem:
        """Return the problem with its sentence."""
        return cls(
            code=problem.code,
            file=problem.file,
            sheet=problem.sheet,
            row=problem.row,
            column=problem.column,
            field=problem.field,
            value=problem.value,
            message=say(problem),
        )


@dataclass(frozen=True, slots=True)
class MissingTarget:
    """A link target that is not on the server."""

    entity: str
    by: str
    """The field it was looked up by; several, tried one after the other, are joined by `, `."""
    value: str
    rows: int
    """So many rows link to it."""
    nearest: str = ""
    """`nearest is "ACME Inc."`; empty where nothing comes close, or it is not known."""

    @property
    def file(self) -> str:
        """The table for creating it, in the folder of an import; its name leads nowhere else."""
        return f"missing-{''.join(letter for letter in self.entity if letter.isalnum())}.csv"


@dataclass(frozen=True, slots=True)
class KnownCounts:
    """What an import could spare itself, and what it could not."""

    rows: int = 0
    """Rows that are unchanged since an earlier import, so that nobody was asked about them."""
    compared: int = 0
    """The other rows of the source."""
    changed: int = 0
    """Of these: their records were changed in AtroCore since."""
    verified: int = 0
    """Of these: it was their turn to be compared all the same."""
    unsteady: int = 0
    """Of these: they name addresses that we fetch, or files written just now, which may change unseen."""
    asked: int = 0
    """Requests that only read."""
    why: str = ""
    """Why nothing was known, in words; empty: something was, or nothing was new."""


@dataclass(frozen=True, slots=True)
class Instance:
    """Where a run worked and as whom; the first line of every report."""

    host: str
    user: str
    profile: str = ""
    """Empty: without a profile."""
    server_version: str = ""
    """AtroCore's, for example `2.2.14`; empty: not known."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to. The names are fixed: scripts read them."""

    run: str
    """Empty where no run was begun."""
    verb: str
    status: RunStatus
    mappings: tuple[str, ...] = ()
    rows: RowCounts = RowCounts()
    records: Mapping[str, RecordCounts] = dataclasses.field(default_factory=dict)
    """By entity, in alphabetical order."""
    files: FileCounts = FileCounts()
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    guard: str | None = None
    """The sentence of the guard that stopped the run; None: none did."""
    resumable: bool = False
    next: tuple[str, ...] = ()
    """Commands to type, the most useful first."""
    folder: str = ""
    problems: tuple[ReportedProblem, ...] = ()
    """The first ones, by file, sheet and row; at most `PROBLEMS_KEPT`."""
    problems_total: int = 0
    reasons: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Code of a problem -> how often, the most frequent first."""
    missing: tuple[MissingTarget, ...] = ()
    """Link targets that are not on the server, at most `PROBLEMS_KEPT`."""
    missing_total: int = 0
    error: str | None = None
    """Why it failed or stopped, as a sentence; None: it did neither, or a guard says why."""
    fields: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    """Entity -> field -> records that were updated in it."""
    instance: Instance | None = None
    """None: no server was spoken to."""
    version: str = ""
    """Of this package."""
    known: KnownCounts | None = None
    """None: known state has no part in such a run."""
    limits: Limits | None = None
    """How much at once, how long and how often; None: nothing was to be sent."""
    approved_by: str = ""
    """Who approved the plan that was applied; empty: nobody is named."""
    started: str = ""
    """Of an export, ISO with zone: what was changed later may be in it or not; empty: no export."""
    output: str = ""
    """The file that an export wrote; empty: none, or standard output."""
