"""Conditions on one table while they are compiled to SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity
    from etl.sandbox.storage import SqlValue


@dataclass(slots=True)
class Filter:
    """Conditions on one table, while they are compiled."""

    session: Session
    entity: Entity
    alias: str
    """What the table is called in this query."""
    values: list[SqlValue]
    """Parameters in the order of the SQL."""
    depth: int = 0
    """How many subqueries stand around; makes aliases unique."""

    def column(self, name: str) -> str:
        """Return a column as SQL."""
        return f'{self.alias}."{name}"'

    def inner(self, entity: Entity) -> Filter:
        """Return a filter for a subquery that shares the parameters."""
        return Filter(self.session, entity, f"{self.alias}_{self.depth}x", self.values, self.depth + 1)
