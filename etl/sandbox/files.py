"""Files: content, pieces, addresses, replacing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import records
from etl.sandbox.calls import Answer
from etl.sandbox.refusals import BadRequest, Crash

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject, JsonValue


def create(session: Session, body: JsonValue) -> JsonObject:
    """Store a file."""
    if not isinstance(body, dict):
        raise Crash
    return records.create(session, "File", body)


def update(session: Session, record_id: str, body: JsonValue) -> JsonObject:
    """Change what is known of a file."""
    return records.update(session, "File", record_id, body)


def reupload(session: Session, body: JsonValue) -> JsonObject:
    """Replace a file's content."""
    raise BadRequest


def proxied(session: Session, body: JsonValue) -> Answer:
    """Fetch an address for the browser."""
    raise BadRequest
