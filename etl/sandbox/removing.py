"""Deleting records, and bringing them back."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from etl.sandbox import relations, rows, trees
from etl.sandbox.refusals import BadRequest, NotFound

if TYPE_CHECKING:
    from etl.sandbox.instance import Session


def delete(session: Session, entity_name: str, record_id: str, *, permanently: bool = False) -> bool:
    """Delete a record; without `permanently` it can be restored, and its id be used again.

    Raises:
        NotFound: there is no such record.
    """
    entity = session.instance.entity(entity_name)
    live = relations.exists(session, entity_name, record_id)
    if not live and not permanently:
        raise NotFound
    table = f'"{entity.name}"'
    if permanently:
        if session.run(f"DELETE FROM {table} WHERE id = ?", (record_id,)) == 0:
            raise NotFound
    else:
        session.run(f"UPDATE {table} SET deleted = 1 WHERE id = ? AND deleted = 0", (record_id,))
        session.instance.note_deleted(entity_name)
    trees.forget(session, entity, record_id)
    return True


def restore(session: Session, entity_name: str, record_id: str) -> bool:
    """Bring a deleted record back; False where there is none."""
    entity = session.instance.entity(entity_name)
    try:
        return (
            session.run(f'UPDATE "{entity.name}" SET deleted = 0 WHERE id = ? AND deleted = 1', (record_id,))
            > 0
        )
    except sqlite3.IntegrityError as error:
        raise BadRequest(rows.CONSTRAINT) from error
