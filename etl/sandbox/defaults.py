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

_SORTED = ("sortOrderInAttributeGroup", "sortOrderInProduct")


def complete(session: Session, plan: Plan, state: JsonObject) -> None:
    """Put them in before the record is stored."""
    name = plan.entity.name
    if name == "Folder" and not state.get("storageId"):
        state["storageId"] = "a_base"
    if name == "Attribute":
        _attribute(session, plan, state)


def _attribute(session: Session, plan: Plan, state: JsonObject) -> None:
    columns = plan.entity.columns
    if "data" in columns:
        data = state.get("data")
        state["data"] = {**(data if isinstance(data, dict) else {}), "field": _field_settings(plan, state)}
    given = {"sortOrder": 0, **dict.fromkeys(_SORTED, session.instance.moment().epoch_s)}
    for key, value in given.items():
        if key in columns and state.get(key) is None:
            state[key] = value
    state["entityName"] = state.get("entityId")
    panel = state.get("attributePanelId")
    if isinstance(panel, str):
        row = session.row('SELECT name FROM "AttributePanel" WHERE id = ?', (panel,))
        state["attributePanelName"] = str(row[0]) if row else panel


def _field_settings(plan: Plan, state: JsonObject) -> JsonObject:
    settings: JsonObject = {}
    for key in _FIELD_SETTINGS:
        column = plan.entity.columns.get(key)
        if column is None or column.stored:
            continue
        if column.kind == "bool":
            state.setdefault(key, False)
        if state.get(key) is not None:
            settings[key] = state[key]
    return settings
