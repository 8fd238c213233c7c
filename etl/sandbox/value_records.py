"""ProductAttributeValue of 1.10: a record per value, with one `value` whatever the attribute's type.

Source: observed on 1.10; atrocore/atropim 1.13.15, app/Core/ValueConverter.php: lists are JSON in textValue,
units lie in referenceValue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from etl.sandbox.attribute_types import read_attributes
from etl.sandbox.refusals import BadRequest

if TYPE_CHECKING:
    from etl.sandbox.attribute_types import Attribute
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject, JsonValue


_NO_JSON = {"jsonValue": "textValue"}


def is_value(session: Session, entity: Entity) -> bool:
    """Say whether an entity holds attribute values as records of their own."""
    return session.generation.attributes == "values" and entity.name == "ProductAttributeValue"


def to_columns(session: Session, payload: JsonObject, *, attribute_id: JsonValue) -> JsonObject:
    """Return a payload with `value`, `valueFrom` … as the columns of the attribute's type.

    Raises:
        BadRequest: no attribute, or an unknown one.
    """
    if not any(key.startswith("value") for key in payload) and "id" in payload:
        return payload
    if not attribute_id:
        raise BadRequest("attributeId is required")
    attribute = read_attributes(session, [str(attribute_id)]).get(str(attribute_id))
    if attribute is None:
        raise BadRequest("no such attribute")
    made = {**payload}
    for suffix, column in _places(attribute).items():
        if f"value{suffix}" in payload:
            value = payload[f"value{suffix}"]
            is_list = isinstance(value, list) and column == "textValue"
            made[column] = orjson.dumps(value).decode() if is_list else value
    return made


def _places(attribute: Attribute) -> dict[str, str]:
    places = {suffix: _NO_JSON.get(column, column) for suffix, column in attribute.places().items()}
    return {**places, "UnitId": "referenceValue"}


def _shown(value: JsonValue, attribute: Attribute) -> JsonValue:
    if "jsonValue" not in attribute.places().values() or not isinstance(value, str):
        return value
    try:
        shown: JsonValue = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return shown


def new_values(payload: JsonObject) -> JsonObject:
    """Return what a new value has although nobody sent it: the main language, and no channel."""
    return {"language": payload.get("language") or "main", "channelId": payload.get("channelId") or ""}


def add_computed(session: Session, records: list[JsonObject]) -> None:
    """Put `value` and what is known of the attribute into records."""
    attributes = read_attributes(
        session, [str(one) for record in records if (one := record.get("attributeId"))]
    )
    for record in records:
        attribute = attributes.get(str(record.get("attributeId")))
        if attribute is None:
            continue
        for suffix, column in _places(attribute).items():
            if column in record:
                record[f"value{suffix}"] = _shown(record[column], attribute)
        record |= {
            "isRequired": False,
            "isPavRelationInherited": False,
            "prohibitedEmptyValue": False,
            "sortOrder": 0,
            "attributeType": attribute.type,
            "attributeCode": attribute.code,
            "attributeName": attribute.name,
            "attributeIsMultilang": attribute.multilingual,
            "attributeNotNull": False,
            "attributeTrim": False,
            "amountOfDigitsAfterComma": attribute.digits,
            "channelId": record.get("channelId") or None,
        }
        if attribute.type == "bool":
            record.pop("valueUnitId", None)
