"""What one field of a mapping makes of a frame: cells from their origin, converted, empty ones settled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.columns import Marks
from etl.mapping.convert import pieces as lists
from etl.mapping.convert.cells import as_text, without
from etl.mapping.convert.converters import LINKS, LISTS, Converter
from etl.mapping.convert.faults import SHOWN, Fault, Faults
from etl.mapping.origins import stepped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.mapping.arithmetic import Arithmetic
    from etl.mapping.columns import Columns
    from etl.mapping.convert.checks import Checks
    from etl.mapping.convert.link_texts import LinkForm
    from etl.mapping.convert.steps import Step
    from etl.mapping.convert.values import ValueTable
    from etl.mapping.expressions import Expression
    from etl.mapping.filing import Filing
    from etl.mapping.grouping import Groups
    from etl.mapping.origins import Source
    from etl.mapping.parts import SplitDoc
    from etl.model import LinkTarget
    from etl.schema import FieldSchema


NOT_ABOUT_THE_CELL = frozenset({"factor_unusable", "expr_failed"})
"""Codes whose value is no cell of the field's own column."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a field made of a frame."""

    values: pa.Array
    """One per record; null: not sent. Of links: the texts to look up."""
    clears: pa.BooleanArray | None = None
    """Where JSON null is sent; None: nowhere."""
    unassigns: pa.BooleanArray | None = None
    """Where an attribute is taken off; None: nowhere."""
    faults: Sequence[Fault] = ()
    """Their positions are rows of the frame that count."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One payload key, ready to be made of any frame."""

    name: str
    """As the mapping writes it."""
    field: FieldSchema
    key: str
    """The payload key."""
    origin: Source
    converter: Converter
    """Of one value, or of one piece of a list."""
    steps: tuple[Step, ...] = ()
    split: SplitDoc | None = None
    constant: pa.Array | None = None
    """The one value of a constant, ready to be sent."""
    default: pa.Array | None = None
    """The one value of a default, ready to be sent."""
    values: ValueTable | None = None
    arithmetic: Arithmetic | None = None
    checks: Checks | None = None
    when: Expression | None = None
    link: LinkTarget | None = None
    link_form: LinkForm | None = None
    filing: Filing | None = None
    """Of cells that are files; None: they are not."""
    on_empty: str = "skip"
    empty_code: str = "required_empty"
    skips_bad_cells: bool = False
    """Bad cells are left out, with a warning, instead of stopping their row."""
    is_key: bool = False
    follows: str = ""
    """Payload key without whose value this one is not sent: the number of a unit."""
    labels: tuple[str, ...] = ()
    """Columns as the source calls them, for messages."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that are read, as the mapping names them."""
        further = (*(self.when.columns or ()),) if self.when else ()
        by = self.arithmetic.columns if self.arithmetic else ()
        places = self.filing.columns if self.filing else ()
        return tuple(dict.fromkeys((*self.origin.columns, *by, *further, *places)))

    def make(self, columns: Columns, groups: Groups | None = None) -> Made:
        """Return the values of one frame, and what is wrong with its cells."""
        made = self._made(columns, groups)
        if self.filing is None:
            return made
        return replace(made, values=self.filing.placed(made.values, columns, groups))

    def _made(self, columns: Columns, groups: Groups | None) -> Made:
        count = len(columns) if groups is None else len(groups)
        if self.constant is not None and self.when is None:
            return Made(repeated(self.constant, count))
        faults = Faults()
        cells = self.origin.cells(columns, faults)
        marks = self.origin.marks(columns)
        rows = None
        if groups is not None and self.field.kind not in LISTS:
            rows = groups.first_filled(cells)
            cells, marks = cells.take(pa.array(rows)), _taken(marks, rows)
        inner = Faults() if rows is not None else faults
        values = self.converted(cells, inner)
        if self.arithmetic is not None:
            values = self.arithmetic.apply(values, columns, rows=rows, faults=inner)
            self._look(values, inner)
        values = _without_bad(values, inner)
        if inner.found and self.field.kind not in LISTS:
            inner.found[:] = [_as_it_stood(one, cells) for one in inner.found]
        if groups is not None and rows is None:
            return self._of_group(columns, values, marks, groups=groups, faults=faults)
        made = self._settled(columns, values, marks, faults=inner, rows=rows)
        if rows is None:
            return made
        moved = [Fault(int(rows[one.position]), one.code, one.value, one.facts) for one in made.faults]
        return Made(made.values, made.clears, made.unassigns, [*faults.found, *moved])

    def converted(self, cells: pa.Array, faults: Faults) -> pa.Array:
        """Return the values of these cells; null where a cell is empty or a fault."""
        if self.field.kind not in LISTS:
            return self._one(cells, faults)
        pieces = lists.split(cells, self.split) if self.split else lists.single(cells)
        parents = pc.list_parent_indices(pieces)
        values = self._one(pieces.flatten(), faults.of_pieces(parents))
        if self.filing is not None:
            values, parents = self.filing.several(values, parents, faults.of_pieces(parents))
            counts = np.bincount(parents.to_numpy(zero_copy_only=False), minlength=len(pieces))
            return lists.rebuilt(values, counts)
        if not values.null_count:
            return lists.with_pieces(pieces, values)
        # A piece may stand for nothing (`values: {none: null}`): it is dropped, the others stay.
        kept = values.is_valid()
        counts = np.bincount(parents.filter(kept).to_numpy(zero_copy_only=False), minlength=len(pieces))
        return lists.rebuilt(values.filter(kept), counts)

    def _one(self, cells: pa.Array, faults: Faults) -> pa.Array:
        cells = stepped(cells, self.steps, faults)
        if self.values is not None:
            cells = self.values.replace(as_text(cells), faults)
        if self.field.kind in LINKS:
            texts = pc.utf8_normalize(pc.utf8_trim_whitespace(as_text(cells)), form="NFC")
            if self.filing is not None and self.field.kind not in LISTS:
                return self.filing.one(texts, faults)
            return self.link_form.formed(texts, faults) if self.link_form else texts
        values = self.converter.to_value(cells, faults)
        if self.is_key and pa.types.is_string(values.type):
            values = pc.utf8_normalize(values, form="NFC")
        if self.arithmetic is None:
            self._look(values, faults)
        return values

    def _look(self, values: pa.Array, faults: Faults) -> None:
        if self.checks is not None:
            self.checks.look(values, faults)

    def _of_group(
        self, columns: Columns, values: pa.ListArray, marks: Marks, *, groups: Groups, faults: Faults
    ) -> Made:
        merged = groups.merged(values)
        starts = groups.starts
        made = self._settled(columns, merged, _taken(marks, starts), faults=Faults(), rows=starts)
        moved = [Fault(int(starts[one.position]), one.code, one.value, one.facts) for one in made.faults]
        return Made(made.values, made.clears, made.unassigns, [*faults.found, *moved])

    def _settled(
        self, columns: Columns, values: pa.Array, marks: Marks, *, faults: Faults, rows: np.ndarray | None
    ) -> Made:
        """Decide what becomes of empty cells, markers and rows where `when` is false."""
        active = self._active(columns, faults, rows)
        if active is not None:
            values = without(values, pc.invert(active))
        clears = marks.clear
        if values.null_count:
            empty = self._empty(values, marks, faults)
            if active is not None:
                empty = pc.and_(empty, active)
            if self.default is not None:
                values = _filled(values, empty, self.default)
            elif self.on_empty == "fail":
                facts = {"field": self.name.split("|")[0]}
                faults.mark(empty, pa.nulls(len(values), pa.string()), code=self.empty_code, facts=facts)
            elif self.on_empty == "clear":
                clears = empty if clears is None else pc.or_(clears, empty)
        if active is not None and clears is not None:
            clears = pc.and_(clears, active)
        found = faults.found
        if active is not None:
            idle = set(pc.indices_nonzero(pc.invert(active)).to_pylist())
            found = [one for one in found if one.position not in idle]
        return Made(values, clears, marks.unassign, found)

    def _active(self, columns: Columns, faults: Faults, rows: np.ndarray | None) -> pa.BooleanArray | None:
        if self.when is None:
            return None
        truths = pa.array([bool(one) for one in self.when.of_rows(columns, faults)], pa.bool_())
        return truths if rows is None else truths.take(pa.array(rows))

    def _empty(self, values: pa.Array, marks: Marks, faults: Faults) -> pa.BooleanArray:
        empty = values.is_null()
        if marks.any is not None:
            empty = pc.and_(empty, pc.invert(marks.any))
        known = sorted({one.position for one in faults.found} | faults.left)
        return pc.and_(empty, pc.invert(_at(known, len(values)))) if known else empty


