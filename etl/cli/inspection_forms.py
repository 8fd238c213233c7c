"""What `inspect` found, for a person and for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.problems import say
from etl.report.text import rows_told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.model import Problem
    from etl.report.json import Json
    from etl.tables.inspection import Inspection

SHOWN_PROBLEMS = 40


def as_text(found: Inspection, problems: Sequence[Problem]) -> list[str]:
    """Return what a person reads: the table, its columns, and what is wrong with them; not yet harmless."""
    table = found.table
    dialect = table.dialect
    how = f'sheet "{table.sheet}"' if table.sheet is not None else dialect.format
    if dialect.format == "csv":
        how += f', {dialect.encoding}, delimiter "{dialect.delimiter}"'
    lines = [f"{table.name} ({how}): {rows_told(found.rows)}, {len(found.columns)} columns"]
    if others := [name for name in table.sheets if name != table.sheet]:
        lines.append(f"Other sheets: {', '.join(others)}")
    if found.unreadable_total:
        lines.append(f"{rows_told(found.unreadable_total)} cannot be read")
    name_width = max((len(one.name) for one in found.columns), default=0)
    for one in found.columns:
        kind = f"{one.kind} {one.form}".strip()
        distinct = f"{one.distinct:,}" if one.distinct is not None else "over 10,000"
        empties = f", {one.empties:,} empty" if one.empties else ""
        examples = "; ".join(" ".join(text.split()) for text in one.examples)
        lines.append(
            f"  {one.letters:>3}  {one.name:<{name_width}}  {kind}, {distinct} different{empties}: {examples}"
        )
    lines += ["", f"{len(problems)} things to look at:" if problems else "Nothing looks broken."]
    for problem in problems[:SHOWN_PROBLEMS]:
        where = (
            f'column "{problem.column}": '
            if problem.column
            else f"row {problem.row}: "
            if problem.row
            else ""
        )
        lines.append(f"  {where}{say(problem)} [{problem.code}]")
    if (more := len(problems) - SHOWN_PROBLEMS) > 0:
        lines.append(f"  and {more:,} more")
    return lines


def as_json(found: Inspection, problems: Sequence[Problem]) -> dict[str, Json]:
    """Return the same for a program; its names are fixed, new ones may be added."""
    table = found.table
    return {
        "schema": 1,
        "file": table.name,
        "sheet": table.sheet,
        "sheets": list(table.sheets),
        "format": table.dialect.format,
        "encoding": table.dialect.encoding if table.dialect.format == "csv" else None,
        "delimiter": table.dialect.delimiter if table.dialect.format == "csv" else None,
        "rows": found.rows,
        "unreadable": found.unreadable_total,
        "columns": [
            {
                "name": one.name, "letters": one.letters, "type": one.kind, "form": one.form,
                "empty": one.empties, "distinct": one.distinct, "examples": list(one.examples),
            }
            for one in found.columns
        ],
        "problems": [
            {
                "code": one.code, "row": one.row, "column": one.column, "value": one.value, "count":
                one.facts.get("count"), "cells": one.facts.get("cells"), "message": say(one),
            }
            for one in problems
        ],
    }  # fmt: skip
