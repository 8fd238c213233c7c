"""Attributes as definitions: their names in payloads, and where their values lie.

Source: AtroCore REST API, "Working with Attributes".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.sandbox.instance import marks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_PLACES: dict[str, dict[str, str]] = {
    "varchar": {"": "varcharValue", "UnitId": "referenceValue"},
    "url": {"": "varcharValue"},
    "text": {"": "textValue"},
    "wysiwyg": {"": "textValue"},
    "markdown": {"": "textValue"},
    "int": {"": "intValue", "UnitId": "referenceValue"},
    "float": {"": "floatValue", "UnitId": "referenceValue"},
    "rangeInt": {"From": "intValue", "To": "intValue1", "UnitId": "referenceValue"},
    "rangeFloat": {"From": "floatValue", "To": "floatValue1", "UnitId": "referenceValue"},
    "bool": {"": "boolValue"},
    "date": {"": "dateValue"},
    "datetime": {"": "datetimeValue"},
    "array": {"": "jsonValue"},
    "extensibleEnum": {"": "referenceValue"},
    "extensibleMultiEnum": {"": "jsonValue"},
    "link": {"Id": "referenceValue"},
    "file": {"Id": "referenceValue"},
    "linkMultiple": {"Ids": "jsonValue"},
    "composite": {},
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute."""

    id: str
    name: str
    code: str
    type: str
    """AtroCore's type, such as `extensibleEnum`."""
    measure: str | None
    default_unit: str | None
    list_id: str | None
    """The ExtensibleEnum of a list attribute."""
    digits: int | None
    panel: str | None
    required: bool
    read_only: bool
    protected: bool
    multilingual: bool
    channel: str | None
    entity: str
    """The entity that it belongs to."""

    @property
    def key(self) -> str:
        """Its name in flattened payloads: the code if that is a name, else the id."""
        return self.code if _NAME.fullmatch(self.code) else self.id

    def places(self) -> dict[str, str]:
        """Return where its values lie: what stands behind the key -> column."""
        places = _PLACES.get(self.type, _PLACES["varchar"])
        return {suffix: column for suffix, column in places.items() if suffix != "UnitId" or self.measure}

    def language_places(self, languages: tuple[str, ...], values: Entity) -> dict[str, str]:
        """Return where its values in other languages lie."""
        places = self.places()
        if not self.multilingual or "" not in places:
            return {}
        suffixes = [language_suffix(language) for language in languages]
        return {suffix: f"{places['']}{suffix}" for suffix in suffixes if values.has(f"{places['']}{suffix}")}


def language_suffix(language: str) -> str:
    """Return what a language adds to a field's name: `de_DE` -> `DeDe`."""
    return "".join(part[:1].upper() + part[1:].lower() for part in language.split("_"))


def values_entity(session: Session, entity: Entity) -> Entity | None:
    """Return the entity that holds the attribute values of records; None where there are none."""
    found = session.instance.schema.entities.get(f"{entity.name}AttributeValue")
    return found if found is not None and "hasAttribute" in entity.traits else None


def owner_column(entity: Entity) -> str:
    """Return the column of a value row that names the record."""
    return f"{entity.name[0].lower()}{entity.name[1:]}Id"


def read_attributes(session: Session, ids: list[str]) -> dict[str, Attribute]:
    """Return live attributes by id."""
    found: dict[str, Attribute] = {}
    plan = session.instance.plan("Attribute")
    for start in range(0, len(ids), 500):
        part = tuple(dict.fromkeys(ids[start : start + 500]))
        for row in session.rows(f"{plan.select} AND id IN ({marks(part)})", part):
            values = {column.name: value for column, value in zip(plan.entity.stored, row, strict=True)}
            attribute = _attribute(session, values)
            found[attribute.id] = attribute
    return found


def code_column(session: Session) -> str:
    """Return the column that holds an attribute's key; an older instance's schema has the older name."""
    wanted = session.generation.attribute_code
    return wanted if session.instance.entity("Attribute").has(wanted) else "code"


def find_ids(session: Session, names: list[str]) -> list[str]:
    """Return the ids of attributes that are named by id or by code; unknown ones are left out."""
    code = code_column(session)
    found = []
    for name in names:
        row = session.row(
            f'SELECT id FROM "Attribute" WHERE deleted = 0 AND (id = ? OR "{code}" = ?) LIMIT 1', (name, name)
        )
        if row is not None:
            found.append(str(row[0]))
    return found


def _attribute(session: Session, values: Mapping[str, object]) -> Attribute:
    def text(key: str) -> str | None:
        value = values.get(key)
        return str(value) if value not in (None, "") else None

    digits = values.get("amountOfDigitsAfterComma")
    return Attribute(
        id=str(values["id"]),
        name=text("name") or "",
        code=text(code_column(session)) or "",
        type=text("type") or "text",
        measure=text("measureId"),
        default_unit=text("defaultUnit"),
        list_id=text("extensibleEnumId"),
        digits=digits if isinstance(digits, int) else None,
        panel=text("attributePanelId"),
        required=bool(values.get("isRequired")),
        read_only=bool(values.get("isReadOnly")),
        protected=bool(values.get("isProtected")),
        multilingual=bool(values.get("isMultilang")),
        channel=text("channelId"),
        entity=text("entityId") or "",
    )


def definition(attribute: Attribute, *, value_id: str | None, full: bool) -> JsonObject:
    """Return what `attributesDefs` says of an attribute; little of it in lists."""
    short: JsonObject = {"attributeId": attribute.id, "label": attribute.name, "type": attribute.type,
                         "measureId": attribute.measure}  # fmt: skip
    if not full:
        return short
    more: JsonObject = {
        "attributeValueId": value_id,
        "classificationAttributeId": None,
        "attributePanelId": attribute.panel,
        "sortOrder": 0,
        "sortOrderInAttributeGroup": None,
        "attributeGroup": {"id": None, "name": None, "sortOrder": None},
        "channelId": attribute.channel,
        "channelName": None,
        "required": attribute.required,
        "readOnly": attribute.read_only,
        "protected": attribute.protected,
        "notNull": False,
        "isMultilang": attribute.multilingual,
        "extensibleEnumId": attribute.list_id,
        "tooltip": False,
        "tooltipText": None,
        "conditionalProperties": None,
        "fullWidth": False,
    }
    if attribute.type in {"float", "rangeFloat"}:
        more["amountOfDigitsAfterComma"] = attribute.digits
    return {**short, **more}
