"""Creating, changing and deleting records, in the order in which AtroCore does it.

Nothing here is undone: what was stored before a refusal stays stored.

Source: AtroCore REST API; observed on 1.10 and 2.1.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from etl.sandbox import (
    attribute_values,
    attributes,
    audits,
    defaults,
    file_records,
    inheritance,
    linked_objects,
    reading,
    relations,
    rows,
    trees,
    units,
    value_records,
)
from etl.sandbox.instance import USER_ID, USER_NAME, Moment, Plan, Session
from etl.sandbox.php import to_text
from etl.sandbox.refusals import BadRequest, Conflict, Crash, NotFound, NotModified, PhpError

if TYPE_CHECKING:
    from collections.abc import Collection

    from etl.sandbox.metadata import Entity, JsonObject, JsonValue, Link
    from etl.sandbox.storage import SqlValue

_NEVER_COMPARED = frozenset({"id", "deleted", "createdAt", "modifiedAt", "createdById"})


def create(
    session: Session, entity_name: str, payload: JsonValue, *, server: JsonObject | None = None
) -> JsonObject:
    """Store a new record; return what the server answers: what was sent with defaults, not what is stored.

    `server` are values that the server sets, read-only ones too.

    Raises:
        BadRequest: refused data, or unique values that are taken.
        SqlError: a value that the database cannot hold.
        Crash: the payload is no object.
    """
    if not isinstance(payload, dict):
        raise Crash
    instance = session.instance
    plan = instance.plan(entity_name)
    moment = instance.moment()
    if session.generation.linked_objects:
        payload = linked_objects.resolve(session, plan.entity, payload, create=create)
    payload = trees.inherit(session, plan.entity, payload)
    if value_records.is_value(session, plan.entity):
        payload = value_records.to_columns(session, payload, attribute_id=payload.get("attributeId"))
        server = value_records.new_values(payload)
    takers = plan.takers
    state: JsonObject = {"id": _new_id(session, payload)}
    for key, value in payload.items():
        take = takers.get(key)
        if take is not None and key != "id":
            state[key] = take(value)
    for key, value in plan.defaults.items():
        if key not in state:
            state[key] = value
    if server:
        state |= server
    given = tuple(state)
    _stamp(session, plan, state, moment)
    defaults.complete(session, plan, state)
    _check_required(plan, state)
    _check(session, plan, state, given)
    if plan.measured:
        units.settle(session, plan.entity, state)
    _insert(session, plan, state)
    audits.note(session, entity_name, record_key(state), part="createdBy")
    trees.keep_one_main(session, plan.entity, state)
    relations.check_stored(session, plan.entity.name, state)
    _break_off(session)
    _relate(session, plan.entity, payload, state=state, moment=moment, fresh=True)
    attributes.write_payload(session, plan.entity, payload, record_id=record_key(state))
    _complete(session, plan, state)
    return state


def _break_off(session: Session) -> None:
    """Fail, if that fault strikes, between a record and its relations."""
    if session.breaks_off():
        raise PhpError("a listener failed")


def _new_id(session: Session, payload: JsonObject) -> JsonValue:
    if "id" not in payload:
        return session.instance.ids.make()
    given = payload["id"]
    if given is None or given == "" or isinstance(given, (list, dict)):
        raise BadRequest
    return given


def _stamp(session: Session, plan: Plan, state: JsonObject, moment: Moment) -> None:
    """Put in what the server sets itself."""
    positions = plan.positions
    state["deleted"] = False
    if "createdAt" in positions:
        state["createdAt"] = state["modifiedAt"] = moment.text
    if "createdById" in positions:
        state["createdById"] = state["modifiedById"] = USER_ID
        state["modifiedByName"] = USER_NAME
    for key in ("ownerUser", "assignedUser"):
        if f"{key}Id" in positions and not state.get(f"{key}Id"):
            state[f"{key}Id"] = USER_ID
            state[f"{key}Name"] = USER_NAME
    entity = plan.entity
    if "sortOrder" in positions and entity.type == "Hierarchy" and state.get("sortOrder") is None:
        state["sortOrder"] = (
            moment.epoch_s if entity.name == "Category" else session.instance.sort_order(moment)
        )
    elif "sorting" in positions and state.get("sorting") is None:
        state["sorting"] = session.instance.sort_order(moment)


def _check_required(plan: Plan, state: JsonObject) -> None:
    for key in plan.required:
        value = state.get(key)
        if value is None or value == "":
            raise BadRequest(f"{key} is required")


def _check(session: Session, plan: Plan, state: JsonObject, keys: Collection[str]) -> None:
    checks = plan.checks
    for key in keys:
        check = checks.get(key)
        if check is not None:
            check(state[key])
    for column in plan.listed_options:
        if column.name in keys and state.get(column.name) not in (None, "", []):
            attribute_values.check_options(session, str(column.list_id), state[column.name])
    if plan.entity.type == "Relation":
        relations.check_pair(session, plan.entity.name, state)


def _insert(session: Session, plan: Plan, state: JsonObject) -> None:
    instance = session.instance
    row: list[SqlValue] = [*plan.template]
    positions, stores = plan.positions, plan.stores
    for key, value in state.items():
        position = positions.get(key)
        if position is not None:
            row[position] = stores[key](value)
    row[0] = instance.places.next(plan.entity.name)
    if instance.has_deleted(plan.entity.name):
        # A deleted record of the same id is removed for good; then the id can be used again.
        session.run(f'DELETE FROM "{plan.entity.name}" WHERE id = ? AND deleted = 1', (row[2],))
    try:
        session.connection.execute(plan.insert, row)
    except sqlite3.IntegrityError as error:
        raise BadRequest(rows.CONSTRAINT) from error


def _relate(
    session: Session, entity: Entity, payload: JsonObject, *, state: JsonObject, moment: Moment, fresh: bool
) -> None:
    """Store the multi-links of a payload."""
    record_id = record_key(state)
    for key, value in payload.items():
        link = multi_link(entity, key)
        if link is None or (fresh and link.name == "parents" and not session.generation.parents_by_ids):
            continue
        ids = _ids(value)
        if payload.get(f"{link.name}AddOnlyMode"):
            kept = [] if fresh else relations.current_ids(session, entity, link, record_id=record_id)
            ids = list(dict.fromkeys([*kept, *ids]))
        state[key] = [*ids]
        relations.replace(session, entity, link, record_id=record_id, ids=ids, moment=moment)
    trees.set_parent(session, entity, payload, state=state, moment=moment)
    trees.set_main_image(session, entity, payload, state=state, moment=moment)


def record_key(state: JsonObject) -> str:
    """Return a record's id as it is stored, whatever type was sent."""
    value = state["id"]
    return to_text(value) if isinstance(value, (int, float, str)) else ""


