"""Filters compiled to SQL with parameters.

What AtroCore does with what it does not understand is kept: an unknown operator drops the condition, so more
records come; an unknown attribute is never true, so none come.

Source: AtroCore REST API, "where"; observed on 1.10 and 2.1; atrocore/atrocore, SelectManagers/Base.php of
1.10.30, 2.1.25 and 2.2.31.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from etl.sandbox import php, where_dates, where_links, where_named
from etl.sandbox.filters import Filter
from etl.sandbox.metadata import Column, JsonValue
from etl.sandbox.query import conditions
from etl.sandbox.refusals import SqlError, Unfinished
from etl.sandbox.values import database_date

if TYPE_CHECKING:
    from etl.sandbox.metadata import JsonObject
    from etl.sandbox.storage import SqlValue

SIMILAR_ENOUGH = 0.3
"""AtroCore's setting `similarityThreshold`, where nothing else is set."""
NEVER = "0"
"""SQL that is never true."""

_COMPARISONS = {
    "equals": "=", "on": "=", "notEquals": "<>", "notOn": "<>",
    "greaterThan": ">", "after": ">", "lessThan": "<", "before": "<",
    "greaterThanOrEquals": ">=", "lessThanOrEquals": "<=",
}  # fmt: skip
_LIKES = {
    "like": ("{}", False), "notLike": ("{}", True), "startsWith": ("{}%", False), "endsWith": ("%{}", False),
    "contains": ("%{}%", False), "notContains": ("%{}%", True),
}  # fmt: skip
_SETS = {"in", "notIn"}
_LINK_TYPES = {"linkedWith", "notLinkedWith", "isLinked", "isNotLinked"}


def compile_where(found: Filter, where: JsonValue) -> str:
    """Return the conditions as SQL, joined by AND; empty where there are none.

    Raises:
        SqlError: a value that the column's type cannot hold.
        Unfinished: `not` in generations that answer it with a note.
    """
    items = conditions(where)
    parts = [where_named.named(found, item) for item in items if isinstance(item, dict)]
    parts += [_search(found, item) for item in items if isinstance(item, dict)]
    parts.append(join(found, items, "AND"))
    return " AND ".join(filter(None, parts))


def _search(found: Filter, item: JsonObject) -> str:
    is_search = item.get("type") == "textFilter" and not _is_disabled(item)
    return text_search(found, str(item.get("value") or "")) if is_search else ""


def join(found: Filter, items: list[JsonValue], word: str) -> str:
    """Return several conditions joined by AND or OR, leaving out the ones that say nothing."""
    parts = [part for item in items if isinstance(item, dict) and (part := _condition(found, item))]
    return parts[0] if len(parts) == 1 else f"({f' {word} '.join(parts)})" if parts else ""


def _condition(found: Filter, item: JsonObject) -> str:
    """Return one condition as SQL; empty where it says nothing."""
    type_ = item.get("type")
    if not isinstance(type_, str) or _is_disabled(item):
        return ""
    if type_ == "savedSearch" and found.session.generation.saved_searches:
        return join(found, where_named.saved(found, item.get("value")), "AND")
    grouping = _GROUPINGS.get(type_)
    if grouping is not None:
        return grouping(found, item.get("value"))
    attribute = item.get("attribute", item.get("field"))
    if php.is_truthy(item.get("isAttribute")):
        name = str(attribute or "")
        return where_links.attribute_condition(found, type_, name, item=item, compare=_of_column)
    if not isinstance(attribute, str) or not attribute:
        return NEVER if _is_known(type_) else ""
    return _of_field(found, type_, attribute, item=item)


