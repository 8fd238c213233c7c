"""What headers add to records: `_meta`, flattened attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject


def with_meta(session: Session, entity_name: str, page: JsonObject, *, linked: bool = False) -> JsonObject:
    """Return a page with `_meta` in each record, where it was asked for."""
    records = page.get("list")
    if session.meta and session.generation.meta and isinstance(records, list):
        for record in records:
            if isinstance(record, dict):
                record["_meta"] = _meta(linked=linked)
    return page


def record_with_meta(session: Session, entity_name: str, record: JsonObject) -> JsonObject:
    """Return a record with `_meta`, where it was asked for."""
    if session.meta and session.generation.meta:
        record["_meta"] = _meta(linked=False)
    return record


def with_attributes(session: Session, entity_name: str, record: JsonObject, *, alone: bool) -> JsonObject:
    """Return a record with its flattened attributes, where they were asked for."""
    return record


def _meta(*, linked: bool) -> JsonObject:
    permissions: JsonObject = {"edit": True, "delete": True, "stream": True}
    return {"permissions": {**permissions, **({"unlink": True} if linked else {})}}
