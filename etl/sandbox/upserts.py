"""The bulk call: each item is found or not, then created or changed, on its own.

Source: AtroCore REST API, "Bulk Create and Update"; observed on 1.10 and 2.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import records
from etl.sandbox.refusals import BadRequest, Crash, NotModified, PhpError, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.sandbox.generations import Generation
    from etl.sandbox.instance import Plan, Session
    from etl.sandbox.metadata import JsonObject, JsonValue
    from etl.sandbox.storage import SqlValue


class Batch:
    """One bulk call while it runs."""

    def __init__(self, session: Session, *, before_item: Callable[[int], None] | None = None) -> None:
        self._session = session
        self._before_item = before_item
        self._found: str | None = None

    def run(self, body: JsonValue) -> JsonValue:
        """Return the answers in the order of the items.

        Raises:
            Crash: an item that ends the whole call; the ones before it stay stored.
        """
        if isinstance(body, dict):
            return {key: self._answer(item, number) for number, (key, item) in enumerate(body.items())}
        items = body if isinstance(body, list) else [] if body is None else [body]
        return [self._answer(item, number) for number, item in enumerate(items)]

    def _answer(self, item: JsonValue, number: int) -> JsonValue:
        if self._before_item is not None:
            self._before_item(number)
        if not isinstance(item, (dict, str)):
            raise Crash
        given: JsonObject = item if isinstance(item, dict) else {}
        for key in ("entity", "payload"):
            if key not in given:
                return {"status": "Failed", "stored": False, "message": f"'{key}' is required."}
        name, payload = given["entity"], given["payload"]
        if not isinstance(name, str) or name not in self._session.instance.schema.entities:
            return _failed_without_code(self._session.generation, f"no service for {name!r}")
        if not isinstance(payload, dict):
            raise Crash
        return self._stored(name, payload)

    def _stored(self, name: str, payload: JsonObject) -> JsonValue:
        session = self._session
        existing: str | None = None
        try:
            existing = self._find(name, payload)
            if existing is None:
                if name == "File":
                    return self._file(payload)
                return _success(
                    session.generation, name, "Created", record=records.create(session, name, payload)
                )
            record = records.update(session, name, existing, payload)
            return _success(session.generation, name, "Updated", record=record)
        except NotModified as refusal:
            return _not_modified(session.generation, name, existing, refusal=refusal)
        except Refusal as refusal:
            return _failed(session.generation, name, existing, refusal=refusal)

    def _find(self, name: str, payload: JsonObject) -> str | None:
        session = self._session
        plan = session.instance.plan(name)
        if session.generation.stale_match:
            if "id" in payload:
                self._found = _by_id(session, plan, payload["id"])
            if self._found is None:
                self._found = _by_unique(session, plan, payload)
            return self._found
        found = _by_id(session, plan, payload["id"]) if "id" in payload else None
        return found if found is not None else _by_unique(session, plan, payload)

    def _file(self, payload: JsonObject) -> JsonValue:
        """A file is stored and then reported as failed, because the service answers something unexpected."""
        from etl.sandbox import files  # noqa: PLC0415  # files are created by the bulk call too

        files.create(self._session, payload)
        raise PhpError("the file service answered no record")


def _by_id(session: Session, plan: Plan, given: JsonValue) -> str | None:
    if given is None or given == "" or isinstance(given, (list, dict)):
        raise BadRequest
    row = session.row(f'SELECT id FROM "{plan.entity.name}" WHERE id = ? AND deleted = 0', (str(given),))
    return str(row[0]) if row else None


def _by_unique(session: Session, plan: Plan, payload: JsonObject) -> str | None:
    """Find a record by its unique fields together; by unique indexes where no field is unique."""
    entity = plan.entity
    wanted: dict[str, JsonValue] = {}
    unique = entity.unique_columns
    for column in unique:
        if payload.get(column.name) not in (None, ""):
            wanted[column.name] = payload[column.name]
        elif column.not_null:
            wanted[column.name] = ""
    if not unique and session.generation.index_lookup:
        for names in entity.unique_indexes:
            if all(name in payload for name in names):
                wanted |= {name: payload[name] for name in names}
    if not wanted:
        return None
    values: list[SqlValue] = [plan.to_sql(name, value) for name, value in wanted.items()]
    conditions = " AND ".join(f'"{name}" IS ?' for name in wanted)
    row = session.row(
        f'SELECT id FROM "{entity.name}" WHERE deleted = 0 AND {conditions} LIMIT 1', tuple(values)
    )
    return str(row[0]) if row else None


def _success(generation: Generation, name: str, status: str, *, record: JsonObject) -> JsonObject:
    if generation.item_answer == "id":
        return {"entity": name, "id": record["id"], "stored": True, "status": status}
    return {"status": status, "stored": True, "entity": record}


def _not_modified(
    generation: Generation, name: str, existing: str | None, *, refusal: NotModified
) -> JsonObject:
    if generation.unchanged_item == "failed":
        return _failed(generation, name, existing, refusal=refusal)
    if generation.item_answer == "id":
        return {"entity": name, "id": existing, "stored": True, "status": "NotModified"}
    return {"status": "NotModified", "stored": True}


def _failed(generation: Generation, name: str, existing: str | None, *, refusal: Refusal) -> JsonObject:
    text = refusal.item_text if isinstance(refusal, PhpError) else refusal.text
    if generation.item_answer == "id":
        found: JsonObject = {"entity": name, "id": existing} if existing is not None else {}
        return {**found, "stored": False, "status": "Failed", "code": refusal.code, "message": text}
    return {"status": "Failed", "stored": False, "message": f"Code: {refusal.code}. Message: {text}"}


def _failed_without_code(generation: Generation, text: str) -> JsonObject:
    if generation.item_answer == "id":
        return {"status": "Failed", "stored": False, "code": 0, "message": text}
    return {"status": "Failed", "stored": False, "message": text}


def check_body(generation: Generation, body: JsonValue) -> None:
    """Hold a bulk body against the route's schema.

    Raises:
        BadRequest: it does not fit; nothing was stored.
    """
    if not generation.bodies_checked:
        return
    if not isinstance(body, list):
        raise BadRequest("the body does not match its schema: not a list")
    for item in body:
        fits = (
            isinstance(item, dict)
            and isinstance(item.get("entity", ""), str)
            and isinstance(item.get("payload", {}), (dict, list))
        )
        if not fits or (
            generation.item_keys_checked
            and isinstance(item, dict)
            and not {"entity", "payload"} <= item.keys()
        ):
            raise BadRequest("the body does not match its schema: an item does not fit")
