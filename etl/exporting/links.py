"""Records that others link to, read in bulk for a page at a time and remembered as far as memory allows."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from etl.exporting.columns import DEEPEST, DOWNLOAD, SHARINGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import Client, Record
    from etl.exporting.columns import Column, Step
    from etl.schema import EntitySchema, FieldSchema, Schema

SHARING = "Sharing"
KEPT = 50_000
"""Linked records of one entity that are remembered, besides those of the page at work."""


class Links:
    """What columns need of linked records."""

    def __init__(self, client: Client, schema: Schema, *, entity: str, columns: Sequence[Column]) -> None:
        self._client, self._schema, self._entity = client, schema, entity
        ends = [(one.steps, one.key) for one in columns if not one.is_id]
        for naming, steps in ((one.naming, one.steps) for one in columns if one.naming is not None):
            ends += [(steps, key) for key in naming.by]
            if naming.above is not None:
                ends.append(((*steps, *[naming.above] * DEEPEST), naming.by[0]))
        ends += [((*one.steps, one.unit), "name") for one in columns if one.unit is not None]
        self._chains = [steps for steps, _ in ends if steps]
        self._keys: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._known: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        for steps, end in ends:
            for at, step in enumerate(steps):
                key = steps[at + 1].key if at + 1 < len(steps) else end
                if key in (DOWNLOAD, SHARINGS):
                    key = "name"  # these cannot be selected
                if key != "id":
                    self._keys[step.entity][key] = None

    def get(self, entity: str, record_id: str) -> Record | None:
        """Return a linked record; None where it is gone, or nobody asked for it."""
        return self._known[entity].get(record_id) or None

    async def ask(self, records: Sequence[Record]) -> None:
        """Read everything that these records lead to, one request per entity and hundred ids.

        Raises:
            RequestFailed, NoAccess: see `Client.ask`.
        """
        # Where each chain of links has got to: the records at hand, and the entity they are of.
        fronts: list[tuple[str, Sequence[Record]]] = [(self._entity, records)] * len(self._chains)
        for depth in range(max(map(len, self._chains), default=0)):
            wanted: defaultdict[str, dict[str, None]] = defaultdict(dict)
            ids_of: list[list[str]] = []
            for chain, (entity, front) in zip(self._chains, fronts, strict=True):
                ids: list[str] = []
                if depth < len(chain):
                    step = chain[depth]
                    if step.key == SHARINGS:
                        await self._fill_sharings(front)
                    else:
                        await self._fill(entity, step, front)
                    ids = [one for record in front for one in ids_in(record, step)]
                    wanted[step.entity].update(dict.fromkeys(ids))
                ids_of.append(ids)
            for entity, ids_wanted in wanted.items():
                await self._read(entity, ids_wanted)
            fronts = [
                (chain[depth].entity, [found for one in ids if (found := self.get(chain[depth].entity, one))])
                if depth < len(chain)
                else front
                for chain, front, ids in zip(self._chains, fronts, ids_of, strict=True)
            ]

    async def _read(self, entity: str, ids: Mapping[str, None]) -> None:
        known = self._known[entity]
        missing = [one for one in ids if one not in known]
        if not missing:
            return
        if len(known) + len(missing) > KEPT:
            for one in [one for one in known if one not in ids]:
                del known[one]
        keys = list(self._keys[entity])
        if not keys:
            known.update({one: {"id": one} for one in missing})
            return
        for record in await self._client.look_up(entity, "id", missing, select=keys):
            if str(record.get(DOWNLOAD) or "").startswith("/"):
                record[DOWNLOAD] = f"{self._client.url}{record[DOWNLOAD]}"
            known[str(record["id"])] = record
        for one in missing:
            known.setdefault(one, {})  # gone: not asked for again

    async def _fill(self, entity: str, step: Step, records: Sequence[Record]) -> None:
        """Put the ids of a multi-link into records whose list left them out.

        Source: api-contract §5.3: lists show `xIds` where they are selected; not all, not in all versions.
        """
        if not step.is_multiple or step.field is None or not records:
            return
        lacking = [record for record in records if step.key not in record]
        if not lacking:
            return
        ids: dict[str, list[str]] = {str(record["id"]): [] for record in lacking}
        described = self._schema.entities.get(entity)
        ends = relation_ends(self._schema, described, step.field) if described else None
        if ends is not None:
            relation, near, far = ends
            select = (near, far)
            for one in await self._client.look_up(relation, near, list(ids), select=select):
                if (target := one.get(far)) is not None:
                    ids[str(one[near])].append(str(target))
        elif step.field.foreign and (target_entity := self._schema.entities.get(step.entity)):
            back = target_entity.fields.get(step.field.foreign)
            if back is not None:
                for one in await self._client.look_up(
                    step.entity, back.payload_key, list(ids), select=(back.payload_key,)
                ):
                    ids[str(one[back.payload_key])].append(str(one["id"]))
        for record in lacking:
            record[step.key] = ids[str(record["id"])]

    async def _fill_sharings(self, files: Sequence[Record]) -> None:
        """Put the ids of what shares them into files, and remember their addresses.

        Source: api-contract §7.5: a sharing has a link; it can be inactive, over or used up.
        """
        of: dict[str, list[str]] = {str(file["id"]): [] for file in files if SHARINGS not in file}
        found = await self._client.look_up(SHARING, "fileId", list(of), select=("fileId", "active"))
        for one in found:
            if one.get("active") and one.get("available") is not False:
                of[str(one["fileId"])].append(str(one["id"]))
                self._known[SHARING][str(one["id"])] = one
        for file in files:
            file.setdefault(SHARINGS, of.get(str(file["id"]), []))


def relation_ends(schema: Schema, entity: EntitySchema, field: FieldSchema) -> tuple[str, str, str] | None:
    """Return the relation entity of a multi-link, and its keys for this end and the other; None: it has none.

    Source: api-contract §11: every many-to-many is an entity with two links; of a hierarchy `parent` and
    `entity` (§8.4).
    """
    relation = schema.entities.get(field.relation or "")
    if relation is None:
        return None
    links = [one for one in relation.fields.values() if one.kind == "link" and not one.is_read_only]
    if field.target == entity.name:
        near, far = ("entityId", "parentId") if field.name == "parents" else ("parentId", "entityId")
        has_both = {near, far} <= {one.payload_key for one in links}
        return (relation.name, near, far) if has_both else None
    own = next((one.payload_key for one in links if one.target == entity.name), None)
    other = next((one.payload_key for one in links if one.target == field.target), None)
    return (relation.name, own, other) if own and other else None


def ids_in(record: Record, step: Step) -> list[str]:
    """Return the ids that a record holds under the key of a step."""
    value = record.get(step.key)
    if isinstance(value, list):
        return [str(one) for one in value]
    return [str(value)] if value not in (None, "") else []
