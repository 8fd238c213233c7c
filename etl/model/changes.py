"""What shall be done with records."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from etl.model.rows import Problem


class ChangeKind(StrEnum):
    """What a plan says of one record."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DELETE = "delete"
    BLOCKED = "blocked"
    """It cannot be sent; a Problem says why (renamed, ambiguous key, missing link, no right)."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What shall be done with records of one entity, position by position."""

    entity: str
    file: str
    sheet: str | None
    numbers: pa.Int64Array
    """Source row of each record; 0: a record that no row stands for by itself (a created link target)."""
    keys: pa.StringArray
    ids: pa.StringArray
    """The id found on the server, or our own for a create (law 5). Never null."""
    kinds: Sequence[ChangeKind]
    columns: Mapping[str, pa.Array]
    """Payload key -> what is sent; null: not sent. Without `id`."""
    clears: Mapping[str, pa.BooleanArray] = dataclasses.field(default_factory=dict)
    appends: frozenset[str] = frozenset()
    """Payload keys of multi-links whose ids are added to what is there."""
    old: Mapping[str, pa.Array] = dataclasses.field(default_factory=dict)
    """Payload key -> the value that stood there, for the fields of updates."""
    problems: tuple[Problem, ...] = ()
    """Why records are blocked, and warnings."""
    members: Mapping[int, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    part: str = ""
    """Which of several records of a row this is; empty: the row's own."""
    prev_keys: frozenset[str] = frozenset()
    """Payload keys of `old` that are sent along, for the server to refuse what was changed meanwhile."""
    carries_attributes: bool = False
    """True: among the columns are attribute values, beside the fields."""
    attribute_keys: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """Payload key -> id of the attribute and the key of its value (`value`, `valueUnitId`), where values go
    through the simple endpoints; empty: they go like all others."""

    def __len__(self) -> int:
        """Records."""
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class Batch:
    """One request of the bulk upsert: JSON, and what each of its items stands for, in their order."""

    number: int
    """1-based within a run, in the order in which batches were made."""
    entity: str
    body: bytes
    """The JSON array as it is sent."""
    changes: Changes
    """What the items were made from, position by position: creates and updates only."""

    def __len__(self) -> int:
        """Items."""
        return len(self.changes)
