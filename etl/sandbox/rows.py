"""Rows that the server stores by itself, without the checks of a request."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from etl.sandbox.instance import USER_ID
from etl.sandbox.refusals import BadRequest

if TYPE_CHECKING:
    from etl.sandbox.instance import Moment, Session
    from etl.sandbox.metadata import JsonObject
    from etl.sandbox.storage import SqlValue

#: What a unique index says.
CONSTRAINT = "a record with these unique values exists"


def insert(session: Session, entity_name: str, values: JsonObject, *, moment: Moment) -> str:
    """Store a row with the columns that the server fills; return its id.

    Raises:
        BadRequest: its unique values are taken.
    """
    instance = session.instance
    plan = instance.plan(entity_name)
    row: list[SqlValue] = [*plan.template]
    row_id = str(values.get("id") or instance.ids.make())
    given: JsonObject = {
        "createdAt": moment.text,
        "modifiedAt": moment.text,
        "createdById": USER_ID,
        "modifiedById": USER_ID,
        "sorting": instance.sort_order(moment),
        **values,
        "id": row_id,
    }
    for key, value in given.items():
        position = plan.positions.get(key)
        if position is not None:
            row[position] = plan.stores[key](value)
    row[0] = instance.places.next(entity_name)
    try:
        session.run(plan.insert, tuple(row))
    except sqlite3.IntegrityError as error:
        raise BadRequest(CONSTRAINT) from error
    return row_id


def change(session: Session, entity_name: str, row_id: str, *, values: JsonObject) -> None:
    """Change columns of a row."""
    plan = session.instance.plan(entity_name)
    names = [key for key in values if key in plan.stores]
    if not names:
        return
    assigned = ", ".join(f'"{name}" = ?' for name in names)
    parameters = tuple(plan.stores[name](values[name]) for name in names)
    place = session.instance.places.next(entity_name)
    session.run(
        f'UPDATE "{entity_name}" SET _place = ?, {assigned} WHERE id = ?', (place, *parameters, row_id)
    )


def touch(session: Session, entity_name: str, row_id: str) -> None:
    """Store a row again as it is: it moves to the end."""
    place = session.instance.places.next(entity_name)
    session.run(f'UPDATE "{entity_name}" SET _place = ? WHERE id = ?', (place, row_id))
