"""Several pieces in one cell: cells of text <-> lists of text. Pieces are trimmed, blank ones dropped."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text, is_empty


def split(cells: pa.Array, by: str) -> pa.ListArray:
    """Return the pieces of each cell; null where the cell is null or has no piece but blanks."""
    if pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type):
        return tidy(cells)
    return tidy(pc.split_pattern(as_text(cells), by))


def single(cells: pa.Array) -> pa.ListArray:
    """Return lists of one piece each; null stays null."""
    if pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type):
        return tidy(cells)
    counts = pc.cast(cells.is_valid(), pa.int32()).to_numpy(zero_copy_only=False)
    return rebuilt(cells.drop_null(), counts)


def tidy(lists: pa.ListArray) -> pa.ListArray:
    """Return the lists with trimmed pieces and without blank ones; empty lists become null."""
    pieces = pc.utf8_trim_whitespace(as_text(lists.flatten()))
    kept = pc.invert(is_empty(pieces))
    rows = pc.list_parent_indices(lists).filter(kept).to_numpy(zero_copy_only=False)
    return rebuilt(pieces.filter(kept), np.bincount(rows, minlength=len(lists)))


def rebuilt(pieces: pa.Array, counts: np.ndarray) -> pa.ListArray:
    """Return lists of `counts[i]` consecutive pieces each; null where the count is 0."""
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    nothing = pa.array(counts == 0, pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets), pieces, mask=nothing)


def with_pieces(lists: pa.ListArray, pieces: pa.Array) -> pa.ListArray:
    """Return the same lists over other pieces, as many as there were."""
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return rebuilt(pieces, counts)


def joined(lists: pa.ListArray, by: str) -> pa.StringArray:
    """Return the pieces of each list in one text; the inverse of `split`."""
    return pc.binary_join(lists, by)
