"""Where the cells of a field come from: columns, a constant, an expression, a second table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.columns import Marks
from etl.mapping.convert.cells import as_text, without
from etl.mapping.expressions import as_cells

if TYPE_CHECKING:
    from etl.mapping.columns import Columns
    from etl.mapping.convert.faults import Faults
    from etl.mapping.convert.steps import Step
    from etl.mapping.convert.values import ValueTable
    from etl.mapping.expressions import Expression


class Source(Protocol):
    """Where cells come from."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source that are read, as the mapping names them."""

    def cells(self, columns: Columns, faults: Faults) -> pa.Array:
        """Return one cell per row; null where it is empty."""

    def marks(self, columns: Columns) -> Marks:
        """Return where the cells are markers."""


@dataclass(frozen=True, slots=True)
class FromColumn:
    """One column."""

    name: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.name,)

    def cells(self, columns: Columns, faults: Faults) -> pa.Array:  # noqa: ARG002  origins share one shape
        """Return its cells."""
        return columns.cells(self.name)

    def marks(self, columns: Columns) -> Marks:
        """Return its markers."""
        return columns.marks(self.name)


@dataclass(frozen=True, slots=True)
class _Unmarked:
    def marks(self, columns: Columns) -> Marks:  # noqa: ARG002  origins share one shape
        """Return none: markers are cells of a single column."""
        return Marks()


@dataclass(frozen=True, slots=True)
class Joined(_Unmarked):
    """Several columns in one text; empty ones are left out."""

    names: tuple[str, ...]
    mark: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns."""
        return self.names

    def cells(self, columns: Columns, faults: Faults) -> pa.StringArray:  # noqa: ARG002  origins share one shape
        """Return the joined texts; null where all are empty."""
        parts = [as_text(columns.cells(name)) for name in self.names]
        nothing = parts[0].is_null()
        for part in parts[1:]:
            nothing = pc.and_(nothing, part.is_null())
        # pyarrow 26 drops rows where "skip" leaves nothing to join: such rows get an empty part first.
        parts[0] = pc.if_else(nothing, "", parts[0])
        joined = pc.binary_join_element_wise(*parts, self.mark, null_handling="skip")
        return without(joined, nothing)


@dataclass(frozen=True, slots=True)
class FirstOf(_Unmarked):
    """The first origin that is not empty."""

    origins: tuple[Prepared, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of all of them."""
        return tuple(dict.fromkeys(name for one in self.origins for name in one.columns))

    def cells(self, columns: Columns, faults: Faults) -> pa.StringArray:
        """Return the texts."""
        return pc.coalesce(*(as_text(one.cells(columns, faults)) for one in self.origins))


@dataclass(frozen=True, slots=True)
class Fixed(_Unmarked):
    """The same cell for every row."""

    cell: str

    @property
    def columns(self) -> tuple[str, ...]:
        """None."""
        return ()

    def cells(self, columns: Columns, faults: Faults) -> pa.StringArray:  # noqa: ARG002  origins share one shape
        """Return it once per row."""
        return pa.repeat(pa.scalar(self.cell), len(columns))


@dataclass(frozen=True, slots=True)
class RowNumber(_Unmarked):
    """The number of the row as seen in the file."""

    @property
    def columns(self) -> tuple[str, ...]:
        """None."""
        return ()

    def cells(self, columns: Columns, faults: Faults) -> pa.Int64Array:  # noqa: ARG002  origins share one shape
        """Return the numbers."""
        return columns.numbers


@dataclass(frozen=True, slots=True)
class Computed(_Unmarked):
    """An expression over the row."""

    expression: Expression

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names."""
        return self.expression.columns or ()

    def cells(self, columns: Columns, faults: Faults) -> pa.Array:
        """Return its values, typed where they are of one type."""
        return as_cells(self.expression.of_rows(columns, faults))


@dataclass(frozen=True, slots=True)
class LookedUp(_Unmarked):
    """What a second table says to a cell; a cell that it does not know counts as empty."""

    name: str
    table: ValueTable

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that is looked up."""
        return (self.name,)

    def cells(self, columns: Columns, faults: Faults) -> pa.StringArray:
        """Return what the table says."""
        return self.table.replace(as_text(columns.cells(self.name)), faults)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An origin and what is done to its text."""

    origin: Source
    steps: tuple[Step, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the origin."""
        return self.origin.columns

    def cells(self, columns: Columns, faults: Faults) -> pa.Array:
        """Return its converted cells."""
        return stepped(self.origin.cells(columns, faults), self.steps, faults)

    def marks(self, columns: Columns) -> Marks:
        """Return the markers of the origin."""
        return self.origin.marks(columns)


def stepped(cells: pa.Array, steps: tuple[Step, ...], faults: Faults) -> pa.Array:
    """Return the cells after all steps; as they are where there is no step."""
    if steps:
        cells = as_text(cells)
    for step in steps:
        cells = step.apply(cells, faults)
    return cells
