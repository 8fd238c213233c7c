"""Values of attributes, and options of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox.refusals import BadRequest

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject, JsonValue


def check_options(session: Session, list_id: str, value: JsonValue) -> None:
    """Refuse option ids that are not in the list.

    Raises:
        BadRequest: an unknown option.
    """
    if "ExtensibleEnumExtensibleEnumOption" not in session.instance.schema.entities:
        return
    for one in value if isinstance(value, list) else [value]:
        sql = (
            'SELECT 1 FROM "ExtensibleEnumExtensibleEnumOption" WHERE deleted = 0 '
            'AND "extensibleEnumId" = ? AND "extensibleEnumOptionId" = ?'
        )
        if session.row(sql, (list_id, str(one))) is None:
            raise BadRequest(f"{one!r} is not an option of the list {list_id!r}")


def write_payload(session: Session, entity: Entity, payload: JsonObject, *, state: JsonObject) -> None:
    """Store the attribute values that ride in a record's payload."""


def is_changed(session: Session, entity: Entity, payload: JsonObject, *, record_id: str) -> bool:
    """Say whether a payload changes an attribute of a record."""
    return False


def echo(session: Session, entity: Entity, record_id: str) -> JsonObject:
    """Return what an answer to an update shows of a record's attributes."""
    return {}
