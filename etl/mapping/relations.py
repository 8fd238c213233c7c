"""Records of relation entities: one per piece of a cell or row of a group, each with fields of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert import pieces as lists
from etl.mapping.convert.cells import as_text
from etl.mapping.convert.faults import Fault, Faults
from etl.mapping.convert.numbers import Decimals
from etl.mapping.expressions import Named
from etl.mapping.origins import stepped
from etl.model import LinkTexts, RelationRecords

if TYPE_CHECKING:
    from etl.mapping.columns import Columns
    from etl.mapping.convert.link_texts import LinkForm
    from etl.mapping.convert.steps import Step
    from etl.mapping.fields import FieldRule
    from etl.mapping.filing import Filing
    from etl.mapping.grouping import Groups
    from etl.mapping.origins import Source
    from etl.mapping.parts import SplitDoc
    from etl.model import LinkTarget


@dataclass(frozen=True, slots=True)
class RelationRule:
    """Relation records of one entry of a mapping."""

    name: str
    entity: str
    owner_key: str
    target: LinkTarget
    origin: Source
    steps: tuple[Step, ...] = ()
    split: SplitDoc | None = None
    form: LinkForm | None = None
    unique: bool = False
    order_by: str | None = None
    fields: tuple[FieldRule, ...] = ()
    fixed: tuple[tuple[LinkTarget, str], ...] = ()
    """Further links that are the same for every record: the association."""
    labels: tuple[str, ...] = ()
    filing: Filing | None = None
    """Of pieces that are files; None: they are texts."""
    on_empty: str = "skip"
    """With `clear` a record without a piece loses its links."""
    skips_bad_cells: bool = False
    """Bad pieces are left out, with a warning, instead of stopping their row."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that are read, as the mapping names them."""
        order = (self.order_by,) if self.order_by else ()
        inner = tuple(name for one in self.fields for name in one.columns)
        places = self.filing.columns if self.filing else ()
        return tuple(dict.fromkeys((*self.origin.columns, *order, *inner, *places)))

    def make(
        self, columns: Columns, groups: Groups | None
    ) -> tuple[RelationRecords, list[tuple[str, Fault]]]:
        """Return the records of one frame, and bad cells as (column, fault), by rows of the frame."""
        faults = Faults()
        cells = self.origin.cells(columns, faults)
        pieces = lists.split(cells, self.split) if self.split else lists.single(cells)
        parents = pc.list_parent_indices(pieces)
        inner = faults.of_pieces(parents)
        texts = as_text(stepped(pieces.flatten(), self.steps, inner))
        texts = pc.utf8_normalize(pc.utf8_trim_whitespace(texts), form="NFC")
        texts = self.form.formed(texts, inner) if self.form else texts
        if self.filing is not None:
            texts, parents = self.filing.several(texts, parents, inner)
        found = [(", ".join(self.labels), one) for one in faults.found]
        rows = parents.to_numpy(zero_copy_only=False).astype(np.int64)
        order = self._order(columns, texts, rows=rows, groups=groups)
        texts, rows = texts.take(pa.array(order)), rows[order]
        owners = rows if groups is None else groups.of_rows[rows]
        indexes = _indexes(owners)
        items = columns.at(pa.array(rows), _items(texts, indexes))
        made = {}
        for rule in self.fields:
            one = rule.make(items)
            made[rule.key] = one.values
            for fault in one.faults:
                place = Fault(int(rows[fault.position]), fault.code, fault.value, fault.facts)
                found.append((", ".join(rule.labels), place))
        numbers = columns.numbers.take(pa.array(rows))
        bad = {fault.position for _, fault in found}
        replaced = self._replaced(columns, cells, owners, groups=groups, bad=bad)
        if self.filing is not None:
            texts = self.filing.placed_each(texts, rows, indexes, columns=columns, groups=groups)
        links = [LinkTexts(self.target, ", ".join(self.labels), texts)]
        links += [LinkTexts(link, "", pa.repeat(pa.scalar(text), len(rows))) for link, text in self.fixed]
        records = RelationRecords(
            self.name,
            self.entity,
            self.owner_key,
            owners=pa.array(owners, pa.int64()),
            numbers=numbers,
            links=tuple(links),
            columns=made,
            replaced=replaced,
        )
        return records, found

    def _replaced(
        self,
        columns: Columns,
        cells: pa.Array,
        owners: np.ndarray,
        *,
        groups: Groups | None,
        bad: set[int],
    ) -> pa.BooleanArray | None:
        """Which records lose the links that are not theirs any more; never those with a piece left out."""
        of_rows = np.arange(len(columns)) if groups is None else groups.of_rows
        count = len(columns) if groups is None else len(groups)
        marks = self.origin.marks(columns)
        clear = np.zeros(len(columns), np.bool_)
        if marks.clear is not None:
            clear |= marks.clear.to_numpy(zero_copy_only=False)
        cleared = np.zeros(count, np.bool_)
        cleared[of_rows[clear]] = True
        has_some = np.zeros(count, np.bool_)
        has_some[owners] = True
        if self.on_empty == "clear":
            said = cells.is_valid() if marks.any is None else pc.or_(cells.is_valid(), marks.any)
            has_said = np.zeros(count, np.bool_)
            has_said[of_rows[said.to_numpy(zero_copy_only=False)]] = True
            cleared |= ~has_said
        found = cleared | has_some if self.target.replaces else cleared
        found[of_rows[sorted(bad)]] = False
        return pa.array(found) if found.any() else None

    def _order(
        self, columns: Columns, texts: pa.StringArray, *, rows: np.ndarray, groups: Groups | None
    ) -> np.ndarray:
        """Return which pieces become records, and in which order."""
        owners = rows if groups is None else groups.of_rows[rows] if len(rows) else rows
        order = np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False))
        if self.order_by is not None:
            ranks = Decimals().to_value(columns.cells(self.order_by), Faults())
            ranks = pc.fill_null(ranks, np.inf).to_numpy(zero_copy_only=False)[rows]
            order = order[np.lexsort((ranks[order], owners[order]))]
        if not self.unique:
            return order
        seen: set[tuple[int, str]] = set()
        known = texts.to_pylist()
        kept = []
        for one in order:
            mark = (int(owners[one]), known[one])
            if mark not in seen:
                seen.add(mark)
                kept.append(one)
        return np.array(kept, np.int64)


