"""One row for each of several values: `--explode`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def check_explode(header: str, headers: Sequence[str], *, multiple: Sequence[str]) -> None:
    """Refuse a column that is not there, or holds one value.

    Raises:
        ConfigurationInvalid: with the columns that could be meant.
    """
    if header in multiple:
        return
    what = f'"{header}" holds one value.' if header in headers else f'there is no column "{header}".'
    listed = ", ".join(multiple) or "none here"
    raise ConfigurationInvalid("--explode", what=what, advice=f"Columns with several values: {listed}.")
