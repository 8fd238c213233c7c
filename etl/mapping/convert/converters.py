"""Which converter a field of the schema takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from etl.mapping.convert.booleans import Booleans
from etl.mapping.convert.dates import Days, Moments
from etl.mapping.convert.numbers import Decimals, Integers, Marks
from etl.mapping.convert.texts import Json, Options, Texts

if TYPE_CHECKING:
    import pyarrow as pa

    from etl.mapping.convert.faults import Faults
    from etl.mapping.parts import DateRule, NumberRule
    from etl.schema import FieldSchema


class Converter(Protocol):
    """Cells of one column to values of one type, and back."""

    def to_value(self, cells: pa.Array, faults: Faults) -> pa.Array:
        """Return the values, as many as cells; null where the cell is null or a fault."""

    def to_cell(self, values: pa.Array) -> pa.StringArray:
        """Return the cells that are read as these values."""


LISTS = frozenset({"multi_enum", "array", "links", "list_options"})
"""Kinds that hold several values."""
LINKS = frozenset({"link", "links", "file", "list_option", "list_options"})
"""Kinds whose values are ids, found by what the cells hold."""


def converter_for(  # noqa: PLR0911  one case per kind
    field: FieldSchema, *, number: NumberRule | None = None, date: DateRule | None = None
) -> Converter:
    """Return what reads one value of `field`; for lists, what reads one piece.

    Args:
        number: how the source writes numbers; None: as machines do, `1234.56`.
        date: how the source writes dates; None: ISO.
    """
    marks = Marks(number.decimal, number.thousands, is_said=True) if number else Marks()
    match field.kind:
        case "int" | "range_int":
            return Integers(marks, field.minimum, field.maximum)
        case "float" | "range_float":
            return Decimals(marks, field.minimum, field.maximum)
        case "bool":
            return Booleans()
        case "date":
            return Days(date.formats) if date else Days()
        case "datetime":
            return Moments(date.formats, date.zone) if date else Moments()
        case "enum" | "multi_enum":
            return Options(field.options)
        case "json":
            return Json()
        case _:
            return Texts(field.max_length, field.pattern)
