"""Filters by name: those of lists, and those that somebody saved.

A list knows the filters below; any other name says nothing, so all records come. Names of `primary` are
methods of modules or classes that the metadata names: this sandbox has none, so they say nothing either.

Source: atrocore/atrocore, SelectManagers/Base.php of 1.10.30, 2.1.25 and 2.2.31, `boolFilter…`,
`applyPrimaryFilter`, `savedSearch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from etl.sandbox.instance import USER_ID, marks
from etl.sandbox.query import conditions

if TYPE_CHECKING:
    from etl.sandbox.filters import Filter
    from etl.sandbox.metadata import JsonObject, JsonValue

_TRUTHS = {"onlyActive": ("isActive", 1), "notActive": ("isActive", 0), "onlyArchived": ("isArchived", 1)}
_OWNERS = {"ownedByMe": "ownerUserId", "assignedToMe": "assignedUserId"}


def named(found: Filter, item: JsonObject) -> str:
    """Return what a `bool` condition beside the others says; empty: nothing."""
    value = item.get("value")
    if item.get("type") != "bool" or not isinstance(value, (list, dict)):
        return ""
    names = value.values() if isinstance(value, dict) else value
    return " AND ".join(filter(None, (_filter(found, str(name)) for name in names)))


def _filter(found: Filter, name: str) -> str:
    if name in _TRUTHS:
        column, value = _TRUTHS[name]
        # A field that is not there is never true.
        return f"{found.column(column)} = {value}" if found.entity.has(column) else "0"
    if name == "onlyMy":
        mine = [key for key in _OWNERS.values() if found.entity.has(key)] or ["createdById"]
        return f"({' OR '.join(_is_mine(found, key) for key in mine)})"
    if name in _OWNERS:
        key = _OWNERS[name]
        return _is_mine(found, key if found.entity.has(key) else "createdById")
    return ""


def _is_mine(found: Filter, key: str) -> str:
    found.values.append(USER_ID)
    return f"{found.column(key)} = ?"


def saved(found: Filter, ids: JsonValue) -> list[JsonValue]:
    """Return the conditions of saved searches; those that are not there say nothing."""
    if not isinstance(ids, list) or not ids or "SavedSearch" not in found.session.instance.schema.entities:
        return []
    sql = f'SELECT data FROM "SavedSearch" WHERE deleted = 0 AND id IN ({marks(ids)})'
    rows = found.session.rows(sql, tuple(str(one) for one in ids))
    found_data = [orjson.loads(str(data)) for (data,) in rows if data]
    return [one for data in found_data for one in (conditions(data) if "condition" in data else [data])]
