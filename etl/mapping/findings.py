"""What can be wrong with a mapping: one table, code -> severity, sentence, what to do.

Sentences and advice are `str.format` texts over the facts of a finding. A code never changes its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process, utils

from etl.problems import Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable


def _error(sentence: str, advice: str) -> Kind:
    return Kind(Severity.ERROR, sentence, advice)


def _warning(sentence: str, advice: str) -> Kind:
    return Kind(Severity.WARNING, sentence, advice)


FINDINGS: dict[str, Kind] = {
    # the document
    "yaml_invalid": _error("this is no YAML: {reason}", "{advice}"),
    "unknown_key": _error('there is no key "{key}" here', "{choices}"),
    "missing_key": _error('the key "{key}" is missing', "Add it."),
    "wrong_form": _error("{reason}", "{advice}"),
    "extends_unusable": _error('"{file}" cannot be extended: {reason}', "Correct the path or that mapping."),
    # against the schema
    "unknown_entity": _error('the instance has no entity "{entity}"', "{choices}"),
    "unknown_field": _error('{entity} has no field "{field}"', "{choices}"),
    "read_only_field": _error(
        "{field} of {entity} is set by the server alone", "Remove it, or map another field."
    ),
    "field_twice": _error('"{field}" and "{other}" both write {key} of {entity}', "Keep one of them."),
    "required_unmapped": _error(
        "{entity} requires {field}, and nothing here fills it",
        'Map a column to it, or give it a constant; with "write: update" it may stay unmapped.',
    ),
    "not_a_link": _error("{field} is no link but {type}", 'Remove "{key}".'),
    "link_without_by": _error(
        "{field} is a link to {target}, and nothing says what the cells hold",
        'Add "link: {{by: name}}", or by another field of {target}.',
    ),
    "unknown_link_field": _error('{target} has no field "{by}" to link by', "{choices}"),
    "link_creates_by_id": _error(
        "targets of {field} cannot be created from an id alone",
        'Link by a name or a code, or remove "missing: create".',
    ),
    "not_multiple": _error("{field} holds one value, and split makes several", 'Remove "split".'),
    "unsupported_field": _error("{field} has the type {type}, which no mapping writes", "Remove it."),
    "option_unknown": _error('"{value}" is no option of {field}', "Options are {options}."),
    "value_unusable": _error("{where} of {field} cannot be sent: {reason}", "{advice}"),
    # keys
    "key_unmapped": _error(
        'the key "{key}" is not among the fields', "Map a column to it, or take another key."
    ),
    "key_is_list": _error(
        'the key "{key}" is {kind}, and records are told apart by single values', "Take another key."
    ),
    "key_missing": _error(
        "without a key no record can be found again", 'Give a key, or write "write: create".'
    ),
    # against the header
    "unknown_column": _error('column "{column}" is not in {file}', "Columns there: {columns}.{close}"),
    "column_twice": _error(
        'column "{column}" stands {count} times in {file}', "Rename one of them in the source."
    ),
    "unused_column": _warning('nothing uses column "{column}"', 'Map it, or list it under "ignore".'),
}


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in a mapping."""

    line: int = 1
    """1-based."""
    column: int = 1
    """1-based, in characters."""
    file: str = ""
    """As the user gave it."""


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """Something wrong with a mapping, at its place; `str()` is the line that a person reads."""

    code: str
    """A key of `FINDINGS`."""
    severity: Severity
    file: str
    line: int
    """1-based."""
    column: int
    """1-based, in characters."""
    message: str
    """What is wrong and what to do, without the place."""

    def __str__(self) -> str:
        """Return `file:line:col: message`."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def finding(code: str, spot: Spot, **facts: object) -> MappingProblem:
    """Return the problem of this code at `spot`; `facts` fill its sentence."""
    kind = FINDINGS[code]
    words = (f"{kind.sentence}.", kind.advice)
    message = " ".join(text.format_map(facts) for text in words).strip()
    return MappingProblem(code, kind.severity, spot.file, spot.line, spot.column, message)


def close_to(word: str, known: Iterable[str], *, at_least: float = 70.0) -> str | None:
    """Return the one of `known` that `word` was probably meant to be, or None."""
    found = process.extractOne(
        word, list(known), scorer=fuzz.WRatio, processor=utils.default_process, score_cutoff=at_least
    )
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean "…"?`, or nothing where nothing comes close."""
    close = close_to(word, known)
    return f' Did you mean "{close}"?' if close is not None else ""


def choices(word: str, known: Iterable[str], *, what: str, at_most: int = 30) -> str:
    """Return the advice that lists what there is: `Fields there: a, b. Did you mean "b"?`."""
    names = list(known)
    listed = ", ".join(names[:at_most]) + (
        f" and {len(names) - at_most} more" if len(names) > at_most else ""
    )
    return f"{what}: {listed or 'none'}.{did_you_mean(word, names)}"


def in_order(problems: Iterable[MappingProblem]) -> list[MappingProblem]:
    """Return the problems by file, line and column, each once."""
    return sorted(dict.fromkeys(problems), key=lambda one: (one.file, one.line, one.column, one.message))