def _as_it_stood(fault: Fault, cells: pa.Array) -> Fault:
    if fault.code in NOT_ABOUT_THE_CELL:
        return fault
    text = as_text(cells.slice(fault.position, 1))[0].as_py()
    return replace(fault, value=(text or "")[:SHOWN])


def _without_bad(values: pa.Array, faults: Faults) -> pa.Array:
    if not faults.found:
        return values
    return without(values, _at(sorted({one.position for one in faults.found}), len(values)))


def _at(positions: Sequence[int], count: int) -> pa.BooleanArray:
    mask = np.zeros(count, np.bool_)
    mask[list(positions)] = True
    return pa.array(mask)


def _taken(marks: Marks, rows: np.ndarray) -> Marks:
    take = pa.array(rows)
    given = (marks.clear, marks.skip, marks.unassign)
    return Marks(*(None if one is None else one.take(take) for one in given))


def _filled(values: pa.Array, empty: pa.BooleanArray, default: pa.Array) -> pa.Array:
    if not pa.types.is_nested(values.type):
        return pc.if_else(empty, default[0], values)
    both = pa.concat_arrays([values, default])
    take = np.where(empty.to_numpy(zero_copy_only=False), len(values), np.arange(len(values)))
    return both.take(pa.array(take))


def repeated(one: pa.Array, count: int) -> pa.Array:
    """Return the single value of `one`, `count` times."""
    if pa.types.is_nested(one.type):
        return one.take(pa.array(np.zeros(count, np.int64)))
    return pa.repeat(one[0], count)
