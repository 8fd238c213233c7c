"""The four simple endpoints for attribute values of a record.

Source: AtroCore REST API, "Simple Endpoints"; observed on 2.1 (403 and 500).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import attribute_values, attributes, relations
from etl.sandbox.attribute_types import values_entity
from etl.sandbox.refusals import BadRequest, NotFound, NotModified, Refusal

if TYPE_CHECKING:
    from etl.sandbox.calls import Call
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject, JsonValue

_ENDPOINTS = {
    ("GET", "attributeValues"),
    ("DELETE", "attributeValues"),
    ("POST", "addAttributes"),
    ("POST", "upsertAttributeValues"),
}


def answer(session: Session, call: Call) -> JsonValue:
    """Return the answer of one of the endpoints; None where the request is for none of them.

    Raises:
        NotModified: nothing changed.
        BadRequest: an entity without attributes, or an empty body.
        Refusal: 403 and 500 in the generation that has them but not ready.
    """
    name, record_id, endpoint = call.path
    if (call.method, endpoint) not in _ENDPOINTS or session.generation.attributes == "values":
        return None
    if session.generation.attributes == "written":
        raise Refusal(403 if call.method == "GET" else 500)
    entity = session.instance.entity(name)
    if values_entity(session, entity) is None:
        raise BadRequest(f"{name} has no attributes")
    if not relations.exists(session, name, record_id):
        raise NotFound
    if call.method == "GET":
        return [
            _shown(session, one) for one in attribute_values.assigned(session, entity, [record_id])[record_id]
        ]
    body = call.body()
    if endpoint == "upsertAttributeValues":
        return _upsert(session, entity, record_id, body=body)
    given = body.get("attributeIds") if isinstance(body, dict) else None
    if not isinstance(given, list):
        raise BadRequest("attributeIds is required")
    ids = [str(one) for one in given]
    if call.method == "DELETE":
        return {"count": attribute_values.unassign(session, entity, record_id, ids=ids), "errors": []}
    attribute_values.assign(session, entity, record_id, ids=ids)
    return True


def _shown(session: Session, one: attribute_values.Assigned) -> JsonObject:
    attribute = one.attribute
    shown: JsonObject = {
        "attributeId": attribute.id,
        "type": attribute.type,
        "required": attribute.required,
        "visible": True,
        "readOnly": attribute.read_only,
        "protected": attribute.protected,
    }
    for suffix, value in one.by_suffix(session).items():
        shown[f"value{suffix}"] = int(value) if isinstance(value, float) and value.is_integer() else value
    shown |= {f"value{suffix}": value for suffix, value in attributes.companions(session, one).items()}
    return shown


def _upsert(session: Session, entity: Entity, record_id: str, *, body: JsonValue) -> bool:
    if not isinstance(body, list) or not body:
        raise BadRequest("no values")
    if session.generation.simple_attribute_fix:
        wanted = [
            str(item["attributeId"]) for item in body if isinstance(item, dict) and "attributeId" in item
        ]
        attribute_values.assign(session, entity, record_id, ids=wanted)
    present = {
        one.attribute.id: one for one in attribute_values.assigned(session, entity, [record_id])[record_id]
    }
    written = False
    for item in body:
        # An attribute that the record does not have is skipped without a word up to 2.2.
        one = present.get(str(item.get("attributeId"))) if isinstance(item, dict) else None
        if one is None or not isinstance(item, dict):
            continue
        given = {key.removeprefix("value"): value for key, value in item.items() if key.startswith("value")}
        changed = attribute_values.changes(session, one, given)
        if changed:
            attribute_values.write(session, one, changed)
            written = True
    if not written:
        raise NotModified
    return True
