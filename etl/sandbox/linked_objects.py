"""`{"brand": {"name": "Apple"}}`: a linked record is found by all given values, or created, and linked.

Source: AtroCore REST API, "Creating Linked Entity Records During Create/Update".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from etl.sandbox.refusals import BadRequest

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject, JsonValue, Link
    from etl.sandbox.storage import SqlValue

Create = Callable[["Session", str, "JsonValue"], "JsonObject"]


def resolve(session: Session, entity: Entity, payload: JsonObject, *, create: Create) -> JsonObject:
    """Return the payload with ids in place of linked objects; `create` makes those that are missing.

    Raises:
        BadRequest: an object within an object, or a record that cannot be created.
    """
    made: JsonObject | None = None
    for key, value in payload.items():
        if not isinstance(value, (dict, list)):
            continue
        link = entity.links.get(key)
        column = entity.columns.get(key)
        if link is None and column is not None and column.list_id and isinstance(value, dict):
            made = made if made is not None else {**payload}
            made[key] = _find_or_create(
                session, "ExtensibleEnumOption", value, list_id=column.list_id, create=create
            )
        elif link is not None and isinstance(value, dict) and link.type == "belongsTo":
            made = made if made is not None else {**payload}
            del made[key]
            made[f"{key}Id"] = _find_or_create(
                session, link.entity, value, list_id=_list_of(entity, key), create=create
            )
        elif (
            link is not None
            and isinstance(value, list)
            and value
            and all(isinstance(one, dict) for one in value)
        ):
            made = made if made is not None else {**payload}
            del made[key]
            made[f"{key}Ids"] = _all(session, link, value, create=create)
    return payload if made is None else made


def _list_of(entity: Entity, key: str) -> str | None:
    column = entity.columns.get(f"{key}Id")
    return column.list_id if column is not None else None


def _all(session: Session, link: Link, value: list[JsonValue], *, create: Create) -> JsonValue:
    return [
        _find_or_create(session, link.entity, one, list_id=None, create=create)
        for one in value
        if isinstance(one, dict)
    ]


def _find_or_create(
    session: Session, entity_name: str, given: JsonObject, *, list_id: str | None, create: Create
) -> str:
    entity = session.instance.entity(entity_name)
    if any(isinstance(value, (dict, list)) for value in given.values()):
        raise BadRequest("a linked object may not hold another one")
    plan = session.instance.plan(entity_name)
    conditions: list[str] = []
    values: list[SqlValue] = []
    for key, value in given.items():
        if entity.has(key):
            conditions.append(f't."{key}" IS ?')
            values.append(plan.to_sql(key, value))
    within = ""
    if list_id and entity_name == "ExtensibleEnumOption":
        within = (
            ' AND EXISTS (SELECT 1 FROM "ExtensibleEnumExtensibleEnumOption" m WHERE m.deleted = 0 '
            'AND m."extensibleEnumOptionId" = t.id AND m."extensibleEnumId" = ?)'
        )
        values.append(list_id)
    if conditions:
        both = " AND ".join(["deleted = 0", *conditions])
        sql = f'SELECT id FROM "{entity_name}" t WHERE {both}{within} ORDER BY _place LIMIT 1'
        row = session.row(sql, tuple(values))
        if row is not None:
            return str(row[0])
    more: JsonObject = {"extensibleEnumsIds": [list_id]} if within else {}
    return str(create(session, entity_name, {**given, **more})["id"])
