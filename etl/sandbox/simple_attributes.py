"""The four simple endpoints for attribute values of a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.calls import Call
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonValue


def answer(session: Session, call: Call) -> JsonValue:
    """Return the answer of one of the endpoints; None where the request is for none of them."""
    return None