def multi_link(entity: Entity, key: str) -> Link | None:
    """Return the multi-link that a payload's `xIds` writes."""
    if not key.endswith("Ids"):
        return None
    link = entity.links.get(key[:-3])
    return link if link is not None and link.field else None


def _ids(value: JsonValue) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise PhpError("a list is needed")
    return list(dict.fromkeys(str(one) for one in value))


def _complete(session: Session, plan: Plan, state: JsonObject) -> None:
    """Put in what a new record shows although nobody sent it."""
    entity = plan.entity
    if entity.type == "Hierarchy":
        trees.show_new(session, entity, state)
    if session.generation.followed and "stream" in entity.traits:
        state |= {"isFollowed": True, "assignedUserName": USER_NAME}
    if value_records.is_value(session, entity):
        value_records.add_computed(session, [state])
    if entity.name == "Sharing":
        file_records.add_sharing(session, [state])
    for link in entity.links.values():
        if link.type == "belongsTo" and link.name in state and not entity.has(link.name):
            # A link's own name takes nothing, neither an id nor an object (observed on 1.10 and 2.1).
            state[link.name] = None


def update(
    session: Session,
    entity_name: str,
    record_id: str,
    payload: JsonValue,
    *,
    server: JsonObject | None = None,
) -> JsonObject:
    """Change a record; return what the server answers.

    A payload with another id than `record_id` is echoed with that id and stores nothing.

    Raises:
        NotFound: there is no live record.
        NotModified: nothing would change.
        Conflict: `_prev` names another old value.
        BadRequest: refused data.
    """
    if not isinstance(payload, dict):
        raise Crash
    plan = session.instance.plan(entity_name)
    row = session.row(f"{plan.select} AND id = ?", (record_id,))
    if row is None:
        raise NotFound
    if session.generation.linked_objects:
        payload = linked_objects.resolve(session, plan.entity, payload, create=create)
    stored = _stored(plan, row)
    if value_records.is_value(session, plan.entity):
        payload = value_records.to_columns(session, payload, attribute_id=stored.get("attributeId"))
    if not payload.get("_skipIsEntityUpdated") and not _is_updated(session, plan, stored, payload):
        raise NotModified
    if session.instance.checks_conflicts:
        _check_conflicts(stored, payload)
    return _apply(session, plan, record_id, payload=payload, stored=stored, server=server or {})


