"""Query strings as PHP reads them: `where[0][type]=equals` becomes nested lists and objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import orjson

if TYPE_CHECKING:
    from etl.sandbox.metadata import JsonObject, JsonValue

_PART = re.compile(r"\[([^\]]*)\]")
MAX_VARIABLES = 1000
"""PHP's max_input_vars: what comes after is dropped silently."""


def read_query(text: str) -> JsonObject:
    """Return the parameters of a query string; objects with keys 0, 1, 2 … become lists."""
    tree: JsonObject = {}
    for pair in text.split("&", MAX_VARIABLES)[:MAX_VARIABLES] if text else ():
        key, _, value = pair.partition("=")
        _put(tree, unquote_plus(key), unquote_plus(value))
    return {key: _with_lists(value) for key, value in tree.items()}


def _put(tree: JsonObject, key: str, value: str) -> None:
    name, bracket, _ = key.partition("[")
    parts = _PART.findall(key) if bracket else []
    node = tree
    for part in [name, *parts][:-1]:
        following = node.get(part or str(len(node)))
        if not isinstance(following, dict):
            following = {}
            node[part or str(len(node))] = following
        node = following
    last = [name, *parts][-1]
    node[last if last or not parts else str(len(node))] = value


def _with_lists(value: JsonValue) -> JsonValue:
    if not isinstance(value, dict):
        return value
    made = {key: _with_lists(item) for key, item in value.items()}
    if made and all(key == str(index) for index, key in enumerate(made)):
        return list(made.values())
    return made


def conditions(value: JsonValue) -> list[JsonValue]:
    """Return the conditions of a `where` parameter: a list, an object with numbers, or a JSON text.

    A JSON text is damaged as the real server damages it, and an unreadable one means no condition at all.

    Source: AtroCore REST API, "where" as JSON.
    """
    if isinstance(value, str):
        text = (
            value.replace('\\"', '"')
            .replace("\\n", "")
            .replace("\\t", "")
            .replace('"{', "{")
            .replace('}"', "}")
        )
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return []
    if isinstance(value, dict):
        return [_builder(value)] if "condition" in value else list(value.values())
    return value if isinstance(value, list) else []


_BUILDER_OPERATORS = {
    "equal": "equals",
    "not_equal": "notEquals",
    "begins_with": "startsWith",
    "ends_with": "endsWith",
    "not_contains": "notContains",
    "less": "lessThan",
    "less_or_equal": "lessThanOrEquals",
    "greater": "greaterThan",
    "greater_or_equal": "greaterThanOrEquals",
    "not_in": "notIn",
    "linked_with": "linkedWith",
    "not_linked_with": "notLinkedWith",
    "is_linked": "isLinked",
    "is_not_linked": "isNotLinked",
    "is_null": "isNull",
    "is_not_null": "isNotNull",
    "array_any_of": "arrayAnyOf",
    "array_none_of": "arrayNoneOf",
    "is_true": "isTrue",
    "is_false": "isFalse",
}


def _builder(node: JsonObject) -> JsonObject:
    """Return the query builder's form (`condition`, `rules`) in the other one."""
    rules = node.get("rules")
    if "condition" in node:
        parts: list[JsonValue] = (
            [_builder(rule) for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
        )
        return {"type": str(node["condition"]).lower(), "value": parts}
    operator = str(node.get("operator") or "")
    return {
        "type": _BUILDER_OPERATORS.get(operator, operator),
        "attribute": node.get("id"),
        "value": node.get("value"),
    }
