"""What the server itself puts into new records of some entities."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.instance import Plan, Session
    from etl.sandbox.metadata import JsonObject

#: Fields of an attribute that lie in its `data`.
_FIELD_SETTINGS = (
    "min",
    "max",
    "maxLength",
    "countBytesInsteadOfCharacters",
    "dropdown",
    "fullWidth",
    "allowedOptions",
)


def complete(session: Session, plan: Plan, state: JsonObject) -> None:
    """Put them in before the record is stored."""
    name = plan.entity.name
    if name == "Folder" and not state.get("storageId"):
        state["storageId"] = "a_base"
    if name == "Attribute":
        _attribute(session, plan, state)


def _attribute(session: Session, plan: Plan, state: JsonObject) -> None:
    columns = plan.entity.columns
    settings: JsonObject = {}
    for key in _FIELD_SETTINGS:
        if key in columns and not columns[key].stored:
            if columns[key].kind == "bool":
                state.setdefault(key, False)
            if state.get(key) is not None:
                settings[key] = state[key]
    data = state.get("data")
    if "data" in columns:
        state["data"] = {**(data if isinstance(data, dict) else {}), "field": settings}
    if "sortOrder" in columns and state.get("sortOrder") is None:
        state["sortOrder"] = 0
    for key in ("sortOrderInAttributeGroup", "sortOrderInProduct"):
        if key in columns and state.get(key) is None:
            state[key] = session.instance.moment().epoch_s
    for link in ("attributePanel", "entity"):
        given = state.get(f"{link}Id")
        if isinstance(given, str) and given:
            row = (
                session.row('SELECT name FROM "AttributePanel" WHERE id = ?', (given,))
                if link == "attributePanel"
                else None
            )
            state[f"{link}Name"] = str(row[0]) if row else given
