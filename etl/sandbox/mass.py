"""Actions on many records: change, delete, restore, link, unlink.

Source: AtroCore REST API; the shapes of 1.10 and 2.1 as observed for deleting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.sandbox import listing, queue, records, relations, removing, rows
from etl.sandbox.refusals import BadRequest, Crash, NotModified, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject, JsonValue, Link

MOST_WITHOUT_JOB = 200
"""Source: setting massUpdateMaxCountWithoutJob."""


@dataclass(slots=True)
class Done:
    """What became of an action on many records."""

    ids: list[str]
    """The records that were chosen."""
    count: int = 0
    """How many of them were touched."""
    errors: list[str] = field(default_factory=list)


def chosen(session: Session, entity_name: str, body: JsonObject) -> list[str]:
    """Return the records that a body names by `ids`, or by `where` (with `byWhere` up to 2.2)."""
    ids = body.get("ids")
    if isinstance(ids, list):
        return [str(one) for one in ids]
    by_where = body.get("byWhere") or session.generation.mass_delete == "deleted"
    return listing.matching_ids(session, entity_name, body["where"]) if by_where and "where" in body else []


def given_object(body: JsonValue) -> JsonObject:
    """Return a body that must be an object.

    Raises:
        Crash: it is none.
    """
    if not isinstance(body, dict):
        raise Crash
    return body


def _each(ids: list[str], work: Callable[[str], object]) -> Done:
    done = Done(ids)
    for one in ids:
        try:
            work(one)
            done.count += 1
        except NotModified:
            continue
        except Refusal as refusal:
            done.errors.append(f"{one}: {refusal.text}")
    return done


def update_now(session: Session, entity_name: str, body: JsonObject) -> Done:
    """Give many records the same values.

    Raises:
        BadRequest: no values.
    """
    values = body.get("attributes", body.get("values"))
    if not isinstance(values, dict) or not values:
        raise BadRequest("no values")
    return _each(
        chosen(session, entity_name, body), lambda one: records.update(session, entity_name, one, values)
    )


def delete_now(session: Session, entity_name: str, body: JsonObject) -> Done:
    """Delete many records."""
    permanently = bool(body.get("permanently"))
    ids = chosen(session, entity_name, body)
    return _each(ids, lambda one: removing.delete(session, entity_name, one, permanently=permanently))


def restore_now(session: Session, entity_name: str, body: JsonObject) -> Done:
    """Bring many deleted records back."""
    ids = body.get("ids")
    chosen_ids = [str(one) for one in ids] if isinstance(ids, list) else []
    return _each(chosen_ids, lambda one: removing.restore(session, entity_name, one))


def update(session: Session, entity_name: str, body: JsonValue) -> JsonValue:
    """Give many records the same values; more than 200 wait in a job.

    Raises:
        BadRequest: no values.
    """
    given = given_object(body)
    if not isinstance(given.get("attributes"), dict) or not given["attributes"]:
        raise BadRequest("no attributes")
    ids = chosen(session, entity_name, given)
    if len(ids) > MOST_WITHOUT_JOB:
        waiting: JsonObject = {**given, "ids": [*ids], "entityName": entity_name}
        job_id = queue.create_job(session, "MassUpdate", payload=waiting)
        return {"count": len(ids), "sync": False, "jobId": job_id, "errors": []}
    done = update_now(session, entity_name, given)
    if session.generation.mass_delete == "ids":
        return {"count": done.count, "ids": [*done.ids]}
    return {"count": done.count, "sync": True, "errors": [*done.errors]}


def delete(session: Session, entity_name: str, body: JsonValue) -> JsonValue:
    """Delete many records; the count is of those that were chosen, not of those that went."""
    given = given_object(body)
    ids = chosen(session, entity_name, given)
    if len(ids) > MOST_WITHOUT_JOB and session.generation.mass_delete != "ids":
        queue.create_job(session, "MassDelete", payload={**given, "ids": [*ids], "entityName": entity_name})
        return {"count": len(ids), "sync": False, "errors": []}
    done = delete_now(session, entity_name, {**given, "ids": [*ids]})
    if session.generation.mass_delete == "ids":
        return {"count": len(ids), "ids": [*ids]}
    return {"count": len(ids), "sync": True, "errors": [*done.errors]}


def restore(session: Session, entity_name: str, body: JsonValue) -> JsonValue:
    """Bring many deleted records back."""
    done = restore_now(session, entity_name, given_object(body))
    return {"count": len(done.ids), "sync": True, "errors": [*done.errors]}


def unlink_all(session: Session, entity_name: str, body: JsonValue) -> JsonValue:
    """Take away all links of one kind of a record: the first twenty now, the rest in a job."""
    given = given_object(body)
    entity = session.instance.entity(entity_name)
    link = relations.link_of(entity, str(given.get("link")))
    record_id = str(given.get("id"))
    linked = relations.current_ids(session, entity, link, record_id=record_id)
    for one in linked[:20]:
        relations.remove(session, entity, link, record_id=record_id, other_id=one)
    if linked[20:]:
        rest: JsonObject = {"entityName": entity_name, "link": link.name, "remove": True,
                            "ids": [record_id], "foreignIds": [*linked[20:]]}  # fmt: skip
        queue.create_job(session, "Relation", payload=rest)
    return True


def relate_all(
    session: Session, entity_name: str, body: JsonObject, *, link_name: str, removing: bool
) -> JsonObject:
    """Link, or unlink, every record of one set with every one of another; return the counts.

    Raises:
        BadRequest: an association without `data.associationId`.
    """
    entity = session.instance.entity(entity_name)
    link = relations.link_of(entity, link_name)
    near = _side(session, entity_name, body, "ids", "where")
    far = _side(session, link.entity, body, "foreignIds", "foreignWhere")
    moment = session.instance.moment()
    done = 0
    errors: list[str] = []
    for one in near:
        for other in far:
            if removing:
                done += relations.remove(session, entity, link, record_id=one, other_id=other)
                continue
            try:
                if link.relation and link.relation.startswith("Associated"):
                    _associate(session, link, body, near_id=one, far_id=other)
                else:
                    relations.add(session, entity, link, record_id=one, other_id=other, moment=moment)
                done += 1
            except Refusal as refusal:
                errors.append(refusal.text)
    return {"done": done, "asked": len(near) * len(far), "errors": [*errors]}


def _associate(session: Session, link: Link, body: JsonObject, *, near_id: str, far_id: str) -> None:
    data = body.get("data")
    association = data.get("associationId") if isinstance(data, dict) else None
    if not association:
        raise BadRequest("data.associationId is required")
    values: JsonObject = {"associationId": association, link.near: near_id, link.far: far_id}
    rows.insert(session, str(link.relation), values, moment=session.instance.moment())


def relate(
    session: Session, entity_name: str, body: JsonValue, *, link_name: str, removing: bool
) -> JsonValue:
    """Do the same and answer as up to 2.2: the counts come in a sentence with HTML."""
    given = body if isinstance(body, dict) else {}
    done = relate_all(session, entity_name, given, link_name=link_name, removing=removing)
    return {
        "message": f"<span>{done['done']} of {done['asked']} {'unlinked' if removing else 'linked'}</span>"
    }


def _side(session: Session, entity_name: str, given: JsonObject, ids_key: str, where_key: str) -> list[str]:
    ids = given.get(ids_key)
    if isinstance(ids, list):
        return [str(one) for one in ids if relations.exists(session, entity_name, str(one))]
    return listing.matching_ids(session, entity_name, given[where_key]) if where_key in given else []
