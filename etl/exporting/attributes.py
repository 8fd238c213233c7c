"""Values of attributes, put into the records of a page as the target gives them: flattened, or from rows.

Source: observations, "Attributes": 1.10 and 2.1 show them only as rows of `ProductAttributeValue`;
api-contract §6.2: from 2.2 on lists show them beside the fields when `attributes` names them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from etl.api.attributes import value_column
from etl.api.where import any_of
from etl.errors import Refused
from etl.exporting.columns import attribute_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.api import Client, Record
    from etl.api.attributes import AttributeFacts
    from etl.exporting.columns import Column
    from etl.schema import EntitySchema, Schema

# What stands behind an attribute's name in a flattened record. Source: api-contract §6.2.
ENDINGS: dict[str, str] = {"link": "Id", "file": "Id", "asset": "Id", "linkMultiple": "Ids"}
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
JSON = "jsonValue"
WHOLE = "value"
"""What rows of 1.10 call the value of any type; they do not show its column. Source: recorded answers."""
MOST_IDS = 50
"""Attributes named in a look-up; with more of them all values of the records are read."""
NO_SUCH_ENTITY = 404
FLATTENED = (("Flatten-Attributes", "true"),)


class Attributes:
    """What columns need of attributes."""

    def __init__(
        self, client: Client, schema: Schema, *, entity: EntitySchema, columns: Sequence[Column]
    ) -> None:
        self._client = client
        self._wanted = _wanted(columns)
        self._rows = schema.entities.get(f"{entity.name}AttributeValue")
        self._owner = f"{entity.name[0].lower()}{entity.name[1:]}Id"
        self._channels = "channel" in self._rows.fields if self._rows else False
        self._languages = "language" in self._rows.fields if self._rows else False
        self._is_flattened: bool | None = False if client.generation.name == "1.10" else None
        """None: no page has told yet. Versions do not: see observations, "a client cannot go by version"."""

    def __bool__(self) -> bool:
        """Tell whether any attribute is wanted."""
        return bool(self._wanted)

    @property
    def extra(self) -> tuple[tuple[str, str], ...]:
        """What a list is asked for besides."""
        if not self._wanted or self._is_flattened is False:
            return ()
        return (("attributes", ",".join(dict.fromkeys(one.id for one, _, _ in self._wanted))),)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of a list that shows attributes."""
        return FLATTENED if self._wanted and self._is_flattened is not False else ()

    async def fill(self, records: Sequence[Record]) -> None:
        """Put the values into the records, under keys that no field has.

        Raises:
            RequestFailed, NoAccess: see `Client.ask`.
        """
        if not self._wanted or not records:
            return
        if self._is_flattened is None and any("attributesDefs" in record for record in records):
            self._is_flattened = True
        if self._is_flattened:
            for record in records:
                for facts, part, language in self._wanted:
                    name = f"{facts.code if PLAIN.fullmatch(facts.code) else facts.id}"
                    ending = part or ENDINGS.get(facts.type, "")
                    value = record.get(f"{name}{ending}{_suffix(language)}")
                    record[attribute_key(facts, part, language)] = value
            return
        await self._from_rows(records)

    async def _from_rows(self, records: Sequence[Record]) -> None:
        if self._rows is None:
            return
        by_id = {str(record["id"]): record for record in records}
        ids = list(dict.fromkeys(facts.id for facts, _, _ in self._wanted))
        wanted: dict[str, list[tuple[AttributeFacts, str, str]]] = {}
        for one in self._wanted:
            wanted.setdefault(one[0].id, []).append(one)
        try:
            rows = await self._client.look_up(
                self._rows.name,
                self._owner,
                list(by_id),
                select=self._select(self._rows),
                where=(any_of("attributeId", ids),) if len(ids) <= MOST_IDS else (),
            )
        except Refused as error:
            if error.status == NO_SUCH_ENTITY and self._is_flattened is None:
                return  # flattened then, and no record of this page has an attribute
            raise
        if rows:
            self._is_flattened = False
        for row in rows:
            record = by_id.get(str(row.get(self._owner)))
            for facts, part, language in wanted.get(str(row.get("attributeId")), ()):
                if record is not None and self._is_of(row, facts, language):
                    record[attribute_key(facts, part, language)] = _value(
                        row, f"{self._place(facts, part)}{self._ending(language)}"
                    )

    def _select(self, rows: EntitySchema) -> list[str]:
        keys = ["attributeId", self._owner, *(["language"] if self._languages else [])]
        keys += ["channelId"] if self._channels else []
        for facts, part, language in self._wanted:
            place = self._place(facts, part)
            keys.append(f"{place}{self._ending(language)}")
        return [one for one in dict.fromkeys(keys) if one in rows.fields or one.endswith("Id")]

    def _ending(self, language: str) -> str:
        # 1.10 has a row per language, later ones have a column. Source: api-contract §6; recorded metadata.
        return "" if self._languages else _suffix(language)

    def _place(self, facts: AttributeFacts, part: str) -> str:
        if self._languages:
            return f"{WHOLE}{part or ENDINGS.get(facts.type, '')}"
        if part == "UnitId":
            return "referenceValue"
        return f"{value_column(facts.type)}{'1' if part == 'To' else ''}"

    def _is_of(self, row: Record, facts: AttributeFacts, language: str) -> bool:
        if self._channels and (row.get("channelId") or "") != facts.rows_channel:
            return False
        return not self._languages or (row.get("language") or "main") == (language or "main")


def _wanted(columns: Sequence[Column]) -> list[tuple[AttributeFacts, str, str]]:
    found: dict[str, tuple[AttributeFacts, str, str]] = {}
    for one in columns:
        if one.attribute is None:
            continue
        found[attribute_key(one.attribute, one.part, one.language)] = (one.attribute, one.part, one.language)
        if one.unit is not None:
            found[attribute_key(one.attribute, "UnitId", one.language)] = (
                one.attribute,
                "UnitId",
                one.language,
            )
    return list(found.values())


def _value(row: Record, place: str) -> object:
    value = row.get(place)
    if place == JSON and isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return value


def _suffix(language: str) -> str:
    # `de_DE` -> `DeDe`. Source: api-contract §5.1, multilingual.
    return "".join(part[:1].upper() + part[1:].lower() for part in language.split("_")) if language else ""
