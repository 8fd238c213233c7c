"""The cells of one column that cannot be used. Only they become objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

SHOWN = 200
"""Characters of a cell that a message shows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One cell that cannot be used."""

    position: int
    """0-based, among the cells of the column."""
    code: str
    """A key of `problems.CATALOGUE`."""
    value: str
    facts: Mapping[str, str]


@dataclass(slots=True)
class Faults:
    """Collects the bad cells of one column."""

    found: list[Fault] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    """Positions of cells that the mapping wants to be left alone: neither a value nor empty."""
    parents: pa.Array | None = None
    """Of the pieces of split cells: the position of each piece's cell. None: these are the cells."""

    def of_pieces(self, parents: pa.Array) -> Faults:
        """Return a view for the pieces of split cells; what it finds is found here too."""
        return Faults(self.found, self.left, parents)

    def mark(
        self,
        bad: pa.BooleanArray,
        cells: pa.Array,
        *,
        code: str,
        facts: Callable[[str], Mapping[str, str]] | Mapping[str, str] | None = None,
    ) -> None:
        """Record the cells where `bad` is true; null there counts as false."""
        where = pc.indices_nonzero(bad)
        if not len(where):
            return
        texts = as_text(cells.take(where)).to_pylist()
        for position, text in zip(self._cells_of(where), texts, strict=True):
            given = facts(text or "") if callable(facts) else facts or {}
            self.found.append(Fault(position, code, (text or "")[:SHOWN], given))

    def leave(self, alone: pa.BooleanArray) -> None:
        """Record cells that are to be left alone."""
        where = pc.indices_nonzero(alone)
        if len(where):
            self.left.update(self._cells_of(where))

    def _cells_of(self, where: pa.Array) -> list[int]:
        positions: list[int] = (where if self.parents is None else self.parents.take(where)).to_pylist()
        return positions
