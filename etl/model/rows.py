"""Rows of a source, and what can be wrong with them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa


class Status(StrEnum):
    """What became of a source row; the names of `rows` in the JSON summary."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    FAILED = "failed"
    """The server, or what stands there, refused it."""
    INVALID = "invalid"
    """It could not be understood, so nothing of it was sent."""
    SKIPPED = "skipped"
    """The user said so: a filter, `ignore`, a duplicate, drift."""
    PENDING = "pending"
    """The run stopped before its fate was known."""


ROW_PRECEDENCE: tuple[Status, ...] = (
    Status.INVALID,
    Status.FAILED,
    Status.PENDING,
    Status.SKIPPED,
    Status.CREATED,
    Status.UPDATED,
    Status.DELETED,
    Status.UNCHANGED,
)
"""A row with several records has the first of these that applies."""


@dataclass(frozen=True, slots=True)
class RowRef:
    """One row as a person finds it again."""

    file: str
    """The name the user gave, or that a DataFrame was given."""
    sheet: str | None
    """None where the format has no sheets."""
    row: int
    """1-based, as seen in the file: the header counts; in CSV the physical line where the row begins."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with data, as a value. What it says to a person stands in `problems.py`."""

    code: str
    """A key of `problems.CATALOGUE`."""
    file: str
    sheet: str | None = None
    row: int = 0
    """1-based as seen in the file; 0: not about one row."""
    column: str = ""
    """The source column; empty: not about one column."""
    field: str = ""
    """The field of the entity; empty: not about one field."""
    value: str = ""
    """The cell as it stood there, shortened to 200 characters by whoever makes the Problem."""
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the sentence of the code needs besides the above."""


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that could not be read as cells of the table, for example a CSV line with a cell too many."""

    row: int
    """1-based, as seen in the file."""
    cells: tuple[str, ...]
    """As far as they could be told apart; for the file of rejected rows."""
    problem: Problem


@dataclass(frozen=True, slots=True)
class Frame:
    """Some thousand rows of a source, in its order.

    `data` has one Arrow-backed pandas column per source column: going to Arrow and back copies nothing.
    """

    data: pd.DataFrame
    numbers: pa.Int64Array
    """Row number of each row of `data`: 1-based, as seen in the file (see `RowRef.row`); rising."""
    file: str
    sheet: str | None = None
    unreadable: tuple[UnreadableRow, ...] = ()
    """Rows between these that are no rows of the table; they count as read and end as `invalid`."""
    _columns: dict[str, pa.Array] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What `column` was asked for: pandas takes longer to hand a column out than Arrow to compute with it."""

    def __len__(self) -> int:
        """Rows that could be read."""
        return len(self.numbers)

    def column(self, name: str) -> pa.Array:
        """Return one column as a single Arrow array, without a copy where pandas holds it as one chunk.

        Raises:
            KeyError: the frame has no such column.
        """
        import pyarrow as pa  # noqa: PLC0415  the nouns must be importable in a blink

        if (array := self._columns.get(name)) is None:
            array = pa.array(self.data[name])
            if isinstance(array, pa.ChunkedArray):
                array = array.combine_chunks()
            self._columns[name] = array
        return array

    def made_of(self, columns: Mapping[str, pa.Array]) -> Self:
        """Return this frame, which knows from now on the arrays that columns of `data` were made of."""
        self._columns.update(columns)
        return self

    def ref(self, position: int) -> RowRef:
        """Return where the row at `position` (0-based within this frame) stands in the file."""
        return RowRef(self.file, self.sheet, self.numbers[position].as_py())
