"""The attribute values that records have now, read in bulk: beside their fields, or as rows of their own.

Which of the two a server shows is seen from its answers, never from its version. Source: observations,
"Attributes" (1.10 and 2.1 show rows only); AtroCore REST API, "Querying Attributes in Collections".
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from etl.api import answers, wire
from etl.api.attributes import value_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.api import Client, Record
    from etl.model import AttributeTarget
    from etl.schema import EntitySchema, Schema

MAIN_LANGUAGE = "main"
WHOLE = "value"
"""The key of a value in rows that keep any type under one name (1.10)."""


@dataclass(frozen=True, slots=True)
class RowKey:
    """What tells rows of values apart."""

    record_id: str
    attribute_id: str
    language: str = MAIN_LANGUAGE
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class LiveValues:
    """What stands on the server."""

    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Record id -> flattened key -> value."""
    assigned: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Record id -> ids of the attributes it has."""
    rows: Mapping[RowKey, str] = field(default_factory=dict)
    """Ids of the rows, where values are rows."""


class AttributeReader:
    """Reads the values of some attributes of one entity."""

    def __init__(
        self,
        client: Client,
        entity: EntitySchema,
        *,
        schema: Schema,
        types: Mapping[str, str],
    ) -> None:
        """Read values of attributes of `entity`.

        Args:
            types: attribute id -> AtroCore's name of its type.
        """
        self._client, self._entity, self._types = client, entity, types
        self.rows = schema.entities.get(f"{entity.name}AttributeValue")
        self.owner_key = f"{entity.name[0].lower()}{entity.name[1:]}Id"
        self._shown: Literal["beside", "rows"] | None = None

    @property
    def has_whole_values(self) -> bool:
        """True where rows keep a value of any type under one name, and a row for each language."""
        return self.rows is not None and "language" in self.rows.fields

    async def read(self, ids: Sequence[str], targets: Iterable[AttributeTarget]) -> LiveValues:
        """Return the values that records have of some attributes, in as few requests as possible.

        Raises:
            RequestFailed, NoAccess: see `Client.ask`.
        """
        wanted = tuple({one.key: one for one in targets}.values())
        if not ids or not wanted:
            return LiveValues()
        if self._shown != "rows":
            records = await self._beside(ids, wanted)
            if self._shown == "beside" or any("attributesDefs" in one for one in records):
                self._shown = "beside"
                return self._of_records(records, wanted)
            if self.rows is None:
                return LiveValues()
            self._shown = "rows"
        return await self._of_rows(ids, wanted)

    async def _beside(self, ids: Sequence[str], targets: Sequence[AttributeTarget]) -> list[Record]:
        limits = self._client.limits
        attributes = ",".join(dict.fromkeys(one.attribute_id for one in targets))
        extra = f"&attributes={attributes}"
        found: list[Record] = []
        for request in wire.look_ups(
            self._entity.name,
            "id",
            values=list(ids),
            select=("id",),
            url_bytes=max(limits.lookup_url_bytes - len(extra), limits.lookup_url_bytes // 2),
            keys=limits.lookup_keys,
        ):
            headers = {**request.headers, "Flatten-Attributes": "true"}
            asked = dataclasses.replace(request, query=request.query + extra, headers=headers)
            found += (await self._client.ask(asked, answers.read_page)).records
        return found

    def _of_records(self, records: Sequence[Record], targets: Sequence[AttributeTarget]) -> LiveValues:
        keys = [one.key for one in targets]
        return LiveValues(
            {str(one["id"]): {key: one.get(key) for key in keys} for one in records},
            {
                str(one["id"]): frozenset(
                    str(each.get("attributeId"))
                    for each in (one.get("attributesDefs") or {}).values()
                    if isinstance(each, dict)
                )
                for one in records
            },
        )

    async def _of_rows(self, ids: Sequence[str], targets: Sequence[AttributeTarget]) -> LiveValues:
        wanted: dict[str, list[AttributeTarget]] = {}
        for one in targets:
            wanted.setdefault(one.attribute_id, []).append(one)
        places = [self.place(one) for one in targets]
        own = ["language", "channelId"] if self.has_whole_values else []
        select = tuple(dict.fromkeys(("id", self.owner_key, "attributeId", *own, *places)))
        name = self.rows.name if self.rows is not None else ""
        rows = await self._client.look_up(name, self.owner_key, list(ids), select=select)
        values: dict[str, dict[str, object]] = {}
        assigned: dict[str, set[str]] = {}
        row_ids: dict[RowKey, str] = {}
        for row in rows:
            record_id, attribute_id = str(row.get(self.owner_key)), str(row.get("attributeId"))
            language = str(row.get("language") or MAIN_LANGUAGE)
            assigned.setdefault(record_id, set()).add(attribute_id)
            row_ids[RowKey(record_id, attribute_id, language, str(row.get("channelId") or ""))] = str(
                row["id"]
            )
            for target in wanted.get(attribute_id, ()):
                if not self.has_whole_values or language == (target.language or MAIN_LANGUAGE):
                    values.setdefault(record_id, {})[target.key] = row.get(self.place(target))
        return LiveValues(values, {one: frozenset(found) for one, found in assigned.items()}, row_ids)

    def place(self, target: AttributeTarget) -> str:
        """Return the key under which a row keeps a value."""
        ending = self.ending(target)
        if self.has_whole_values:
            return f"{WHOLE}{ending}"
        if ending == "UnitId":
            return "referenceValue"
        place = value_column(self._types.get(target.attribute_id, ""))
        if ending == "To":
            return f"{place}1"
        return f"{place}{_camel(target.language)}"

    def ending(self, target: AttributeTarget) -> str:
        """Return what a flattened key has behind code and language: `UnitId`, `From`, `Ids`, or nothing."""
        for ending in ("UnitId", "From", "To", "Ids", "Id"):
            if target.key.endswith(ending) and target.key != target.name:
                return ending
        return ""


def _camel(language: str) -> str:
    return "".join(part.capitalize() for part in language.replace("-", "_").split("_"))