def _stored(plan: Plan, row: tuple[SqlValue, ...]) -> JsonObject:
    """Return a row's values with PHP's types: a float stays one."""
    shows = plan.shows
    values: JsonObject = {}
    for column, value in zip(plan.entity.stored, row, strict=True):
        show = shows.get(column.name)
        plain = value is None or show is None or column.kind == "float"
        values[column.name] = value if plain else show(value)  # type: ignore[assignment, misc]  # bytes are never stored here
    return values


def _is_updated(session: Session, plan: Plan, stored: JsonObject, payload: JsonObject) -> bool:
    """Say whether a payload differs from what is stored, by JSON type."""
    if "__attributes" in payload or "__attributesToRemove" in payload:
        return True
    for key, value in payload.items():
        if key in _NEVER_COMPARED:
            continue
        if key in stored:
            if key in plan.takers and not is_same(stored[key], value):
                return True
            continue
        link = multi_link(plan.entity, key)
        if link is not None:
            linked = set(relations.current_ids(session, plan.entity, link, record_id=str(stored["id"])))
            given = {str(one) for one in value} if isinstance(value, list) else set()
            if payload.get(f"{link.name}AddOnlyMode"):
                given |= linked
            if linked != given:
                return True
        elif trees.changes_parent(session, plan.entity, key, value=value, record_id=str(stored["id"])):
            return True
    return attributes.is_changed(session, plan.entity, payload, record_id=str(stored["id"]))


def is_same(stored: JsonValue, value: JsonValue) -> bool:
    """Compare as PHP's `===` does: 3 is not 3.0, "" is not null."""
    return type(stored) is type(value) and stored == value


def _check_conflicts(stored: JsonObject, payload: JsonObject) -> None:
    previous = payload.get("_prev")
    if not isinstance(previous, dict) or payload.get("_skipCheckForConflicts"):
        return
    for key, value in payload.items():
        if key in previous and key in stored and not is_same(stored[key], value):
            expected = previous[key]
            if expected != stored[key] or isinstance(expected, bool) != isinstance(stored[key], bool):
                raise Conflict(f"{key} was changed meanwhile")


def _apply(
    session: Session,
    plan: Plan,
    record_id: str,
    *,
    payload: JsonObject,
    stored: JsonObject,
    server: JsonObject,
) -> JsonObject:
    instance = session.instance
    moment = instance.moment()
    taken: JsonObject = {}
    for key, value in payload.items():
        take = plan.takers.get(key)
        if take is not None and key != "id":
            taken[key] = take(value)
    _check_required(plan, {**stored, **taken})
    changed = {
        key: value for key, value in taken.items() if key in stored and not is_same(stored[key], value)
    }
    _check(session, plan, {**stored, **taken}, changed.keys())
    written_id = payload.get("id", record_id)
    if written_id == record_id:
        audits.note(session, plan.entity.name, record_id, part="modifiedBy")
        _write(session, plan, record_id, changed={**changed, **server}, moment=moment)
        inheritance.note(session, plan.entity, record_id, before=stored, after=changed)
        state: JsonObject = {**taken, "id": record_id}
        _break_off(session)
        _relate(session, plan.entity, payload, state=state, moment=moment, fresh=False)
        added = attributes.write_payload(session, plan.entity, payload, record_id=record_id)
        trees.keep_one_main(session, plan.entity, {**stored, **taken})
        record = reading.read_one(session, plan.entity.name, record_id)
        return {**record, **state, **attributes.echo(session, plan.entity, record_id, added=added)}
    record = reading.read_one(session, plan.entity.name, record_id)
    return {**record, **taken, "id": written_id, "modifiedAt": moment.text}


def _write(session: Session, plan: Plan, record_id: str, *, changed: JsonObject, moment: Moment) -> None:
    values: JsonObject = {**changed}
    if "modifiedAt" in plan.positions:
        values |= {"modifiedAt": moment.text, "modifiedById": USER_ID}
    names = [key for key in values if key in plan.stores]
    parameters: list[SqlValue] = [session.instance.places.next(plan.entity.name)]
    parameters += [plan.stores[key](values[key]) for key in names]
    assigned = "".join(f', "{name}" = ?' for name in names)
    try:
        session.run(
            f'UPDATE "{plan.entity.name}" SET _place = ?{assigned} WHERE id = ? AND deleted = 0',
            (*parameters, record_id),
        )
    except sqlite3.IntegrityError as error:
        raise BadRequest(rows.CONSTRAINT) from error
