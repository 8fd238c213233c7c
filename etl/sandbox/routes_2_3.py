"""The routes of 2.3 under `/api` that differ from those before.

Source: AtroCore REST API 2.3, as far as documented; nothing of it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from etl.sandbox import files, listing, mass, queue, records, relations
from etl.sandbox.calls import text_parameter
from etl.sandbox.refusals import BadRequest, NoRoute

if TYPE_CHECKING:
    from etl.sandbox.calls import Call
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject, JsonValue

Route = Callable[["Session", "Call"], "JsonValue"]


def find(call: Call) -> Route | None:
    """Return what answers a request in 2.3 only; None where the route is as before.

    Raises:
        NoRoute: a route of earlier generations that 2.3 no longer has.
    """
    if len(call.path) == 1 and call.path != ("I18n",):
        return _ROUTES.get((call.method, call.path[0]))
    if call.path == ("File", "createChunk") and call.method == "POST":
        return lambda session, call: files.create_piece(session, call.body())
    if len(call.path) == 3 and call.path[0] == "File":
        if (call.method, call.path[2]) == ("PATCH", "reupload"):
            return _reupload
        if (call.method, call.path[2]) == ("POST", "createSharedUrl"):
            return _share
    gone = (
        call.path[0] == "MassActions"
        or (len(call.path) == 3 and call.path[1] == "action" and call.path[0] != "App")
        or (len(call.path) == 3 and call.path[2] == "relation")
        or (len(call.path) == 2 and call.method == "PUT")
        or call.path in {("App", "user"), ("I18n",)}
    )
    if gone:
        raise NoRoute
    return None


def _body(call: Call, *keys: str) -> JsonObject:
    body = call.body()
    if not isinstance(body, dict):
        raise BadRequest("the body does not match its schema")
    missing = [key for key in keys if key not in body]
    if missing:
        raise BadRequest(f"the body does not match its schema: {', '.join(missing)} is missing")
    return body


def _reupload(session: Session, call: Call) -> JsonValue:
    return files.reupload(session, {**_body(call), "reupload": call.path[1]})


def _share(session: Session, call: Call) -> JsonValue:
    record = records.create(session, "Sharing", {**_body(call), "fileId": call.path[1]})
    return {"sharedUrl": f"{session.site}/sharings/{record['id']}", "id": record["id"]}


def _mass_update(session: Session, call: Call) -> JsonValue:
    body = _body(call, "entityName", "ids", "values")
    _refuse_many(body)
    done = mass.update_now(session, str(body["entityName"]), body)
    return {"updated": done.count, "errors": [*done.errors]}


def _mass_delete(session: Session, call: Call) -> JsonValue:
    body = _body(call, "entityName", "ids")
    _refuse_many(body)
    done = mass.delete_now(session, str(body["entityName"]), body)
    return {"deleted": done.count, "errors": [*done.errors]}


def _restore(session: Session, call: Call) -> JsonValue:
    body = _body(call, "entityName", "ids")
    done = mass.restore_now(session, str(body["entityName"]), body)
    return {"restored": done.count, "errors": [*done.errors]}


def _refuse_many(body: JsonObject) -> None:
    ids = body["ids"]
    if not isinstance(ids, list):
        raise BadRequest("the body does not match its schema: ids is no list")
    if len(ids) > mass.MOST_WITHOUT_JOB:
        raise BadRequest(f"more than {mass.MOST_WITHOUT_JOB} records: use the route that ends in Async")


def _queued(kind: str) -> Route:
    def route(session: Session, call: Call) -> JsonValue:
        body = _body(call, "entityName")
        return {"jobId": queue.create_job(session, kind, payload=body)}

    return route


def _relation_list(session: Session, call: Call) -> JsonValue:
    name, record_id, link = (text_parameter(call.query.get(key)) for key in ("entityName", "id", "link"))
    return listing.list_linked(session, name, record_id, link_name=link, query=call.query)


def _relate(session: Session, call: Call) -> JsonValue:
    body = _body(call, "entityName", "id", "link")
    name, record_id, link = (str(body[key]) for key in ("entityName", "id", "link"))
    ids = body.get("foreignIds")
    return relations.add_all(
        session, name, record_id, link_name=link, body={"ids": ids if isinstance(ids, list) else []}
    )


def _unrelate(session: Session, call: Call) -> JsonValue:
    body = _body(call, "entityName", "id", "link")
    name, record_id, link = (str(body[key]) for key in ("entityName", "id", "link"))
    ids = body.get("foreignIds")
    wanted = [str(one) for one in ids] if isinstance(ids, list) else []
    return relations.remove_all(session, name, record_id, link_name=link, ids=wanted)


def _relate_bulk(session: Session, call: Call) -> JsonValue:
    body = _body(call, "entityName", "link")
    removing = call.method == "DELETE"
    done = mass.relate_all(
        session, str(body["entityName"]), body, link_name=str(body["link"]), removing=removing
    )
    return {"unrelated" if removing else "related": done["done"], "errors": done["errors"]}


_ROUTES: dict[tuple[str, str], Route] = {
    ("PATCH", "entityMassUpdate"): _mass_update,
    ("PATCH", "entityMassUpdateAsync"): _queued("MassUpdate"),
    ("POST", "entityMassDelete"): _mass_delete,
    ("POST", "entityMassDeleteAsync"): _queued("MassDelete"),
    ("POST", "entityRestore"): _restore,
    ("POST", "entityRestoreAsync"): _queued("MassRestore"),
    ("GET", "entityRelation"): _relation_list,
    ("POST", "entityRelation"): _relate,
    ("DELETE", "entityRelation"): _unrelate,
    ("POST", "entityRelationBulk"): _relate_bulk,
    ("DELETE", "entityRelationBulk"): _relate_bulk,
    ("POST", "entityRelationBulkAsync"): _queued("Relation"),
    ("GET", "metadata"): lambda session, call: session.instance.schema.raw,  # noqa: ARG005  # every route gets the call
}
