"""What files look like from outside, as part of what their rows are made from; nothing of them is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import xxhash

if TYPE_CHECKING:
    from etl.mapping import Rules
    from etl.model import Frame


@dataclass(slots=True)
class FileLooks:
    """Joins what the files of rows look like to the digests of their cells."""

    rules: Rules
    unsteady: int = 0
    """Rows met so far that name addresses, or files just written: nobody can tell whether these change."""

    def __call__(self, frame: Frame, cells: pa.Array) -> pa.Array:
        """Return the digests of the rows of a frame; null where the row is another one each time."""
        if not self.rules.names_files:
            return cells
        states = self.rules.file_states(frame)
        self.unsteady += sum(state is None for state in states)
        joined = [
            None if state is None else xxhash.xxh3_128_digest(digest + state) if state else digest
            for digest, state in zip(cells.to_pylist(), states, strict=True)
        ]
        return pa.array(joined, cells.type)
