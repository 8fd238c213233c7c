"""The description of what the sandbox serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject


def describe(session: Session) -> JsonObject:
    """Return `GET /openapi.json`."""
    return {
        "openapi": "3.0.0",
        "info": {"title": "AtroCore sandbox", "version": session.generation.name},
        "paths": {},
    }
