"""Actions on many records: change, delete, restore, link, unlink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import listing, records, relations
from etl.sandbox.refusals import BadRequest, Crash, NotModified, Refusal

if TYPE_CHECKING:
    from etl.sandbox.calls import Call
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject, JsonValue

MOST_WITHOUT_JOB = 200
FIRST_UNLINKED = 20


def chosen(session: Session, entity_name: str, body: JsonObject) -> list[str]:
    """Return the records that a body names by `ids`, or by `where` with `byWhere`."""
    ids = body.get("ids")
    if isinstance(ids, list):
        return [str(one) for one in ids]
    return listing.matching_ids(session, entity_name, body.get("where")) if body.get("byWhere") else []


def _object(body: JsonValue) -> JsonObject:
    if not isinstance(body, dict):
        raise Crash
    return body


def update(session: Session, entity_name: str, body: JsonValue) -> JsonValue:
    """Give many records the same values."""
    given = _object(body)
    values = given.get("attributes")
    if not isinstance(values, dict) or not values:
        raise BadRequest("no attributes")
    changed: list[str] = []
    errors: list[JsonValue] = []
    for one in chosen(session, entity_name, given):
        try:
            records.update(session, entity_name, one, values)
            changed.append(one)
        except NotModified:
            continue
        except Refusal as refusal:
            errors.append(f"{one}: {refusal.text}")
    if session.generation.mass_delete == "ids":
        return {"count": len(changed), "ids": [*changed]}
    return {"count": len(changed), "sync": True, "errors": errors}


def delete(session: Session, entity_name: str, body: JsonValue) -> JsonValue:
    """Delete many records; the count is of those that were chosen."""
    given = _object(body)
    ids = chosen(session, entity_name, given)
    errors: list[JsonValue] = []
    for one in ids:
        try:
            records.delete(session, entity_name, one, permanently=bool(given.get("permanently")))
        except Refusal as refusal:
            errors.append(f"{one}: {refusal.text}")
    if session.generation.mass_delete == "ids":
        return {"count": len(ids), "ids": [*ids]}
    return {"count": len(ids), "sync": True, "errors": errors}


def restore(session: Session, entity_name: str, body: JsonValue) -> JsonValue:
    """Bring many deleted records back."""
    given = _object(body)
    ids = given.get("ids")
    restored = [records.restore(session, entity_name, str(one)) for one in ids] if isinstance(ids, list) else []
    return {"count": sum(restored), "sync": True, "errors": []}


def unlink_all(session: Session, entity_name: str, body: JsonValue) -> JsonValue:
    """Take away all links of one kind of a record."""
    given = _object(body)
    entity = session.instance.entity(entity_name)
    link = relations.link_of(entity, str(given.get("link")))
    record_id = str(given.get("id"))
    for one in relations.current_ids(session, entity, link, record_id=record_id):
        relations.remove(session, entity, link, record_id=record_id, other_id=one)
    return True


def relate(session: Session, call: Call, *, entity_name: str, link_name: str) -> JsonValue:
    """Link, or unlink, every record of one set with every one of another; the counts come in a sentence."""
    body = call.body()
    given: JsonObject = body if isinstance(body, dict) else {}
    entity = session.instance.entity(entity_name)
    link = relations.link_of(entity, link_name)
    near = _side(session, entity_name, given, "ids", "where")
    far = _side(session, link.entity, given, "foreignIds", "foreignWhere")
    moment = session.instance.moment()
    done = 0
    for one in near:
        for other in far:
            if call.method == "DELETE":
                done += relations.remove(session, entity, link, record_id=one, other_id=other)
                continue
            try:
                relations.add(session, entity, link, record_id=one, other_id=other, moment=moment)
                done += 1
            except Refusal:
                continue
    word = "unlinked" if call.method == "DELETE" else "linked"
    return {"message": f"<span>{done} of {len(near) * len(far)} {word}</span>"}


def _side(session: Session, entity_name: str, given: JsonObject, ids_key: str, where_key: str) -> list[str]:
    ids = given.get(ids_key)
    if isinstance(ids, list):
        return [str(one) for one in ids if relations.exists(session, entity_name, str(one))]
    return listing.matching_ids(session, entity_name, given[where_key]) if where_key in given else []
