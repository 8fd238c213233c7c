"""What stands on the server of the records that a plan is about, attribute values among it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.applying.facing import Live
from etl.model import ChangeKind
from etl.planning.attributes import ASSIGN, REMOVE
from etl.resolving import RecordFinder
from etl.resolving.attribute_values import AttributeReader, LiveValues

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from etl.api import Client
    from etl.model import Changes
    from etl.planning import KnownAttribute, PartGround
    from etl.planning.from_lines import Intended
    from etl.resolving.keys import Record
    from etl.schema import EntitySchema, Schema


@dataclass(slots=True)
class LiveReader:
    """Asks in bulk; remembers how the server shows attribute values."""

    client: Client
    schema: Schema
    ground: Sequence[PartGround]
    folder: Path
    """Of the run."""
    _readers: dict[str, AttributeReader] = field(default_factory=dict)

    def part(self, changes: Changes) -> PartGround | None:
        """Return what is known of the part that changes belong to."""
        fitting = [one for one in self.ground if one.entity == changes.entity]
        exact = [one for one in fitting if one.part == changes.part]
        return next(iter(exact), None)

    def attributes(self, entity: str) -> dict[str, KnownAttribute]:
        """Return by payload key the attributes of an entity that the plan may give values to."""
        return {
            one.target.key: one for part in self.ground if part.entity == entity for one in part.attributes
        }

    def reader(self, entity: EntitySchema) -> AttributeReader:
        """Return what reads attribute values of an entity."""
        if entity.name not in self._readers:
            types = {one.target.attribute_id: one.type for one in self.attributes(entity.name).values()}
            self._readers[entity.name] = AttributeReader(self.client, entity, schema=self.schema, types=types)
        return self._readers[entity.name]

    async def read(self, intended: Intended, entity: EntitySchema) -> Live:
        """Return what stands there of the records of a group.

        Raises:
            RequestFailed, NoAccess: the server could not be asked.
        """
        changes = intended.changes
        ids: list[str] = changes.ids.to_pylist()
        keys = dict.fromkeys((*changes.columns, *changes.clears, *intended.removals))
        select = [key for key in keys if entity.by_payload_key(key) is not None or key in entity.fields]
        found = await self.client.look_up(entity.name, "id", ids, select=("id", *select, "modifiedAt"))
        records: dict[str, Record] = {str(one["id"]): one for one in found}
        values = await self._values(changes, list(records), keys=list(keys), entity=entity)
        for record_id, more in values.values.items():
            if record_id in records:
                records[record_id] = {**records[record_id], **more}
        return Live(records, values.assigned, await self._others(changes, records))

    async def _values(
        self, changes: Changes, there: Sequence[str], *, keys: Sequence[str], entity: EntitySchema
    ) -> LiveValues:
        known = self.attributes(changes.entity)
        targets = [known[key].target for key in keys if key in known]
        if not targets and (ASSIGN in keys or REMOVE in keys):
            targets = [one.target for one in known.values()]
        if not targets or not there:
            return LiveValues()
        return await self.reader(entity).read(there, targets)

    async def _others(self, changes: Changes, records: dict[str, Record]) -> dict[str, str]:
        """Records that took the key of one that is to be created."""
        part = self.part(changes)
        rows = zip(changes.kinds, changes.ids.to_pylist(), changes.keys.to_pylist(), strict=True)
        new = {key: one for kind, one, key in rows if kind is ChangeKind.CREATE and one not in records}
        if part is None or part.key_fields in ((), ("id",)) or not new:
            return {}
        finder = RecordFinder(
            self.client, changes.entity, key_fields=part.key_fields, select=(), folder=self.folder, salt=""
        )
        standing = await finder.standing(list(new))
        return {key: str(hits[0]["id"]) for key, hits in standing.items() if hits}
