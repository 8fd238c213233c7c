"""What cells stand for: a table of texts, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.mapping.convert.faults import Faults
    from etl.mapping.parts import Scalar


@dataclass(frozen=True, slots=True)
class ValueTable:
    """Texts of cells, and what they stand for."""

    known: pa.StringArray
    meant: pa.StringArray
    """In the canonical form of the field; null: as if the cell were empty."""
    otherwise: str = "fail"
    """`fail`, `keep` the cell as it is, or `skip`: leave the field alone."""

    def replace(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:
        """Return what the cells stand for; cells without an entry as `otherwise` says."""
        found = pc.index_in(pc.utf8_trim_whitespace(cells), value_set=self.known)
        values = self.meant.take(found)
        unknown = pc.and_(cells.is_valid(), found.is_null())
        if self.otherwise == "keep":
            return pc.if_else(unknown, cells, values)
        if self.otherwise == "fail":
            faults.mark(unknown, cells, code="value_unmapped")
        else:
            faults.leave(unknown)
        return values

    def restore(self, values: pa.StringArray) -> pa.StringArray:
        """Return the first cell that stands for each value; the value itself where none does."""
        found = pc.index_in(values, value_set=self.meant)
        return pc.if_else(found.is_null(), values, self.known.take(found))


def written(value: Scalar | None) -> str | None:
    """Return a value of the mapping as the canonical text of a cell."""
    if value is None or isinstance(value, str):
        return value
    text: str | None = as_text(pa.array([value]))[0].as_py()
    return text


def value_table(entries: Mapping[str, Scalar | None], otherwise: str = "fail") -> ValueTable:
    """Return entries ready to be looked up."""
    return ValueTable(
        pa.array([key.strip() for key in entries], pa.string()),
        pa.array([written(value) for value in entries.values()], pa.string()),
        otherwise,
    )
