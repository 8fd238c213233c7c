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
    cuts = sorted({0, len(numbers), *(at for cells in columns for at in breaks(cells))})
    left = list(unreadable)
    if len(cuts) == 1:
        cuts = [0, 0]
    for first, end in pairwise(cuts):
        is_whole = end - first == len(numbers)
        arrays = [to_column(cells if is_whole else cells[first:end]) for cells in columns]
        here = numbers[first:end]
        keep = np.zeros(len(here), np.bool_)
        for array in arrays:
            keep |= array.is_valid().to_numpy(zero_copy_only=False)
        data = pa.table(arrays, names=list(header))
        if not keep.all():
            data, here = data.filter(pa.array(keep)), here[keep]
        is_last = end == len(numbers)
        broken = [one for one in left if is_last or one.row < numbers[end]]
        left = left[len(broken) :]
        if len(here) or broken:
            yield to_frame(data, pa.array(here), name=name, sheet=sheet, unreadable=tuple(broken))
