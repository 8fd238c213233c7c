"""Numbers divided, multiplied and rounded: by a fixed number or by another column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import without
from etl.mapping.convert.faults import Faults

if TYPE_CHECKING:
    import numpy as np

    from etl.mapping.columns import Columns
    from etl.mapping.convert.numbers import Decimals


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What is done to the numbers of a field, in this order: multiply, divide, round."""

    multiply_by: str | float | None = None
    """A number, or the name of a column."""
    divide_by: str | float | None = None
    digits: int | None = None
    """Behind the decimal mark, half away from zero."""
    is_whole: bool = False
    """The field takes whole numbers only."""
    reader: Decimals | None = None
    """Of the columns."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(one for one in (self.multiply_by, self.divide_by) if isinstance(one, str))

    def apply(
        self, values: pa.Array, columns: Columns, *, rows: np.ndarray | None, faults: Faults
    ) -> pa.Array:
        """Return the numbers that are sent; a factor that is no number or 0 is a fault of the row."""
        values = pc.cast(values, pa.float64())
        if self.multiply_by is not None:
            values = pc.multiply(values, self._factor(self.multiply_by, columns, rows, faults))
        if self.divide_by is not None:
            values = pc.divide(values, self._factor(self.divide_by, columns, rows, faults))
        if self.digits is not None:
            values = pc.round(values, self.digits, round_mode="half_towards_infinity")
        if not self.is_whole:
            return values
        broken = pc.not_equal(pc.round(values), values)
        faults.mark(broken, values, code="not_an_integer")
        return pc.cast(without(values, pc.fill_null(broken, fill_value=False)), pa.int64())

    def undo(self, values: pa.Array) -> pa.Array:
        """Return the numbers as they stood in the source, as far as fixed factors go."""
        values = pc.cast(values, pa.float64())
        if isinstance(self.divide_by, int | float):
            values = pc.multiply(values, float(self.divide_by))
        if isinstance(self.multiply_by, int | float):
            values = pc.divide(values, float(self.multiply_by))
        return values

    def _factor(
        self, by: str | float, columns: Columns, rows: np.ndarray | None, faults: Faults
    ) -> pa.Array | float:
        if not isinstance(by, str):
            return float(by)
        cells = columns.cells(by)
        if rows is not None:
            cells = cells.take(pa.array(rows))
        apart = Faults()
        factors = self.reader.to_value(cells, apart) if self.reader else cells
        unusable = pc.fill_null(pc.equal(factors, 0.0), fill_value=True)
        faults.mark(unusable, cells, code="factor_unusable", facts={"by": by})
        return without(factors, unusable)
