"""Linked objects (`{"brand": {"name": …}}`): servers before 2.2 take them without a word and drop them.

So the first record that carries some goes alone and is read back. Source: observations, "Linked objects".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from etl.errors import ObjectsNotKept
from etl.model import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.api import Client
    from etl.model import Changes
    from etl.schema import EntitySchema


@dataclass(slots=True)
class LinkedObjects:
    """Tries linked objects on one record."""

    client: Client
    entity: EntitySchema
    keys: Sequence[str]
    """Payload keys that carry objects: the names of link fields."""
    is_trying: bool
    """False once they are known to be kept, or where nothing is sent."""

    def first(self, changes: Changes) -> int | None:
        """Return the first record that is sent with an object; None where nothing needs to be tried."""
        if not self.is_trying:
            return None
        for position, kind in enumerate(changes.kinds):
            is_sent = kind in (ChangeKind.CREATE, ChangeKind.UPDATE)
            if is_sent and any(changes.columns[key][position].is_valid for key in self.keys_of(changes)):
                return position
        return None

    def keys_of(self, changes: Changes) -> list[str]:
        """Return the keys that these changes carry objects under."""
        return [
            key for key in self.keys if key in changes.columns and pc.any(changes.columns[key].is_valid())
        ]

    async def look(self, changes: Changes, *, position: int) -> None:
        """Read back the record that went alone.

        Raises:
            ObjectsNotKept: a link of it is empty; nothing else was sent.
            RequestFailed, NoAccess: the server could not be asked.
        """
        sent = [key for key in self.keys_of(changes) if changes.columns[key][position].is_valid]
        keys = {key: self.entity.fields[key].payload_key for key in sent}
        record_id = changes.ids[position].as_py()
        found = await self.client.look_up(self.entity.name, "id", [record_id], select=("id", *keys.values()))
        for key, stored in keys.items():
            if found and not found[0].get(stored):
                raise ObjectsNotKept(key, self.entity.name)
        # A record that is not there was refused: the next one will tell.
        self.is_trying = not found
