"""Names of columns: spreadsheet letters, and headers told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from etl.model import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence


def letters(position: int) -> str:
    """Return the spreadsheet letters of a 0-based column: 0 is `A`, 26 is `AA`."""
    found = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        found = chr(65 + rest) + found
    return found


def position_of(column: str | int) -> int:
    """Return the 0-based position of a column given by letters or by its 1-based number.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(column, int) or column.isdecimal():
        return int(column) - 1
    if not (column.isascii() and column.isalpha()):
        raise ValueError(column)
    position = 0
    for letter in column.upper():
        position = position * 26 + ord(letter) - 64
    return position - 1


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns, each one once, and what was wrong with them."""

    names: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def tell_apart(cells: Sequence[str], *, name: str, sheet: str | None, row: int) -> Header:
    """Return header cells as names that differ: trimmed, doubled ones numbered, missing ones named by letter.

    Args:
        row: where the header stands, for the problems.
    """
    names: list[str] = []
    problems: list[Problem] = []
    trimmed = [" ".join(cell.split()) for cell in cells]
    taken = set(trimmed)
    for at, text in enumerate(trimmed):
        if not text:
            unique = f"(column {letters(at)})"
            problems.append(_about("header_empty", name, sheet, row=row, column=unique))
        elif text in names:
            number = 2
            while (unique := f"{text} ({number})") in taken:
                number += 1
            problems.append(
                replace(_about("header_duplicate", name, sheet, row=row, column=unique), value=text[:200])
            )
        else:
            unique = text
        taken.add(unique)
        names.append(unique)
    return Header(tuple(names), tuple(problems))


def _about(code: str, name: str, sheet: str | None, *, row: int, column: str) -> Problem:
    return Problem(code, name, sheet, row, column)
