"""What `inspect` and `guess` know of a table: per column its type, empties, distinct values and examples.

Decimal marks and date formats are found out here, for a person to read; an import never guesses one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from etl.tables.columns import letters
from etl.tables.hazards import HazardScan
from etl.tables.values import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.model import Frame, UnreadableRow
    from etl.tables.hazards import Hazard, Switch
    from etl.tables.table import Table

MOST_DISTINCT = 10_000
SHOWN_EXAMPLES = 3
SHOWN_LETTERS = 60
SHOWN_UNREADABLE = 20

Kind: TypeAlias = str
"""`text`, `integer`, `number`, `percentage`, `currency`, `boolean`, `date`, `datetime`, `time`, `list`,
`object`, `mixed`, `empty`."""

# Forms of texts, most telling first: kind, the form as mappings write it, pattern.
FORMS: tuple[tuple[Kind, str, re.Pattern[str]], ...] = (
    ("integer", "", re.compile(r"[+-]?(?:0|[1-9]\d*)")),
    ("text", "digits", re.compile(r"\d+")),
    ("date", "YYYY-MM-DD", re.compile(r"\d{4}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01])")),
    ("datetime", "ISO 8601", re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)?")),
    ("date", "DD.MM.YYYY", re.compile(r"(?:0?[1-9]|[12]\d|3[01])\.(?:0?[1-9]|1[0-2])\.\d{4}")),
    ("date", "DD/MM/YYYY", re.compile(r"(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|1[0-2])/\d{4}")),
    ("date", "MM/DD/YYYY", re.compile(r"(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])/\d{4}")),
    ("number", 'decimal "."', re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?")),
    ("number", 'decimal ","', re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?")),
    ("percentage", "", re.compile(r"[+-]?\d+(?:[.,]\d+)?\s*%")),
    ("boolean", "", re.compile(r"true|false|yes|no|ja|nein|oui|non|wahr|falsch|y|n|j", re.IGNORECASE)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What stands in one column."""

    name: str
    position: int
    """0-based position in the sheet."""
    kind: Kind
    form: str
    """How texts of this kind are written, for example `DD.MM.YYYY` or `decimal ","`."""
    empties: int
    distinct: int | None
    """None: more than 10,000."""
    examples: tuple[str, ...]
    """The first few different cells, each shortened to 60 characters."""

    @property
    def letters(self) -> str:
        """The column as a spreadsheet calls it."""
        return letters(self.position)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one table is, and what is wrong with it."""

    table: Table
    rows: int
    """Rows that could be read."""
    unreadable: tuple[UnreadableRow, ...]
    """The first 20 of the others."""
    unreadable_total: int
    columns: tuple[ColumnProfile, ...]
    hazards: tuple[Hazard, ...]


def inspect(table: Table, *, switches: Mapping[str, Switch] = MappingProxyType({})) -> Inspection:
    """Read a table once and return what it is; holds at most 10,000 distinct values per column.

    Raises:
        SourceMissing, SourceUnreadable: the file cannot be read to its end.
    """
    scan = HazardScan(table, switches=switches)
    profiles = {name: _Column() for name in table.header}
    rows = unreadable_total = 0
    unreadable: list[UnreadableRow] = []
    for frame in table.frames():
        scan.add(frame)
        rows += len(frame)
        unreadable_total += len(frame.unreadable)
        unreadable += frame.unreadable[: SHOWN_UNREADABLE - len(unreadable)]
        _add(profiles, frame)
    facts = table.sheet_facts() if table.sheet_facts is not None else None
    shown: dict[int, Kind] = {}
    if facts is not None:
        shown = dict.fromkeys(facts.percentages, "percentage") | dict.fromkeys(facts.currencies, "currency")
    columns = tuple(
        profile.result(name, table.first_column + at, shown.get(table.first_column + at))
        for at, (name, profile) in enumerate(profiles.items())
    )
    return Inspection(table, rows, tuple(unreadable), unreadable_total, columns, scan.hazards())


def _add(profiles: Mapping[str, _Column], frame: Frame) -> None:
    if len(frame):
        for name, profile in profiles.items():
            profile.add(frame.column(name))


class _Column:
    """One column while it is read."""

    def __init__(self) -> None:
        self._kinds: set[Kind] = set()
        self._empties = 0
        self._distinct: dict[str, None] = {}
        self._is_full = False

    def add(self, column: pa.Array) -> None:
        self._empties += column.null_count
        if column.null_count == len(column):
            return
        self._kinds.add(_kind_of(column.type))
        if self._is_full:
            return
        values = column if pa.types.is_nested(column.type) else pc.unique(column)
        for value in values[: MOST_DISTINCT + 1].to_pylist():
            if value is not None:
                self._distinct[to_text(value)] = None
        if len(self._distinct) > MOST_DISTINCT or len(values) > MOST_DISTINCT + 1:
            self._is_full = True

    def result(self, name: str, position: int, shown: Kind | None) -> ColumnProfile:
        form = ""
        kind: Kind = "empty"
        if self._kinds == {"integer", "number"}:
            kind = "number"
        elif len(self._kinds) > 1:
            kind = "mixed"
        elif self._kinds:
            (kind,) = self._kinds
        if kind == "text":
            kind, form = _form_of(list(self._distinct))
        elif kind in ("integer", "number") and shown is not None:
            kind = shown
        examples = tuple(text[:SHOWN_LETTERS] for text in list(self._distinct)[:SHOWN_EXAMPLES])
        distinct = None if self._is_full else len(self._distinct)
        return ColumnProfile(name, position, kind, form, self._empties, distinct, examples)


def _form_of(texts: list[str]) -> tuple[Kind, str]:
    """Return the kind that nearly all texts have the form of; `text` where there is none."""
    sample = texts[:1000]
    for kind, form, pattern in FORMS:
        fitting = sum(pattern.fullmatch(text.strip()) is not None for text in sample)
        if fitting >= 0.95 * len(sample):
            return kind, form
    return "text", ""


def _kind_of(kind: pa.DataType) -> Kind:
    for test, name in (
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "integer"),
        (pa.types.is_floating, "number"),
        (pa.types.is_decimal, "number"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "datetime"),
        (pa.types.is_time, "time"),
        (pa.types.is_list, "list"),
        (pa.types.is_struct, "object"),
    ):
        if test(kind):
            return name
    return "text"
