"""What the instance says of attributes, read in bulk by code, name or id: they are records, no metadata."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from etl.api.where import equals
from etl.schema import KINDS, FieldSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api.client import Client
    from etl.api.wire import Record
    from etl.schema import FieldKind, Schema

ATTRIBUTE, CHANNEL = "Attribute", "Channel"
MOST_NAMES = 1000
"""So many codes are read to find the one that was meant."""
# Where rows of values keep them, by type. Source: api-contract §6, storage; recorded metadata.
_VALUE_COLUMNS = {
    "varchar": "varcharValue", "url": "varcharValue", "email": "varcharValue", "color": "varcharValue",
    "text": "textValue", "wysiwyg": "textValue", "markdown": "textValue",
    "int": "intValue", "rangeInt": "intValue", "float": "floatValue", "rangeFloat": "floatValue",
    "currency": "floatValue", "bool": "boolValue", "date": "dateValue", "datetime": "datetimeValue",
    "extensibleEnum": "referenceValue", "link": "referenceValue", "file": "referenceValue",
    "asset": "referenceValue", "array": "jsonValue", "extensibleMultiEnum": "jsonValue",
    "linkMultiple": "jsonValue", "multiEnum": "jsonValue",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AttributeFacts:
    """One attribute as the instance describes it."""

    id: str
    code: str
    """Empty: it has none; then its id stands in payloads."""
    name: str
    type: str
    """AtroCore's name of the type, for example `rangeFloat`."""
    kind: FieldKind
    measure: str = ""
    """Id of its measure; empty: a bare number."""
    list_id: str = ""
    """Of lists: id of the list; empty: no list."""
    is_multilang: bool = False
    channel: str = ""
    """Id of the channel it is for; empty: all."""
    target: str = ""
    """Of links: the entity they point to."""
    rows_channel: str = ""
    """Id of the channel whose values are meant, where one attribute has values for several (1.10)."""

    @property
    def address(self) -> str:
        """What names it in payloads and columns: the code, or the id where there is none."""
        return self.code or self.id

    @property
    def field(self) -> FieldSchema:
        """The attribute as a field of a record, so that it is converted like one."""
        return FieldSchema(
            self.address,
            self.type,
            self.kind,
            is_multilang=self.is_multilang,
            measure=self.measure or None,
            list_id=self.list_id or None,
            target=self.target or None,
        )


def code_key(schema: Schema) -> str:
    """Return the name of an attribute's code: `systemName` from 2.3 on. Source: api-contract §6.3."""
    entity = schema.entities.get(ATTRIBUTE)
    if entity is None:
        return "code"
    return next((name for name in ("systemName", "code") if name in entity.fields), "code")


async def find_attributes(
    client: Client, schema: Schema, *, entity: str, names: Sequence[str]
) -> Mapping[str, AttributeFacts]:
    """Return the attributes of `entity` that have one of these codes, else ids, else names; by that text.

    Raises:
        RequestFailed, NoAccess: see `Client.ask`.
    """
    described = schema.entities.get(ATTRIBUTE)
    if described is None or not names:
        return {}
    code = code_key(schema)
    select = _select(schema)
    found: dict[str, AttributeFacts] = {}
    for key in (code, "id", "name"):
        left = [name for name in names if name not in found]
        if not left or key not in described.fields:
            continue
        records = await client.look_up(ATTRIBUTE, key, left, select=select)
        for record in records:
            text = str(record.get(key))
            if _belongs(record, entity) and text in left:
                found.setdefault(text, read_facts(record, code=code))
    return found


async def all_attributes(client: Client, schema: Schema, *, entity: str) -> Sequence[AttributeFacts]:
    """Return every attribute of an entity, in the order of their ids.

    Raises:
        RequestFailed, NoAccess: see `Client.ask`.
    """
    described = schema.entities.get(ATTRIBUTE)
    if described is None:
        return []
    where = (equals("entityId", entity),) if "entity" in described.fields else ()
    code, select = code_key(schema), _select(schema)
    return [
        read_facts(record, code=code)
        async for page in client.pages(ATTRIBUTE, select=select, where=where)
        for record in page.records
        if _belongs(record, entity)
    ]


async def find_channel(client: Client, schema: Schema, text: str) -> str | None:
    """Return the id of the channel with this code, id or name; None: there is none.

    Raises:
        RequestFailed, NoAccess: see `Client.ask`.
    """
    described = schema.entities.get(CHANNEL)
    for key in ("code", "id", "name"):
        if described is not None and key in described.fields:
            for record in await client.look_up(CHANNEL, key, [text], select=(key,)):
                if str(record.get(key)) == text:
                    return str(record["id"])
    return None


async def channel_codes(client: Client, known: Sequence[AttributeFacts]) -> Mapping[str, str]:
    """Return id -> code of the channels that attributes are for; one without a code has its id.

    Raises:
        RequestFailed, NoAccess: see `Client.ask`.
    """
    ids = sorted({one.channel for one in known if one.channel})
    records = await client.look_up(CHANNEL, "id", ids, select=("id", "code"))
    return {str(one["id"]): str(one.get("code") or one["id"]) for one in records}


def of_channel(known: Sequence[AttributeFacts], schema: Schema, *, channel: str) -> Sequence[AttributeFacts]:
    """Return attributes as they are for a channel, by its id.

    From 2.1 on an attribute is for a channel, and that for another is called the same; in 1.10 the values of
    one attribute are for channels. Source: api-contract §6; recorded metadata.
    """
    if has_channels(schema):
        return [one for one in known if one.channel == channel]
    return [replace(one, rows_channel=channel) for one in known]


def has_channels(schema: Schema) -> bool:
    """Tell whether attributes are for channels; else their values are."""
    described = schema.entities.get(ATTRIBUTE)
    return described is not None and "channel" in described.fields


def value_column(attribute_type: str) -> str:
    """Return the field of a row of values that keeps a value of this type of attribute."""
    return _VALUE_COLUMNS.get(attribute_type, "varcharValue")


def read_facts(record: Record, *, code: str) -> AttributeFacts:
    """Return what a record of Attribute says."""
    kind_of_type = str(record.get("type") or "text")

    def text(key: str) -> str:
        return str(record.get(key) or "")

    return AttributeFacts(
        str(record["id"]),
        code=text(code),
        name=text("name"),
        type=kind_of_type,
        kind=KINDS.get(kind_of_type, "other"),
        measure=text("measureId"),
        list_id=text("extensibleEnumId"),
        is_multilang=record.get("isMultilang") is True,
        channel=text("channelId"),
        target=text("entityType"),
    )


def _select(schema: Schema) -> list[str]:
    fields = schema.entities[ATTRIBUTE].fields
    wanted = ["name", code_key(schema), "type", "isMultilang", "entityType"]
    links = ["entity", "measure", "extensibleEnum", "channel"]
    return [
        *(one for one in wanted if one in fields),
        *(fields[one].payload_key for one in links if one in fields),
    ]


def _belongs(record: Record, entity: str) -> bool:
    # 1.10 has attributes of products only, and no field that says so.
    return str(record.get("entityId") or entity) == entity
