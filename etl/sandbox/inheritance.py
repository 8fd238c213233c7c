"""Values that children take over from a parent that was changed: in the background, when the cron runs.

A child whose value was the parent's old one gets the new one.

Source: AtroCore, Hierarchy service (api-contract 8.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from etl.sandbox import rows
from etl.sandbox.trees import NEVER_INHERITED

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject


def note(session: Session, entity: Entity, record_id: str, *, before: JsonObject, after: JsonObject) -> None:
    """Note the changes of a record that has children."""
    if "fieldValueInheritance" not in entity.traits or entity.type != "Hierarchy":
        return
    if not _children(session, entity, record_id):
        return
    for name, value in after.items():
        if name in before and name not in NEVER_INHERITED:
            values = (orjson.dumps(before[name]).decode(), orjson.dumps(value).decode())
            session.run(
                "INSERT INTO _inheritance VALUES (?, ?, ?, ?, ?)", (entity.name, record_id, name, *values)
            )


def _children(session: Session, entity: Entity, record_id: str) -> list[str]:
    sql = f'SELECT "entityId" FROM "{entity.name}Hierarchy" WHERE deleted = 0 AND "parentId" = ?'
    return [str(row[0]) for row in session.rows(sql, (record_id,))]


def settle(session: Session) -> None:
    """Pass on what was noted, to children and to theirs."""
    noted = session.rows("SELECT entity, record_id, name, before, after FROM _inheritance ORDER BY rowid")
    session.run("DELETE FROM _inheritance")
    for name, record_id, column, before, after in noted:
        entity = session.instance.schema.entities.get(str(name))
        if entity is not None and entity.has(str(column)):
            old, new = orjson.loads(str(before)), orjson.loads(str(after))
            _pass_on(session, entity, str(record_id), change={"column": str(column), "old": old, "new": new})


def _pass_on(session: Session, entity: Entity, record_id: str, *, change: JsonObject) -> None:
    plan = session.instance.plan(entity.name)
    column = str(change["column"])
    for child in _children(session, entity, record_id):
        row = session.row(f'SELECT "{column}" FROM "{entity.name}" WHERE id = ? AND deleted = 0', (child,))
        if row is not None and row[0] == plan.to_sql(column, change["old"]):
            rows.change(session, entity.name, child, values={column: change["new"]})
            _pass_on(session, entity, child, change=change)