def _of_field(found: Filter, type_: str, attribute: str, *, item: JsonObject) -> str:
    value = item.get("value")
    if type_ in _LINK_TYPES:
        link = found.entity.links.get(attribute)
        return where_links.link_condition(found, type_, link, item=item, nested=compile_where) if link else ""
    if type_ in where_links.COLUMN_TYPES and found.session.generation.relation_columns_filtered:
        return where_links.column_condition(found, type_, attribute, value=value)
    column = found.entity.columns.get(attribute)
    if column is None or not _is_known(type_):
        return NEVER if _is_known(type_) else ""
    if not column.stored:
        # Observed on 2.1: a filter on a linked record's name names a table that the query does not have.
        raise SqlError(f"SQLSTATE[42P01]: missing FROM-clause entry for {attribute}")
    if item.get("subQuery") is not None and type_ in _SETS:
        return where_links.subquery_condition(found, type_, column, item=item, nested=compile_where)
    if php.is_truthy(item.get("unitField")) and found.session.generation.compares_units:
        return where_links.unit_condition(found, type_, column, value=value)
    return _of_column(found, type_, column, sql=found.column(column.name), value=value)


def _is_disabled(item: JsonObject) -> bool:
    data = item.get("data")
    return isinstance(data, dict) and php.is_truthy(data.get("disabled")) and data.get("disabled") != "false"


def _items(value: JsonValue) -> list[JsonValue]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _negation(found: Filter, value: JsonValue) -> str:
    del value
    if found.session.generation.negation == "unfinished":
        raise Unfinished("this generation has not finished the negated query\n")
    return NEVER


def _similar(found: Filter, type_: str, column: Column, sql: str, value: JsonValue) -> str:
    del column
    text = _text(value)
    if not text or not found.session.generation.compares_units:
        return ""
    found.values.append(text)
    return f"{'word_similarity' if type_ == 'wordSimilar' else 'similarity'}(?, {sql}) >= {SIMILAR_ENOUGH}"


def _is_known(type_: str) -> bool:
    return type_ in _OPERATORS or type_ in _SIMPLE or where_dates.is_known(type_)


def _of_column(found: Filter, type_: str, column: Column, *, sql: str, value: JsonValue) -> str:
    """Return one comparison of a column; empty for an operator that does not exist."""
    if type_ in _SIMPLE:
        return _SIMPLE[type_](sql)
    if type_ in {"on", "notOn"} and column.kind == "datetime":
        return where_dates.whole_day(found.values, sql, value, negated=type_ == "notOn")
    operator = _OPERATORS.get(type_)
    if operator is not None:
        return operator(found, type_, column, sql, value)
    return where_dates.date_condition(found, type_, column, sql=sql, value=value)


_SIMPLE: dict[str, Callable[[str], str]] = {
    "isNull": lambda sql: f"{sql} IS NULL",
    "isNotNull": lambda sql: f"{sql} IS NOT NULL",
    "ever": lambda sql: f"{sql} IS NOT NULL",
    "isTrue": lambda sql: f"{sql} = 1",
    "isFalse": lambda sql: f"{sql} = 0",
    "arrayIsEmpty": lambda sql: f"({sql} IS NULL OR {sql} IN ('', '[]'))",
    "arrayIsNotEmpty": lambda sql: f"({sql} IS NOT NULL AND {sql} NOT IN ('', '[]'))",
}


def _comparison(found: Filter, type_: str, column: Column, sql: str, value: JsonValue) -> str:
    operator = _COMPARISONS[type_]
    if operator in {"=", "<>"}:
        if isinstance(value, list):
            return _among(found, column, sql=sql, items=value, negated=operator == "<>")
        if value is None:
            return f"{sql} IS NULL" if operator == "=" else f"{sql} IS NOT NULL"
    found.values.append(to_sql(column, value))
    return f"{sql} {operator} ?"


def _among(found: Filter, column: Column, *, sql: str, items: list[JsonValue], negated: bool) -> str:
    if not items:
        return "1" if negated else NEVER
    found.values += [to_sql(column, item) for item in items]
    return f"{sql} {'NOT ' if negated else ''}IN ({', '.join('?' * len(items))})"


def _set(found: Filter, type_: str, column: Column, sql: str, value: JsonValue) -> str:
    items: list[JsonValue] = value if isinstance(value, list) else [value]
    return _among(found, column, sql=sql, items=items, negated=type_ == "notIn")


