"""Which rows count: filters and commands of the mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text
from etl.mapping.convert.faults import Faults

if TYPE_CHECKING:
    from etl.mapping.binding import Bound
    from etl.mapping.columns import Columns
    from etl.mapping.loading import Mapping

COMMANDS = pa.array(["create", "update", "delete", "ignore"])


def chosen_rows(columns: Columns, bound: Bound, mapping: Mapping) -> tuple[Columns, bool]:
    """Return the columns of the rows that count, and whether any row was left out.

    A row where the filter fails stays: its failure is told when it is translated.
    """
    before = len(columns)
    if bound.where is not None:
        faults = Faults()
        truths = bound.where.of_rows(columns, faults)
        failed = {one.position for one in faults.found}
        columns = columns.only(
            pa.array([bool(one) or at in failed for at, one in enumerate(truths)], pa.bool_())
        )
    if mapping.doc.rows.command is not None:
        commands, _ = commands_of(columns, mapping)
        columns = columns.only(pc.fill_null(pc.not_equal(commands, "ignore"), fill_value=True))
    return columns, len(columns) < before


def commands_of(columns: Columns, mapping: Mapping) -> tuple[pa.StringArray, Faults]:
    """Return what the source says of each row, null where nothing, and the cells that are no command."""
    faults = Faults()
    doc = mapping.doc.rows.command
    if doc is None:
        return pa.nulls(len(columns), pa.string()), faults
    texts = pc.utf8_trim_whitespace(as_text(columns.cells(doc.column)))
    if doc.values:
        found = pc.index_in(texts, value_set=pa.array(list(doc.values), pa.string()))
        named = pa.array(list(doc.values.values()), pa.string()).take(found)
        commands = pc.coalesce(named, pc.utf8_lower(texts))
    else:
        commands = pc.utf8_lower(texts)
    known = pc.is_in(commands, value_set=COMMANDS)
    faults.mark(pc.and_(pc.invert(known), texts.is_valid()), texts, code="command_unknown")
    return pc.if_else(known, commands, pa.scalar(None, pa.string())), faults
