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
    "extends_unusable": _error('"{file}" cannot be extended: {reason}', "Correct the path."),
    "regex_invalid": _error("this is no regular expression: {reason}", "Correct it."),
    "date_format_invalid": _error(
        '"{format}" is no form of dates',
        "Make it of YYYY YY MM M DD D HH H mm ss and the marks between them.",
    ),
    "zone_unknown": _error('there is no time zone "{zone}"', "{choices}"),
    "expression_invalid": _error("this is no expression: {reason}", "Correct it."),
    "table_unusable": _error('"{file}" cannot be used: {reason}', "{advice}"),
    "unknown_block": _error('there is no block "{block}"', "{choices}"),
    "block_twice": _error('the block "{block}" stands here a second time', "Give it another id."),
    "blocks_need_each_other": _warning(
        "these blocks link to each other: {blocks}",
        "They run in the order of the text; links to what is not there yet come with the next import.",
    ),
    "unknown_brace": _error(
        '"{header}" has no {{{brace}}}', "Braces of the target must stand in the header."
    ),
    # against the schema
    "unknown_entity": _error('the instance has no entity "{entity}"', "{choices}"),
    "unknown_field": _error('{entity} has no field "{field}"', "{choices}"),
    "unknown_attribute": _error('{entity} has no attribute "{attribute}"', "{choices}"),
    "address_invalid": _error(
        '"{address}" is no address of an attribute', "Write code@language#channel[unit]."
    ),
    "language_unknown": _error(
        'attribute "{attribute}" has no value in "{language}"', "Its further languages: {languages}."
    ),
    "no_attributes": _error("{entity} takes no attributes", 'Remove "attributes", or map fields.'),
    "no_associations": _error("{entity} takes no associations", 'Remove "associations".'),
    "no_relation": _error(
        '"{field}" of {entity} is no link with a relation entity, or has no "link"',
        'Write "each" on a link to many with "link: {{by: …}}".',
    ),
    "link_in_relation": _error(
        '"{field}" of {entity} is a link', 'Relation records take values, one "link" names their other end.'
    ),
    "read_only_field": _error(
        "{field} of {entity} is set by the server alone", "Remove it, or map another field."
    ),
    "field_twice": _error('"{field}" and "{other}" both write {key} of {entity}', "Keep one of them."),
    "required_unmapped": _error(
        "{entity} requires {field}, and nothing here fills it",
        'Map a column to it, or give it a constant; with "write: update" it may stay unmapped.',
    ),
    "unsupported_field": _error("{field} has the type {type}, which this mapping cannot write", "Remove it."),
    "not_multiple": _error("{field} holds one value, and split makes several", 'Remove "split".'),
    "not_a_number_field": _error("{field} holds no numbers but {type}", 'Remove "{key}".'),
    "not_a_date_field": _error("{field} holds no dates but {type}", 'Remove "date".'),
    "range_without_mark": _error(
        "{field} is a range", "Give the mark between its ends, range: '-', or map {field}From and {field}To."
    ),
    "not_a_range_field": _error("{field} is no range but {type}", 'Remove "range".'),
    "no_measure": _error("{field} of {entity} has no measure, so it takes no unit", 'Remove "{key}".'),
    "value_unusable": _error("{where} of {field} cannot be sent: {reason}", "Write it as AtroCore keeps it."),
    # links
    "not_a_link": _error("{field} is no link but {type}", 'Remove "{key}".'),
    "link_without_by": _error(
        "{field} is a link to {target}, and nothing says what the cells hold",
        'Add "link: {{by: name}}", or by another field of {target}.',
    ),
    "unknown_link_field": _error('{target} has no field "{by}"', "{choices}"),
    "target_unknown": _error(
        "{field} links to {target}, which this instance shows nothing of", 'Link by id: "link: {{by: id}}".'
    ),
    "link_creates_by_id": _error(
        "targets of {field} cannot be created from an id alone",
        'Link by a name or a code, or remove "missing: create".',
    ),
    "object_by_id": _error(
        "{field} is sent as an object with nothing but an id", "Link by a name or a code, or send ids."
    ),
    "objects_dropped": _error(
        "servers of generation {generation} drop the object of {field}", 'Remove "send: object".'
    ),
    "target_missing": _error(
        'there is no {target} with {by} "{value}" on the server', "Create it, or correct it."
    ),
    "replace_cuts": _warning(
        "links of {field} that are not in the source will be cut",
        'Keep it where that is meant, else remove "links: replace".',
    ),
    # files
    "not_a_file": _error("{field} holds no files but {type}", 'Remove "file".'),
    "files_unsaid": _error(
        "{field} holds files, and nothing says where they are",
        'Add "file: {{base: ../images}}", or for files that AtroCore has "link: {{by: name}}".',
    ),
    "no_base_folder": _error('there is no folder "{base}"', "It would be {place}. Correct it."),
    "storage_ignored": _warning(
        "AtroCore ignores storageId: the folder decides where a file is stored",
        'Remove it, and name a folder of that storage with "folder".',
    ),
    # keys
    "key_unmapped": _error(
        'the key "{key}" is not among the fields', "Map a column to it, or take another key."
    ),
    "key_is_list": _error(
        'the key "{key}" is {kind}, and records are told apart by single values', "Take another key."
    ),
    "key_is_constant": _error('the key "{key}" is the same for every row', "Map a column to it."),
    "key_missing": _error(
        "without a key no record can be found again", 'Give a key, or write "write: create".'
    ),
    "key_may_be_renamed": _warning(
        'the key "{key}" is a text that people rename', "Take a number or a code, if the source has one."
    ),
    "key_not_unique": _error(
        'the key "{key}" is not unique in the source: {count} of {rows} rows repeat one, such as "{example}"',
        'Take a further field into the key, or choose with "on_duplicate".',
    ),
    "unique_fields_disagree": _warning(
        "{others} is unique on the server too, and records are found by {key} alone",
        "A row whose {others} belongs to another record will be refused.",
    ),
    "id_in_mapping": _warning(
        '"{value}" looks like the id of a record, which differs between instances', "Name it by a code."
    ),
    "keys_differ": _warning(
        "{other} finds records of {entity} by {other_key}, this mapping by {key}", "Let them agree."
    ),
    "absent_without_key": _error(
        "without a key no record is found again, so none can be called absent",
        'Give a key, or remove "on_absent".',
    ),
    "absent_with_where": _error(
        'rows that "rows.where" leaves out would count as absent', 'Remove it, or remove "on_absent".'
    ),
    "absent_without_active": _error(
        "{entity} has no field {field}, which is what deactivate switches off", "Write delete or keep."
    ),
    "conflict_of_links": _error('"on_conflict" is not carried out for {what}', "Remove it."),
    # against the header
    "unknown_column": _error('column "{column}" is not in {file}', "Columns there: {columns}.{close}"),
    "column_twice": _error(
        'column "{column}" stands {count} times in {file}', "Rename one of them in the source."
    ),
    "unused_column": _warning('nothing uses column "{column}"', 'Map it, or list it under "ignore".'),
    "no_pairs": _error(
        'no two columns fit "{names}" and "{values}"',
        "Write them as the source does, with {{n}} for what counts.",
    ),
    "pattern_idle": _warning('"{header}" catches no column', "Correct it, or remove the pattern."),
    # on the way back
    "no_way_back": _warning("{field} cannot be exported: {reason}", "The column will be missing or empty."),
}

ITEMS_SHOWN = 30
"""Names that an advice lists."""


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in a mapping."""

    line: int = 1
    """1-based."""
    column: int = 1
    """1-based, in characters."""
    file: str = ""
    """As the user gave it."""

    def __str__(self) -> str:
        """Return it as editors read it: `products.yaml:14:12`."""
        return f"{self.file}:{self.line}:{self.column}"


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


def choices(word: str, known: Iterable[str], *, what: str, at_most: int = ITEMS_SHOWN) -> str:
    """Return the advice that lists what there is: `Fields there: a, b. Did you mean "b"?`."""
    names = list(known)
    listed = ", ".join(names[:at_most]) + (
        f" and {len(names) - at_most} more" if len(names) > at_most else ""
    )
    return f"{what}: {listed or 'none'}.{did_you_mean(word, names)}"


def in_order(problems: Iterable[MappingProblem]) -> list[MappingProblem]:
    """Return the problems by file, line and column, each once."""
    return sorted(dict.fromkeys(problems), key=lambda one: (one.file, one.line, one.column, one.message))
