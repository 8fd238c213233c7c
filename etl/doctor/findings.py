"""What was found, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What a finding means for a run."""

    OK = "ok"
    NOTE = "note"
    """Good to know."""
    WARNING = "warning"
    """A run goes, but slower or with less certainty."""
    PROBLEM = "problem"
    """A run would fail, in whole or in part."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    code: str
    """What was looked at: `clock`, `rights`, …"""
    level: Level
    what: str
    """The sentence for a person, without a full stop."""
    advice: str = ""
    """What to do; empty: nothing."""


def ok(code: str, what: str) -> Finding:
    """Return that all is well."""
    return Finding(code, Level.OK, what)


def note(code: str, what: str, *, advice: str = "") -> Finding:
    """Return something good to know."""
    return Finding(code, Level.NOTE, what, advice)


def warning(code: str, what: str, *, advice: str) -> Finding:
    """Return something that makes a run slower or less certain."""
    return Finding(code, Level.WARNING, what, advice)


def problem(code: str, what: str, *, advice: str) -> Finding:
    """Return something that a run would fail at."""
    return Finding(code, Level.PROBLEM, what, advice)
