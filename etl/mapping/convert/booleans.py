"""Booleans: true, false, 1 and 0, and nothing else unless the mapping says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text

if TYPE_CHECKING:
    from etl.mapping.convert.faults import Faults

TRUE, FALSE = pa.array(["true", "1"]), pa.array(["false", "0"])


@dataclass(frozen=True, slots=True)
class Booleans:
    """Cells <-> booleans."""

    def to_value(self, cells: pa.Array, faults: Faults) -> pa.BooleanArray:
        """Return booleans; the case of letters does not matter, any other word is a fault."""
        if pa.types.is_boolean(cells.type):
            return cells
        texts = as_text(cells)
        tidy = pc.ascii_lower(pc.utf8_trim_whitespace(texts))
        values = pc.if_else(
            pc.is_in(tidy, value_set=TRUE),
            pa.scalar(value=True),
            pc.if_else(pc.is_in(tidy, value_set=FALSE), pa.scalar(value=False), pa.scalar(None, pa.bool_())),
        )
        faults.mark(pc.and_(texts.is_valid(), values.is_null()), texts, code="not_a_boolean")
        return values

    def to_cell(self, values: pa.BooleanArray) -> pa.StringArray:
        """Return `true` or `false`."""
        return as_text(values)
