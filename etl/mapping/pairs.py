"""Names and values in pairs of columns: each row names the attributes that it has values of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.attributes import AttributeRule, compile_attribute, find_attribute, parse_address
from etl.mapping.columns import Marks
from etl.mapping.convert.cells import as_text
from etl.mapping.convert.faults import Fault, Faults
from etl.mapping.document import AttributeDoc

if TYPE_CHECKING:
    from etl.mapping.attributes import PairRule
    from etl.mapping.columns import Columns
    from etl.mapping.compiling import Compiler
    from etl.mapping.fields import Made
    from etl.mapping.grouping import Groups


@dataclass(frozen=True, slots=True)
class NamedCells:
    """The cells that rows hold under one of some names."""

    pairs: tuple[tuple[str, str], ...]
    names: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the values."""
        return tuple(values for _, values in self.pairs)

    def cells(self, columns: Columns, faults: Faults) -> pa.StringArray:  # noqa: ARG002  origins share one shape
        """Return the first cell that each row holds under such a name."""
        wanted = pa.array(self.names, pa.string())
        found = []
        for names, values in self.pairs:
            named = pc.is_in(pc.utf8_trim_whitespace(as_text(columns.cells(names))), value_set=wanted)
            found.append(pc.if_else(named, as_text(columns.cells(values)), pa.scalar(None, pa.string())))
        return pc.coalesce(*found)

    def marks(self, columns: Columns) -> Marks:
        """Return where such a cell is a marker."""
        wanted = pa.array(self.names, pa.string())
        found: dict[str, pa.BooleanArray] = {}
        for names, values in self.pairs:
            marks = columns.marks(values)
            named = pc.is_in(pc.utf8_trim_whitespace(as_text(columns.cells(names))), value_set=wanted)
            for kind in ("clear", "skip", "unassign"):
                mask = getattr(marks, kind)
                if mask is not None:
                    here = pc.and_(mask, named)
                    found[kind] = pc.or_(found[kind], here) if kind in found else here
        return Marks(found.get("clear"), found.get("skip"), found.get("unassign"))


def made_of_pairs(
    pair: PairRule, compiler: Compiler, columns: Columns, groups: Groups | None
) -> tuple[list[tuple[AttributeRule, Made]], list[tuple[str, Fault]]]:
    """Return the values of every attribute that a frame names, and bad cells as (column, fault)."""
    found: list[tuple[str, Fault]] = []
    by_address: dict[str, list[str]] = {}
    for names, _ in pair.pairs:
        texts = pc.utf8_trim_whitespace(as_text(columns.cells(names)))
        for name in texts.drop_null().unique().to_pylist():
            address = _address(pair, name)
            if address is None:
                found += [(names, fault) for fault in _unknown(pair, texts, name, compiler)]
            elif name not in by_address.setdefault(address, []):
                by_address[address].append(name)
    made = []
    for address, names_of in by_address.items():
        for rule in _rules(pair, address, tuple(names_of), compiler):
            one = rule.rule.make(columns, groups)
            made.append((rule, one))
            found += [(", ".join(rule.rule.labels), fault) for fault in one.faults]
    return made, found


def _address(pair: PairRule, name: str) -> str | None:
    address = pair.doc.as_.get(name)
    if pair.facts is None or address is not None:
        return address or name
    parts = parse_address(name)
    known = find_attribute(pair.facts, name) or (find_attribute(pair.facts, parts["name"]) if parts else None)
    return (known.code or known.attribute_id) if known else None


def _unknown(pair: PairRule, texts: pa.StringArray, name: str, compiler: Compiler) -> list[Fault]:
    if pair.doc.missing == "skip":
        return []
    faults = Faults()
    code = "attribute_unknown" if pair.doc.missing == "fail" else "attribute_unknown_reported"
    faults.mark(pc.equal(texts, name), texts, code=code, facts={"entity": compiler.entity.name})
    return faults.found


def _rules(pair: PairRule, address: str, names: tuple[str, ...], compiler: Compiler) -> list[AttributeRule]:
    if (address, names) not in pair.compiled:
        origin = NamedCells(pair.pairs, names)
        given = pair.doc.model_dump(
            by_alias=True, exclude_unset=True, exclude={"names", "cells", "as_", "missing"}
        )
        doc = AttributeDoc.model_validate({**given, "column": pair.pairs[0][1]}, strict=False)
        rules = compile_attribute(compiler, address, doc, facts=pair.facts, path=pair.path, origin=origin)
        # A row that does not name an attribute says nothing about it: it neither clears nor misses it.
        pair.compiled[address, names] = [
            replace(one, rule=replace(one.rule, on_empty="skip", default=None)) for one in rules
        ]
    return pair.compiled[address, names]
