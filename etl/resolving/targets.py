"""What is known of the targets of one link: their texts and ids, found by value or by the path to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.api.filters import to_where
from etl.api.where import equals, linked_with
from etl.model import ChangeKind, Changes, LinkTarget, Missing
from etl.resolving.keys import PART_SEPARATOR, keys_of_records, own_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.api import Client
    from etl.api.where import Condition
    from etl.resolving.keys import Record
    from etl.schema import EntitySchema, Schema

# A target entity of up to this many records is read whole: two pages instead of many look-ups, and all its
# texts are known for "did you mean".
SMALL_ENTITY = 2000
PARENTS = "parentsIds"


@dataclass(slots=True)
class Targets:
    """The targets of one link, or of several that look in the same place for the same thing."""

    target: LinkTarget
    entity: EntitySchema
    ids: dict[str, str] = field(default_factory=dict)
    """Text -> id. The steps of a path, and the values of several fields, are joined by U+001F."""
    ambiguous: dict[str, int] = field(default_factory=dict)
    """Text -> how many records have it."""
    missing: set[str] = field(default_factory=set)
    renamed: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Text -> id that was once made from it, and what the record is called now."""
    refused: dict[str, str] = field(default_factory=dict)
    """Text -> why its creation failed."""
    with_children: set[str] = field(default_factory=set)
    """Ids of targets that are no leaves; filled where leaves matter."""
    is_whole: bool = False
    """All records of the entity are known."""
    where: tuple[Condition, ...] = ()
    takes_ours: bool = False
    """Records that this run makes may be meant."""
    takes_parents_ids: bool = True
    """What the server reads the parent of a new record from: `parentsIds`; else `parentId`."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that the texts are values of."""
        return (self.target.by, *self.target.also_by)

    @property
    def texts(self) -> Iterable[str]:
        """All texts that are on the server, as far as they are known."""
        return (*self.ids, *self.ambiguous)

    @property
    def may_create(self) -> bool:
        """Whether missing targets are created: not where they would need an id that somebody chose."""
        return self.target.missing is Missing.CREATE and self.target.by != "id"

    async def prepare(self, client: Client, schema: Schema) -> None:
        """Find out where to look; read a small entity whole, and every hierarchy that paths lead through."""
        target = self.target
        self.takes_parents_ids = client.generation.takes_parents_ids
        conditions = [self._within(key, value) for key, value in target.within.items()]
        if target.where:
            said = f"the filter of link {target.field}"
            conditions += await to_where(client, target.where, entity=self.entity, schema=schema, where=said)
        self.where = tuple(conditions)
        needs_tree = bool(target.path) or target.leaf != "any"
        total = await client.total(target.entity, self.where)
        if needs_tree or (total is not None and total <= SMALL_ENTITY):
            select = ("id", *self.fields, *((PARENTS,) if needs_tree else ()))
            records: list[Record] = []
            async for page in client.pages(target.entity, select=select, where=self.where):
                records += page.records
            self._remember(records, self._paths(records) if target.path else self._texts(records))
            self.with_children = {parent for record in records for parent in _parents(record)}
            self.is_whole = True

    async def ask(self, client: Client, texts: Iterable[str]) -> None:
        """Find out about texts that are not known yet."""
        new = [text for text in texts if not self.knows(text)]
        if not new:
            return
        if not self.is_whole:
            first = sorted({text.split(PART_SEPARATOR)[0] for text in new})
            records = await client.look_up(
                self.target.entity, self.target.by, first, select=("id", *self.fields), where=self.where
            )
            wanted = set(new)
            pairs = [(r, t) for r, t in zip(records, self._texts(records), strict=True) if t in wanted]
            self._remember([record for record, _ in pairs], [text for _, text in pairs])
        unfound = [text for text in new if not self.knows(text)]
        self.missing.update(unfound)
        if unfound and self.may_create:
            await self._ask_own_ids(client, unfound)

    async def _ask_own_ids(self, client: Client, texts: Iterable[str]) -> None:
        """Look under the ids that missing targets would get: somebody renamed them, or just made them."""
        own = {self.own_id(text): text for text in texts}
        select = ("id", *self.fields, *((PARENTS,) if self.target.path else ()))
        records = await client.look_up(self.target.entity, "id", list(own), select=select)
        for record, there in zip(records, self._texts(records), strict=True):
            record_id = str(record["id"])
            text = own[record_id]
            self.missing.discard(text)
            if self._is_called(text, record, there):
                # Another import of the same made it after we looked for its name.
                self.ids[text] = record_id
            else:
                self.renamed[text] = (record_id, there or "")

    def _is_called(self, text: str, record: Record, there: str | None) -> bool:
        if not self.target.path:
            return text == there
        above, _, last = text.rpartition(PART_SEPARATOR)
        parent = (self.ids.get(above) or self.own_id(above)) if above else None
        return last == there and (parent in _parents(record) if parent else not _parents(record))

    def creates(self, texts: Iterable[str]) -> list[Changes]:
        """Return the creates of missing targets, each once in a run; of paths a step after the other."""
        if not self.may_create:
            return []
        missing = sorted({one for text in texts if text in self.missing for one in self._with_parents(text)})
        levels: dict[int, list[str]] = {}
        for text in missing:
            depth = text.count(PART_SEPARATOR) if self.target.path else 0
            levels.setdefault(depth, []).append(text)
        return [self._creates(levels[depth]) for depth in sorted(levels)]

    def own_id(self, text: str) -> str:
        """Return the id under which a missing target is created."""
        marks = ("path",) if self.target.path else ()
        scope = tuple(f"{key}={value}" for key, value in self.target.within.items())
        return own_id(self.target.entity, (*self.fields, *marks, *scope), key=text)

    def expect(self, text: str, record_id: str) -> None:
        """Learn of a record of this run."""
        if text not in self.ambiguous:
            self.ids[text] = record_id
            self.missing.discard(text)

    def refuse(self, text: str, reason: str) -> None:
        """Take back a create that failed."""
        if self.ids.pop(text, None) is not None:
            self.refused[text] = reason

    def knows(self, text: str) -> bool:
        """Tell whether anything is known of a text, be it that it is missing."""
        return any(
            text in known for known in (self.ids, self.ambiguous, self.missing, self.renamed, self.refused)
        )

    def _with_parents(self, text: str) -> list[str]:
        if not self.target.path:
            return [text]
        steps = text.split(PART_SEPARATOR)
        paths = [PART_SEPARATOR.join(steps[: end + 1]) for end in range(len(steps))]
        return [path for path in paths if path not in self.ids and path not in self.ambiguous]

    def _creates(self, texts: list[str]) -> Changes:
        ids = [self.own_id(text) for text in texts]
        parts = [text.split(PART_SEPARATOR) for text in texts]
        columns: dict[str, pa.Array] = {}
        if self.target.path:
            columns[self.target.by] = pa.array([steps[-1] for steps in parts], pa.string())
            parents = [self.ids.get(PART_SEPARATOR.join(steps[:-1])) for steps in parts]
            if self.takes_parents_ids:
                of_roots = [None if parent is None else [parent] for parent in parents]
                columns[PARENTS] = pa.array(of_roots, pa.list_(pa.string()))
            else:
                columns["parentId"] = pa.array(parents, pa.string())
        else:
            for at, name in enumerate(self.fields):
                columns[name] = pa.array([values[at] for values in parts], pa.string())
        for name, value in (*self.target.constants.items(), *self.target.within.items()):
            field = self.entity.by_payload_key(name)
            of_all = [value] if field is not None and field.kind == "links" else value
            columns[name] = pa.array([of_all] * len(texts))
        for text, record_id in zip(texts, ids, strict=True):
            self.missing.discard(text)
            self.ids[text] = record_id
        return Changes(
            self.target.entity,
            "",
            None,
            numbers=pa.array([0] * len(texts), pa.int64()),
            keys=pa.array(texts, pa.string()),
            ids=pa.array(ids, pa.string()),
            kinds=[ChangeKind.CREATE] * len(texts),
            columns=columns,
            part=self.target.field,
        )

    def _within(self, key: str, value: str) -> Condition:
        field = self.entity.by_payload_key(key)
        is_multiple = field is not None and field.kind == "links"
        return linked_with(field.name, [value]) if field and is_multiple else equals(key, value)

    def _texts(self, records: Sequence[Record]) -> list[str | None]:
        return keys_of_records(records, self.fields)

    def _paths(self, records: Sequence[Record]) -> list[str | None]:
        """The path of each record from its root; of several parents the first one's."""
        names = {str(record["id"]): text for record, text in zip(records, self._texts(records), strict=True)}
        parents = {str(record["id"]): _parents(record) for record in records}
        return [_path(str(record["id"]), names, parents) for record in records]

    def _remember(self, records: Sequence[Record], texts: Sequence[str | None]) -> None:
        for record, text in zip(records, texts, strict=True):
            record_id = str(record["id"])
            if text is None:
                continue
            if text in self.ambiguous:
                self.ambiguous[text] += 1
            elif self.ids.get(text, record_id) != record_id:
                del self.ids[text]
                self.ambiguous[text] = 2
            else:
                self.ids[text] = record_id


def _parents(record: Record) -> list[str]:
    found = record.get(PARENTS)
    return [str(parent) for parent in found] if isinstance(found, list) else []


def _path(record_id: str, names: Mapping[str, str | None], parents: Mapping[str, list[str]]) -> str | None:
    steps: list[str] = []
    seen: set[str] = set()
    at: str | None = record_id
    while at is not None and at in names and at not in seen:
        seen.add(at)
        steps.append(names[at] or "")
        above = parents.get(at, [])
        at = above[0] if above else None
    return PART_SEPARATOR.join(reversed(steps)) if all(steps) else None
