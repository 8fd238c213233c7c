"""Several pieces in one cell: cells of text <-> lists of text. Pieces are trimmed, blank ones dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text, is_empty

if TYPE_CHECKING:
    from etl.mapping.parts import SplitDoc


def split(cells: pa.Array, rule: SplitDoc) -> pa.ListArray:
    """Return the pieces of each cell; null where the cell is null or has no piece but blanks."""
    if pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type):
        return tidy(cells)
    texts = as_text(cells)
    if rule.escape is None or not pc.any(pc.match_substring(texts, rule.escape)).as_py():
        return tidy(pc.split_pattern(texts, rule.by))
    pieces = [None if text is None else _unescaped(text, rule.by, rule.escape) for text in texts.to_pylist()]
    return tidy(pa.array(pieces, pa.list_(pa.string())))


def _unescaped(text: str, by: str, escape: str) -> list[str]:
    pieces, current, position = [], "", 0
    while position < len(text):
        if text[position] == escape and position + 1 < len(text):
            step = len(by) if text.startswith(by, position + 1) else 1
            current += text[position + 1 : position + 1 + step]
            position += 1 + step
        elif text.startswith(by, position):
            pieces.append(current)
            current = ""
            position += len(by)
        else:
            current += text[position]
            position += 1
    return [*pieces, current]


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


def joined(lists: pa.ListArray, rule: SplitDoc | None) -> pa.StringArray:
    """Return the pieces of each list in one text; the inverse of `split`. Without a rule: of `single`."""
    if rule is None:
        return pc.binary_join(lists, ",")
    if rule.escape is not None:
        pieces = pc.replace_substring(lists.flatten(), rule.escape, rule.escape * 2)
        lists = with_pieces(lists, pc.replace_substring(pieces, rule.by, rule.escape + rule.by))
    return pc.binary_join(lists, rule.by)
