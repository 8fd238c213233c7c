"""Who wrote a record on whose behalf: only where the sandbox was told so.

The header `Sandbox-Delegator: name` announces a delegated session; the signed-in user acts for that person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox.instance import USER_ID, USER_NAME

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject

HEADER = "Sandbox-Delegator"


def note(session: Session, entity_name: str, record_id: str, *, part: str) -> None:
    """Note that a record was written in a delegated session; `part` is createdBy or modifiedBy."""
    if session.delegator:
        values = (entity_name, record_id, part, session.delegator)
        session.run("INSERT OR REPLACE INTO _audit VALUES (?, ?, ?, ?)", values)


def read(session: Session, entity_name: str, record_id: str) -> JsonObject:
    """Return actor and delegator of a record's delegated writes."""
    sql = "SELECT part, delegator FROM _audit WHERE entity = ? AND record_id = ?"
    found: JsonObject = {}
    for part, delegator in session.rows(sql, (entity_name, record_id)):
        found[str(part)] = {
            "actor": {"id": USER_ID, "name": USER_NAME, "isSystem": False},
            "delegator": {"id": str(delegator).lower(), "name": str(delegator), "isSystem": False},
        }
    return found
