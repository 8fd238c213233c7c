"""Somebody else at work in the same AtroCore: creates, renames and deletes records meanwhile."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from etl.sandbox import records, removing
from etl.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from etl.sandbox.instance import Session

_ENTITIES = ("Brand", "Category", "Product")


class OtherWriter:
    """Does one thing at a time, the same things for the same seed."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(f"{seed}:other_writer" if seed is not None else None)  # noqa: S311  # no secret
        self._made = 0

    def act(self, session: Session) -> None:
        """Create, rename or delete one record."""
        names = [name for name in _ENTITIES if name in session.instance.schema.entities]
        if not names:
            return
        name = self._random.choice(names)
        action = self._random.choice(("create", "rename", "delete"))
        try:
            if action == "create":
                self._made += 1
                records.create(session, name, {"name": f"Somebody's {name} {self._made}"})
            else:
                self._change(session, name, action)
        except Refusal:
            return

    def _change(self, session: Session, name: str, action: str) -> None:
        found = session.rows(f'SELECT id FROM "{name}" WHERE deleted = 0 ORDER BY id LIMIT 50')
        if not found:
            return
        record_id = str(self._random.choice(found)[0])
        if action == "delete":
            removing.delete(session, name, record_id)
            return
        self._made += 1
        records.update(session, name, record_id, {"name": f"Renamed by somebody {self._made}"})