def _indexes(owners: np.ndarray) -> list[int]:
    """Which record of its owner each one is, 1-based."""
    indexes: list[int] = []
    index, before = 0, -1
    for owner in owners.tolist():
        index = index + 1 if owner == before else 1
        before = owner
        indexes.append(index)
    return indexes


def _items(texts: pa.StringArray, indexes: list[int]) -> list[dict[str, object]]:
    """What expressions see of each record as `item`: `index` (1-based within its owner), `first`, `value`."""
    return [
        {"item": Named({"index": index, "first": index == 1, "value": text})}
        for text, index in zip(texts.to_pylist(), indexes, strict=True)
    ]


def kept_records(records: RelationRecords, kept: pa.BooleanArray) -> RelationRecords:
    """Return the records whose owners stay, with the positions that these have then."""
    stays = kept.to_numpy(zero_copy_only=False)
    owners = records.owners.to_numpy(zero_copy_only=False)
    mask = pa.array(stays[owners] if len(owners) else np.zeros(0, np.bool_))
    moved = (np.cumsum(stays) - 1)[owners[np.asarray(mask)]] if len(owners) else owners
    return RelationRecords(
        records.field,
        records.entity,
        records.owner_key,
        owners=pa.array(moved, pa.int64()),
        numbers=records.numbers.filter(mask),
        links=tuple(LinkTexts(one.target, one.column, one.texts.filter(mask)) for one in records.links),
        columns={key: values.filter(mask) for key, values in records.columns.items()},
        replaced=None if records.replaced is None else records.replaced.filter(kept),
        unmarks=records.unmarks,
    )