def _between(found: Filter, type_: str, column: Column, sql: str, value: JsonValue) -> str:
    del type_
    if not isinstance(value, list) or len(value) != 2:
        return ""
    found.values += [to_sql(column, value[0]), to_sql(column, value[1])]
    return f"{sql} BETWEEN ? AND ?"


def _pattern(found: Filter, type_: str, column: Column, sql: str, value: JsonValue) -> str:
    del column
    shape, negated = _LIKES[type_]
    return _like(found, sql, shape.format(_text(value)), negated=negated)


def _like(found: Filter, sql: str, pattern: str, *, negated: bool = False) -> str:
    word = "NOT LIKE" if negated else "LIKE"
    if not pattern.isascii():
        sql, pattern = f"lower_all({sql})", pattern.lower()
    found.values.append(pattern)
    return f"{sql} {word} ? ESCAPE '\\'"


def _array(found: Filter, type_: str, column: Column, sql: str, value: JsonValue) -> str:
    del column
    negated = type_ == "arrayNoneOf"
    items: list[JsonValue] = value if isinstance(value, list) else [value]
    parts = [_like(found, sql, f'%"{_text(item)}"%') for item in items]
    if not parts:
        return ""
    either = f"({' OR '.join(parts)})"
    return f"({sql} IS NULL OR NOT {either})" if negated else either


def to_sql(column: Column, value: JsonValue) -> SqlValue:
    """Return a filter's value as the column's type.

    Raises:
        SqlError: it is none; AtroCore answers that with status 200.
    """
    text = _text(value)
    if column.kind in {"int", "float"}:
        try:
            return int(text) if column.kind == "int" else float(text)
        except ValueError:
            raise SqlError(f"SQLSTATE[22P02]: invalid input syntax for {column.kind}: {text!r}") from None
    if column.kind == "bool":
        return 1 if text.lower() in {"1", "t", "true", "y", "yes", "on"} else 0
    if column.kind in {"date", "datetime"}:
        return database_date(text, with_time=column.kind == "datetime")
    return text


def _text(value: JsonValue) -> str:
    return (
        "" if value is None else php.to_text(value) if isinstance(value, (bool, int, float, str)) else "Array"
    )


def text_search(found: Filter, text: str) -> str:
    """Return the search of `textFilter` and `q`: short texts by their start, long ones by any part."""
    parts = []
    for name in found.entity.text_columns:
        column = found.entity.columns[name]
        sql = found.column(name)
        if column.kind in {"int", "float"}:
            if text.replace(".", "", 1).lstrip("-").isdigit():
                found.values.append(float(text))
                parts.append(f"{sql} = ?")
        elif name == "id":
            found.values.append(text)
            parts.append(f"{sql} = ?")
        else:
            anywhere = column.database_characters is None
            pattern = text.replace("*", "%") if "*" in text else f"{'%' if anywhere else ''}{text}%"
            parts.append(_like(found, sql, pattern))
    return f"({' OR '.join(parts)})" if parts else ""


Operator = Callable[[Filter, str, Column, str, JsonValue], str]

_OPERATORS: dict[str, Operator] = {
    **dict.fromkeys(_COMPARISONS, _comparison),
    **dict.fromkeys(_LIKES, _pattern),
    **dict.fromkeys(_SETS, _set),
    **dict.fromkeys(("arrayAnyOf", "arrayNoneOf"), _array),
    "between": _between,
    **dict.fromkeys(("similar", "wordSimilar"), _similar),
}
_GROUPINGS: dict[str, Callable[[Filter, JsonValue], str]] = {
    "and": lambda found, value: join(found, _items(value), "AND"),
    "or": lambda found, value: join(found, _items(value), "OR"),
    "not": _negation,
    # They count only beside the other conditions: `compile_where` has seen them.
    **dict.fromkeys(("bool", "primary", "textFilter"), lambda found, value: ""),  # noqa: ARG005  a grouping takes both
}
