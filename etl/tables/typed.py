"""Columns of Python cells, as workbooks and JSON give them, to frames."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from etl.tables.table import to_frame
from etl.tables.values import breaks, to_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.model import Frame, UnreadableRow
    from etl.tables.records import Positions
    from etl.tables.values import Cell


def typed_frames(
    columns: Sequence[Sequence[Cell]],
    header: Sequence[str],
    numbers: Positions,
    *,
    name: str,
    sheet: str | None = None,
    unreadable: Sequence[UnreadableRow] = (),
) -> Iterator[Frame]:
    """Yield rows as one frame, or as several where a column mixes types (see `values.breaks`).

    Rows without any content are left out.

    Args:
        columns: one per name of the header, each as long as `numbers`.
        unreadable: rows between these, sorted.
    """
    cuts_of = [breaks(cells) for cells in columns]
    cuts = sorted({0, len(numbers), *(at for found in cuts_of for at in found)})
    left = list(unreadable)
    if len(cuts) == 1:
        cuts = [0, 0]
    # A column of one type is converted once, however many frames the others make of it.
    whole = [None if found else to_column(cells) for cells, found in zip(columns, cuts_of, strict=True)]
    keep = np.zeros(len(numbers), np.bool_)
    for cells, array in zip(columns, whole, strict=True):
        keep |= [cell is not None for cell in cells] if array is None else _valid(array)
    for first, end in pairwise(cuts):
        arrays = [
            to_column(cells[first:end]) if array is None else array.slice(first, end - first)
            for cells, array in zip(columns, whole, strict=True)
        ]
        data, here = pa.table(arrays, names=list(header)), numbers[first:end]
        if not keep[first:end].all():
            data, here = data.filter(pa.array(keep[first:end])), here[keep[first:end]]
        is_last = end == len(numbers)
        broken = [one for one in left if is_last or one.row < numbers[end]]
        left = left[len(broken) :]
        if len(here) or broken:
            yield to_frame(data, pa.array(here), name=name, sheet=sheet, unreadable=tuple(broken))


def _valid(array: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = array.is_valid().to_numpy(zero_copy_only=False)
    return found
