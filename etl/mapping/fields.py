"""What one field of a mapping does to a frame: cells from their origin, converted, and what becomes of empty ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert import pieces as lists
from etl.mapping.convert.cells import as_text, blanked, without
from etl.mapping.convert.converters import LINKS, LISTS, Converter
from etl.mapping.convert.faults import Fault, Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.mapping.document import FieldDoc, Scalar
    from etl.model import Frame, LinkTarget
    from etl.schema import FieldSchema


class Columns:
    """The columns of one frame, each taken out once, empty cells as null."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._taken: dict[str, pa.Array] = {}

    def __len__(self) -> int:
        """Rows."""
        return len(self.frame)

    def cells(self, name: str) -> pa.Array:
        """Return the cells of one column; null where they are empty."""
        if name not in self._taken:
            cells = self.frame.column(name)
            if pa.types.is_dictionary(cells.type) or pa.types.is_large_string(cells.type):
                cells = pc.cast(cells, pa.string())
            self._taken[name] = blanked(cells)
        return self._taken[name]


@dataclass(frozen=True, slots=True)
class Made:
    """What a field made of a frame."""

    values: pa.Array
    """Null: not sent. Of links: the texts to look up."""
    clears: pa.BooleanArray | None
    """Where JSON null is sent; None: nowhere."""
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class ValueTable:
    """`values:` of a field: what a cell stands for."""

    known: pa.StringArray
    meant: pa.StringArray
    """In the canonical form of the field; null: as if the cell were empty."""
    otherwise: str

    def replace(self, cells: pa.StringArray, faults: Faults) -> pa.StringArray:
        """Return what the cells stand for; cells without an entry as `else` says."""
        found = pc.index_in(pc.utf8_trim_whitespace(cells), value_set=self.known)
        values = self.meant.take(found)
        unknown = pc.and_(cells.is_valid(), found.is_null())
        if self.otherwise == "keep":
            return pc.if_else(unknown, cells, values)
        if self.otherwise == "fail":
            faults.mark(unknown, cells, code="value_unmapped")
        return values


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field, ready to be made of any frame."""

    name: str
    """As the mapping writes it."""
    field: FieldSchema
    doc: FieldDoc
    converter: Converter
    """Of one value, or of one piece of a list."""
    constant: pa.Array | None = None
    """The one value of a constant, ready to be sent."""
    default: pa.Array | None = None
    """The one value of a default, ready to be sent."""
    values: ValueTable | None = None
    on_empty: str = "skip"
    empty_code: str = "required_empty"
    link: LinkTarget | None = None
    is_key: bool = False

    @property
    def key(self) -> str:
        """The payload key."""
        return self.field.payload_key

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that are read."""
        return (self.doc.column,) if self.doc.column is not None else ()

    def make(self, columns: Columns) -> Made:
        """Return the values of one frame, and what is wrong with its cells."""
        if self.constant is not None:
            return Made(repeated(self.constant, len(columns)), None, ())
        faults = Faults()
        cells = columns.cells(self.columns[0])
        values = self.converted(cells, faults)
        empty = self._empty(cells)
        clears = None
        if self.default is not None:
            values = pc.if_else(empty, self.default[0], values) if empty is not None else values
        elif self.on_empty == "fail" and empty is not None:
            faults.mark(empty, cells, code=self.empty_code, facts={"field": self.name})
        elif self.on_empty == "clear" and empty is not None:
            clears = empty
        return Made(values, clears, tuple(faults.found))

    def converted(self, cells: pa.Array, faults: Faults) -> pa.Array:
        """Return the values of these cells; null where a cell is empty or a fault."""
        if self.field.kind in LISTS:
            pieces = lists.split(cells, self.doc.split.by) if self.doc.split else lists.single(cells)
            inner = faults.of_pieces(pc.list_parent_indices(pieces))
            values = lists.with_pieces(pieces, self._one(pieces.flatten(), inner))
        else:
            values = self._one(cells, faults)
        if faults.found:
            bad = sorted({fault.position for fault in faults.found})
            values = without(values, pc.is_in(_positions(len(values)), value_set=pa.array(bad)))
        return values

    def _one(self, cells: pa.Array, faults: Faults) -> pa.Array:
        if self.doc.trim:
            cells = pc.utf8_trim_whitespace(as_text(cells))
        if self.values is not None:
            cells = self.values.replace(as_text(cells), faults)
        if self.field.kind in LINKS:
            return pc.utf8_normalize(pc.utf8_trim_whitespace(as_text(cells)), form="NFC")
        values = self.converter.to_value(cells, faults)
        return (
            pc.utf8_normalize(values, form="NFC")
            if self.is_key and pa.types.is_string(values.type)
            else values
        )

    def _empty(self, cells: pa.Array) -> pa.BooleanArray | None:
        if self.values is not None and self.values.meant.null_count:
            cells = self.values.replace(as_text(cells), Faults())
        return cells.is_null(nan_is_null=True) if cells.null_count else None


def repeated(one: pa.Array, count: int) -> pa.Array:
    """Return the single value of `one`, `count` times."""
    return (
        one.take(pa.array([0] * count, pa.int32()))
        if pa.types.is_nested(one.type)
        else pa.repeat(one[0], count)
    )


def _positions(count: int) -> pa.Array:
    return pa.array(range(count), pa.int64())


def written(value: Scalar | None) -> str | None:
    """Return a value of the mapping as the canonical text of a cell."""
    if value is None or isinstance(value, str):
        return value
    return as_text(pa.array([value]))[0].as_py()


def value_table(values: Mapping[str, Scalar | None], otherwise: str) -> ValueTable:
    """Return `values:` ready to be looked up."""
    return ValueTable(
        pa.array(list(values), pa.string()),
        pa.array([written(value) for value in values.values()], pa.string()),
        otherwise,
    )
