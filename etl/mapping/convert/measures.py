"""Two things in one cell: a number and its unit, `12,5 kg`; the ends of a range, `10-20`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from etl.mapping.convert.faults import Faults

NUMBER_AND_UNIT = (
    r"^\s*(?P<number>[+-]?[0-9](?:[0-9.,' \x{00a0}\x{202f}]*[0-9])?)\s*(?P<unit>[^0-9\s].*?)?\s*$"
)


@dataclass(frozen=True, slots=True)
class MeasurePart:
    """The number or the unit of a cell that holds both."""

    name: ClassVar[str] = "measure"
    is_invertible: ClassVar[bool] = True
    takes_unit: bool
    default: str | None = None
    """The unit of a cell that names none; None: such a cell is a fault."""

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:
        """Return the number as it stands, or the unit. What begins with no number goes on as it is."""
        found = pc.extract_regex(cells, NUMBER_AND_UNIT)
        if not self.takes_unit:
            numbers = pc.struct_field(found, "number")
            return pc.if_else(found.is_valid(), numbers, cells)
        units = pc.struct_field(found, "unit")
        bare = pc.and_(found.is_valid(), pc.equal(units, ""))
        if self.default is None:
            faults.mark(bare, cells, code="unit_missing")
        return pc.if_else(bare, pa.scalar(self.default, pa.string()), units)

    def undo(self, cells: pa.StringArray) -> pa.StringArray:
        """Return the part; whoever has both joins them with a space."""
        return cells


@dataclass(frozen=True, slots=True)
class RangePart:
    """One end of a range."""

    name: ClassVar[str] = "range"
    is_invertible: ClassVar[bool] = True
    mark: str
    end: int
    """0: where it begins, 1: where it ends."""

    def apply(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:
        """Return this end; a cell without two ends is a fault, told once."""
        mark = re.escape(self.mark.strip() or self.mark)
        found = pc.extract_regex(cells, rf"^\s*(?P<from>.+?)\s*{mark}\s*(?P<to>.+?)\s*$")
        if self.end == 0:
            lost = pc.and_(cells.is_valid(), found.is_null())
            faults.mark(lost, cells, code="not_a_range", facts={"mark": self.mark})
        else:
            faults.leave(pc.and_(cells.is_valid(), found.is_null()))
        return pc.struct_field(found, "from" if self.end == 0 else "to")

    def undo(self, cells: pa.StringArray) -> pa.StringArray:
        """Return the end; whoever has both joins them with the mark."""
        return cells
