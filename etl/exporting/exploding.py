"""Several values of a cell: one row for each, `--explode`, or one column for each, `--spread`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def exploded(table: pa.Table, header: str) -> pa.Table:
    """Return a row for each value of a list column, with the other cells repeated.

    A row without any value stays one row. Other columns with several values keep them all in each row.
    """
    lists = table[header].combine_chunks()
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    padded = pa.array(
        [one or [None] for one in lists.to_pylist()] if (counts == 0).any() else lists, lists.type
    )
    rows = pc.list_parent_indices(padded)
    at = table.column_names.index(header)
    return table.take(rows).set_column(at, header, padded.flatten())


def widest(tables: Iterable[pa.Table], header: str) -> int:
    """Return how many values the fullest cell of a list column has; at least one."""
    found = [pc.max(pc.list_value_length(table[header])).as_py() or 0 for table in tables]
    return max(found, default=0) or 1


def spread_out(table: pa.Table, header: str, width: int) -> pa.Table:
    """Return the table with `width` columns in place of a list column: `tag 1`, `tag 2` and so on."""
    at = table.column_names.index(header)
    lists = table[header].combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) and lists.num_chunks else lists
    rows = lists.to_pylist()
    kind = table.schema.field(header).type.value_type
    table = table.remove_column(at)
    for place in range(width):
        cells = [one[place] if one is not None and len(one) > place else None for one in rows]
        table = table.add_column(at + place, f"{header} {place + 1}", pa.array(cells, kind))
    return table


def check_multiple(header: str, headers: Sequence[str], *, multiple: Sequence[str], option: str) -> None:
    """Refuse a column that is not there, or holds one value.

    Raises:
        ConfigurationInvalid: with the columns that could be meant.
    """
    if header in multiple:
        return
    what = f'"{header}" holds one value.' if header in headers else f'there is no column "{header}".'
    listed = ", ".join(multiple) or "none here"
    raise ConfigurationInvalid(option, what=what, advice=f"Columns with several values: {listed}.")
