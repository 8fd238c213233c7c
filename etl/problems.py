"""What can be wrong with data: one table, code -> severity, sentence, what to do.

A sentence says what is wrong in the user's words, with the value in quotes; `advice` says what to do. Both
are `str.format` texts over the fields of the Problem and its `facts`. A code never changes its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.model import Problem


class Severity(StrEnum):
    """What a problem means for its row."""

    ERROR = "error"
    """The row is not sent, or was not stored."""
    WARNING = "warning"
    """The row goes; a person should look."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the catalogue."""

    severity: Severity
    sentence: str
    advice: str


AFTER_SENDING = frozenset(
    {"refused", "refused_right", "too_large", "server_broke", "conflict", "drifted", "stored_then_refused"}
    | {"not_stored"}
)
"""Errors of rows that were on their way: the server's answer tells them, or a look at what stands there."""


def _error(sentence: str, advice: str) -> Kind:
    return Kind(Severity.ERROR, sentence, advice)


def _warning(sentence: str, advice: str) -> Kind:
    return Kind(Severity.WARNING, sentence, advice)


CATALOGUE: dict[str, Kind] = {
    # reading
    "ragged_row": _error(
        "cells in the row: {cells}, in the header: {columns}",
        "Give it as many cells as the header has; quote cells that contain the delimiter.",
    ),
    "formula_without_value": _error(
        'the formula "{value}" stands here without its value',
        "Open the workbook in a spreadsheet program and save it, or write the value.",
    ),
    "unclosed_quote": _error(
        "a quote opens here and is never closed", "Close it, or double a quote that belongs to the text."
    ),
    "json_broken": _error("the line is no JSON object ({reason})", "Write one object per line."),
    "header_duplicate": _warning(
        'the header "{value}" stands more than once; this one is read as "{column}"', "Rename one of them."
    ),
    "header_empty": _warning('a column has no header; it is read as "{column}"', "Give it a name."),
    "header_not_first": _warning(
        "rows stand above the header; they are not read", "Set source.header_row if this is not the header."
    ),
    "header_absent": _warning(
        "the first row looks like data; columns are called A, B, C …",
        "Set source.has_header to true if it is the header, to false if it is not.",
    ),
    "encoding_guessed": _warning(
        "the file is not UTF-8; it is read as {value}", "Set source.encoding if letters look wrong."
    ),
    # hazards: what a spreadsheet already broke
    "lost_zeros": _warning(
        "{count} cells have fewer digits than most, which have {digits}: leading zeros are gone ({cells})",
        'Format the column as text where it is written, or add "pad: {{to: {digits}, with: "0"}}".',
    ),
    "scientific_number": _warning(
        '{count} identifiers were turned into numbers like "{value}", digits are lost ({cells})',
        "Export the column as text; the digits cannot be brought back.",
    ),
    "date_as_number": _warning(
        'the column seems to hold dates, but {count} cells are numbers like "{value}" ({cells})',
        "Format them as dates in the spreadsheet.",
    ),
    "error_cell": _warning(
        '{count} cells show an error like "{value}" ({cells})', "Correct the formulas, or empty the cells."
    ),
    "error_value": _error(
        '"{value}" is what a spreadsheet shows in place of a value', "Correct the formula, or empty the cell."
    ),
    "uncached_formula": _warning(
        '{count} formulas like "{value}" were saved without their value ({cells})',
        "Open the workbook in a spreadsheet and save it, or export values.",
    ),
    "zeros_by_format": _warning(
        '{count} numbers are shown with leading zeros by their format, like "{value}" ({cells}), and read '
        "as shown",
        "Format the column as text to keep them.",
    ),
    "mixed_decimals": _warning(
        '{count} cells have another decimal mark than most: "{value}" beside "{usual}" ({cells})',
        "Write one of the two throughout.",
    ),
    "invisible_characters": _warning(
        "{count} cells hold characters that nobody sees, like no-break or zero-width spaces ({cells})",
        "Remove them: keys and links with them match nothing.",
    ),
    "mojibake": _warning(
        '{count} cells show broken letters like "{value}" ({cells})',
        "The text was read in a wrong encoding once: export it anew as UTF-8.",
    ),
    "near_duplicate_key": _warning(
        "{count} keys differ from another only by case or spaces, the first from row {other} ({cells})",
        "Write them the same, or tell them apart.",
    ),
    "wrong_check_digit": _warning(
        '{count} numbers like "{value}" have a wrong check digit ({cells})', "Correct them at their source."
    ),
    "hidden_rows": _warning(
        "{count} rows are hidden in the sheet and are read like others ({cells})",
        "Delete them if they are not meant.",
    ),
    "hidden_columns": _warning(
        "the column is hidden in the sheet and is read like others", "Delete it if it is not meant."
    ),
    "filtered_rows": _warning(
        "a filter hides {count} rows in the sheet; they are read like others ({cells})",
        "Delete them if they are not meant.",
    ),
    "merged_cells": _warning(
        "{count} areas of cells are merged ({cells}); only the first cell of each has a value",
        "Split them, or use fill_down.",
    ),
    "trailing_empty_rows": _warning("{count} empty rows stand below the last one", "They are not read."),
    "totals_row": _warning(
        'the last row looks like totals ("{value}", {cells})', "Delete it, or leave it out with rows.where."
    ),
    # writing
    "cell_too_long": _error(
        "the text has {length} characters, a cell of a workbook takes {maximum}; the cell was left empty",
        "Write a .csv or .parquet instead.",
    ),
    "cell_not_held": _warning(
        "the text has {length} characters, a cell of a workbook takes {maximum}; a mark stands there instead",
        "An import leaves the field alone; write .csv or .parquet to edit it.",
    ),
    "not_encodable": _warning(
        '"{value}" is not in {encoding}; a question mark was written', "Write UTF-8 instead."
    ),
    # cells
    "required_empty": _error(
        "the cell is empty, but {field} is required", "Fill it in, or give the field a default."
    ),
    "not_a_number": _error('"{value}" is not a number{hint}', "{proposal}"),
    "not_an_integer": _error(
        '"{value}" is not a whole number', "Write a whole number, or map to another field."
    ),
    "number_out_of_range": _error('"{value}" is outside {range}', "Correct the cell."),
    "not_a_boolean": _error(
        '"{value}" is neither true nor false', 'Add "values: {{{value}: true}}" to the field.'
    ),
    "not_a_date": _error('"{value}" is not a date like {format}', "Correct the cell, or set source.date."),
    "too_long": _error("the text has {length} characters, {field} takes {maximum}", "Shorten it."),
    "pattern_mismatch": _error(
        '"{value}" does not have the form that {field} asks for ({pattern})', "Correct it."
    ),
    "unknown_option": _error(
        '"{value}" is no option of {field}{close}', 'Options are {options}. Correct it, or add "values:".'
    ),
    "value_unmapped": _error('"{value}" has no entry in values of {field}', "Add it there, or set else."),
    "not_json": _error('"{value}" is no JSON', "Correct the cell."),
    "not_found_in": _error('"{value}" has nothing that {pattern} finds', "Correct the cell, or the pattern."),
    "expr_failed": _error('the expression "{value}" failed: {reason}', "Correct the row, or the expression."),
    "check_failed": _error('"{value}" {reason}', "Correct the cell."),
    "factor_unusable": _error(
        '"{value}" in column "{by}" is no number to calculate with', "Correct the cell."
    ),
    "unit_missing": _error('"{value}" names no unit', 'Add it, or give "measure" a default.'),
    "not_a_range": _error('"{value}" is no range like 10{mark}20', "Correct the cell."),
    "range_reversed": _error('"{value}" ends before it begins', "Correct the cell."),
    "link_parts": _error(
        '"{value}" does not hold {fields}, with "{delimiter}" between them',
        "Correct the cell, or the delimiter.",
    ),
    "command_unknown": _error(
        '"{value}" is no command',
        "Commands are create, update, delete, ignore; name others in rows.command.values.",
    ),
    "attribute_unknown": _error(
        '"{value}" is no attribute of {entity}', 'Create it first, or name it in "as".'
    ),
    "attribute_unknown_reported": _warning(
        '"{value}" is no attribute of {entity}; its value was left out', 'Create it, or name it in "as".'
    ),
    "cell_left_out": _warning("the cell was left out: {reason}", "The rest of the row goes."),
    # keys
    "key_empty": _error("the key is empty", "Give every row its {field}."),
    "duplicate_key": _error('the key "{value}" stands in rows {rows} too', "Keep one of them."),
    "ambiguous_key": _error(
        '{count} records on the server have the key "{value}": {ids}',
        "Remove the doubled records in AtroCore.",
    ),
    "near_key": _error(
        'the server has "{found}", which differs from "{value}" only by case or spaces',
        "Write it in the source as it stands in AtroCore, or correct it there.",
    ),
    "blocked_renamed": _error(
        'this record was created from key "{value}" and has the key "{found}" in AtroCore now (id {id})',
        "Somebody renamed it there: change the key in the source, or in AtroCore.",
    ),
    "record_exists": _error('{entity} "{value}" is there already, and write is create', "Use write: upsert."),
    "record_missing_left": _warning(
        '{entity} "{value}" is not there, and write is update: the row was left out',
        "Use write: upsert, or on_missing: fail.",
    ),
    "record_exists_left": _warning(
        '{entity} "{value}" is there already, and write is create: it was left alone',
        "Use write: upsert, or on_existing: fail.",
    ),
    "record_missing": _error('{entity} "{value}" is not there, and write is update', "Use write: upsert."),
    # links
    "missing_link": _error(
        '{entity} "{value}" is not on the server{close}',
        'Create it first, or write "missing: create" in the link.',
    ),
    "missing_link_reported": _warning(
        '{entity} "{value}" is not on the server{close}; the link was left out', "Create it."
    ),
    "link_not_leaf": _error(
        '{entity} "{value}" has children, and only leaves are meant', "Link to one of its leaves."
    ),
    "link_not_leaf_reported": _warning(
        '{entity} "{value}" has children', "Link to one of its leaves if you can."
    ),
    "ambiguous_link": _error(
        '{count} records of {entity} have {by} "{value}"', "Link by a field that is unique."
    ),
    "no_right": _error(
        'the user may not {what} {entity} "{value}"',
        "Ask an administrator for the right, or leave the row out.",
    ),
    # records that the source does not have
    "absent_left": _warning(
        "{count} records of {entity} are not in the source and were left alone: {why}",
        "Correct that, and import the whole source again.",
    ),
    "absent_too_many": _warning("an import would stop here: {why}", "See --max-deletes."),
    "absent_not_looked_for": _warning(
        "nobody looked which records of {entity} the source does not have: {why}", "Import the whole source."
    ),
    # delivery
    "refused": _error("the server refused the record: {text}", "Correct the row."),
    "refused_right": _error(
        "the server refused the record, no right to write it: {text}", "Ask for the right."
    ),
    "too_large": _error("the record alone is too large for the server: {text}", "Shorten its texts."),
    "server_broke": _error("the server fails at this record: {text}", "Look into the server's log."),
    "conflict": _error(
        "another record holds a unique value of this row, so nothing was stored",
        "Look for it in AtroCore by {unique}.",
    ),
    "drifted": _error(
        "the record was changed in AtroCore meanwhile: {text}", "Import again to compare anew."
    ),
    "conflicts_unchecked": _warning(
        "this AtroCore does not compare old values, so what somebody changes in the seconds between our last "
        "look at a record and its update is overwritten",
        "Switch on Check For Conflicts in AtroCore's settings.",
    ),
    "edited_in_both": _error(
        '{field} was changed in AtroCore to "{there}" since the last import, and in the source to "{value}"; '
        "nothing of the row was sent",
        'Make both equal, or say "on_conflict: source" or "on_conflict: server" in the mapping.',
    ),
    "edit_kept": _warning(
        '{field} was changed in AtroCore to "{there}" since the last import, so "{value}" was not sent',
        "Correct the source where the edit is right.",
    ),
    "not_accepted": _warning("it was not accepted in the workbook of the plan", "Write yes into _accept."),
    "stored_then_refused": _error(
        "the server refused the record but stored a part of it (id {id}): {text}",
        "Correct the row and import again.",
    ),
    "changed_by_server": _warning(
        '"{value}" was sent for {field}, and the server holds "{there}"',
        "Send what it holds, or change the field's settings in AtroCore.",
    ),
    "second_record": _warning(
        'somebody else made another record with {field} "{value}" at the same time: {other}, ours is {id}',
        "Merge them in AtroCore; until then rows with this key are refused.",
    ),
    "not_stored": _error(
        "the server says it stored the record, but there is none with id {id}",
        "Look for another record with the same unique value.",
    ),
    "link_not_created": _error('{entity} "{value}" could not be created: {text}', "See the row of {entity}."),
    # files
    "file_missing": _error('there is no file "{path}"', "Put it there, or correct the name."),
    "file_outside": _error(
        '"{path}" leads out of the folder {base}', "Files are taken only from below it: move it there."
    ),
    "file_empty": _error('the file "{path}" is empty', "Was it still being written? Export it anew."),
    "file_unreadable": _error(
        'the file "{path}" cannot be read: {reason}', "Check what it is and who may read it."
    ),
    "file_too_large": _error(
        'the file "{path}" has {bytes} bytes, {most} are allowed', "Make it smaller, or raise the limit."
    ),
    "file_not_single": _error(
        '"{value}" finds {count} files, such as {first}, and {field} takes one', "Write a narrower pattern."
    ),
    "files_too_many": _error('"{path}" finds more than {most} files', "Write a narrower pattern."),
    "file_wrong_extension": _error(
        'the file "{path}" ends in "{extension}", allowed are {allowed}', "Give another file."
    ),
    "file_wrong_type": _error(
        'the file "{path}" is called {extension} but holds {kind}', "Was an error page saved? Get it anew."
    ),
    "file_changed": _error(
        'the file "{path}" was changed while it was uploaded, twice', "Import again when it is written."
    ),
    "file_not_as_planned": _error(
        'the file "{path}" is not what the plan was made with: it has {bytes} bytes and the MD5 {md5}, '
        "planned was {planned}",
        "Put the planned one back, or make the plan anew.",
    ),
    "file_gone": _error(
        "the file with id {id}, which the plan links to, is not in AtroCore any more", "Make the plan anew."
    ),
    "file_refused": _error('the server refused the file "{path}": {text}', "Correct the file or its name."),
    "file_server_broke": _error(
        'the server fails at the file "{path}": {text}', "Look into the server's log."
    ),
    "file_damaged": _error(
        'the server stored other bytes than were sent of "{path}", twice', "Look into the server's log."
    ),
    "file_not_fetched": _error('"{url}" could not be fetched: {reason}', "Open it in a browser."),
    "file_not_exported": _error(
        'the file "{name}" (File {id}, of the record {record}) is missing: {reason}',
        "Export again when it can be had: what is there is not fetched twice.",
    ),
    "file_address": _error('"{url}" is no address to fetch a file from: {reason}', "Correct it."),
    "folder_refused": _error('the server refused the folder "{folder}": {text}', "Name another one."),
    "share_refused": _error(
        'the file "{path}" was stored, but the server does not share it: {text}', "Ask for the right."
    ),
    "file_type_unknown": _error('"{value}" is no file type of AtroCore', "Create it, or name another."),
}


def say(problem: Problem) -> str:
    """Return what is wrong and what to do, without where: `"12,5 kg" is not a number. Write 12.5.`."""
    kind = CATALOGUE[problem.code]
    facts = {"value": problem.value, "field": problem.field, "column": problem.column, **problem.facts}
    return f"{kind.sentence.format_map(facts)}. {kind.advice.format_map(facts)}".strip()


def where(problem: Problem) -> str:
    """Return where it stands: `products.xlsx, sheet "Q3", row 118, column "Weight"`."""
    parts = [problem.file]
    if problem.sheet is not None:
        parts.append(f'sheet "{problem.sheet}"')
    if problem.row:
        parts.append(f"row {problem.row}")
    if problem.column:
        parts.append(f'column "{problem.column}"')
    return ", ".join(parts)


def is_error(problem: Problem) -> bool:
    """Tell whether the problem keeps its row from being sent or stored."""
    return CATALOGUE[problem.code].severity is Severity.ERROR
