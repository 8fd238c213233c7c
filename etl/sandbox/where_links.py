"""Filters that look at other tables: links, subqueries, attributes, units."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from etl.sandbox.refusals import BadRequest

if TYPE_CHECKING:
    from etl.sandbox.filters import Filter
    from etl.sandbox.metadata import Column, JsonObject, JsonValue, Link

Nested = Callable[["Filter", "JsonValue"], str]
Compare = Callable[..., str]

#: Where an attribute's value lies, by the attribute's type.
VALUE_COLUMNS = {
    "int": "intValue",
    "rangeInt": "intValue",
    "float": "floatValue",
    "rangeFloat": "floatValue",
    "bool": "boolValue",
    "date": "dateValue",
    "datetime": "datetimeValue",
    "text": "textValue",
    "wysiwyg": "textValue",
    "markdown": "textValue",
    "extensibleEnum": "referenceValue",
    "link": "referenceValue",
    "file": "referenceValue",
    "array": "jsonValue",
    "extensibleMultiEnum": "jsonValue",
    "linkMultiple": "jsonValue",
}


def link_condition(found: Filter, type_: str, link: Link, *, item: JsonObject, nested: Nested) -> str:
    """Return linkedWith, notLinkedWith, isLinked or isNotLinked."""
    if type_ in {"isLinked", "isNotLinked"}:
        word = "NOT EXISTS" if type_ == "isNotLinked" else "EXISTS"
        return f"{word} ({_linked(found, link, '')})"
    subquery = item.get("subQuery")
    if subquery is not None:
        foreign = found.session.instance.entity(link.entity)
        inner = found.inner(foreign)
        word = "NOT EXISTS" if type_ == "notLinkedWith" else "EXISTS"
        condition = nested(inner, subquery)
        sql = _linked(found, link, condition, far=inner.alias)
        return f"{word} ({sql})"
    value = item.get("value")
    ids = [str(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
    if not ids:
        return "0" if type_ == "linkedWith" else "1"
    marks = ", ".join("?" * len(ids))
    found.values += ids
    if link.type == "belongsTo" and link.column:
        # NULL is neither in nor not in a list: records without a link are never found (observed).
        return f"{found.column(link.column)} {'NOT ' if type_ == 'notLinkedWith' else ''}IN ({marks})"
    word = "NOT EXISTS" if type_ == "notLinkedWith" else "EXISTS"
    alias = f"{found.alias}_l"
    return f"{word} ({_linked(found, link, f'{alias}.id IN ({marks})', far=alias)})"


def _linked(found: Filter, link: Link, condition: str, *, far: str = "") -> str:
    """Return a query for the live records that a link leads to."""
    far = far or f"{found.alias}_l"
    own = found.column("id")
    more = f" AND {condition}" if condition else ""
    if link.type == "belongsTo":
        column = found.column(str(link.column))
        return f'SELECT 1 FROM "{link.entity}" {far} WHERE {far}.deleted = 0 AND {far}.id = {column}{more}'
    if link.type == "hasMany":
        both = f'{far}.deleted = 0 AND {far}."{link.column}" = {own}'
        return f'SELECT 1 FROM "{link.entity}" {far} WHERE {both}{more}'
    middle = f"{far}_m"
    typed = f" AND {middle}.\"entityType\" = '{found.entity.name}'" if link.typed else ""
    return (
        f'SELECT 1 FROM "{link.relation}" {middle} '
        f'JOIN "{link.entity}" {far} ON {far}.id = {middle}."{link.far}" '
        f'AND {far}.deleted = 0 WHERE {middle}.deleted = 0 AND {middle}."{link.near}" = {own}{typed}{more}'
    )


def subquery_condition(found: Filter, type_: str, column: Column, *, item: JsonObject, nested: Nested) -> str:
    """Return `in` or `notIn` with a `subQuery` on the entity that an id column leads to."""
    link = found.entity.links.get(column.field)
    name = str(item.get("foreignEntity") or (link.entity if link else found.entity.name))
    inner = found.inner(found.session.instance.entity(name))
    condition = nested(inner, item.get("subQuery"))
    more = f" AND {condition}" if condition else ""
    word = "NOT IN" if type_ == "notIn" else "IN"
    alias = inner.alias
    ids = f'SELECT {alias}.id FROM "{name}" {alias} WHERE {alias}.deleted = 0{more}'
    return f"{found.column(column.name)} {word} ({ids})"


def unit_condition(found: Filter, type_: str, column: Column, *, value: JsonValue) -> str:
    """Return a comparison of amounts in any unit of a measure: both sides are brought to its main unit."""
    words = {"equals": "=", "notEquals": "<>", "greaterThan": ">", "lessThan": "<",
             "greaterThanOrEquals": ">=", "lessThanOrEquals": "<="}  # fmt: skip
    unit = found.entity.columns.get(f"{column.field}UnitId")
    if unit is None or not isinstance(value, list) or len(value) != 2:
        return ""
    factor = f'(SELECT multiplier FROM "Unit" WHERE id = {found.column(unit.name)})'
    own = f"{found.column(column.name)} / coalesce({factor}, 1)"
    pairs = value if type_ == "between" else [value]
    amounts = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            return ""
        found.values += [float(str(pair[0])), str(pair[1])]
        amounts.append('? / coalesce((SELECT multiplier FROM "Unit" WHERE id = ?), 1)')
    if type_ == "between":
        return f"{own} BETWEEN {amounts[0]} AND {amounts[1]}"
    return f"{own} {words[type_]} {amounts[0]}" if type_ in words else ""


def attribute_condition(
    found: Filter, type_: str, attribute: str, *, item: JsonObject, compare: Compare
) -> str:
    """Return a filter on an attribute's value; it is named by its id, with UnitId, From, To or Id behind it.

    Raises:
        BadRequest: the entity has no such attribute.
    """
    values_entity = found.session.instance.schema.entities.get(f"{found.entity.name}AttributeValue")
    row, suffix = _attribute(found, attribute)
    if values_entity is None or row is None:
        raise BadRequest(f"no attribute {attribute!r}")
    attribute_id, attribute_type, owner = (
        str(row[0]),
        str(row[1]),
        f"{found.entity.name[0].lower()}{found.entity.name[1:]}Id",
    )
    alias = f"{found.alias}_a"
    base = (
        f'SELECT 1 FROM "{values_entity.name}" {alias} WHERE {alias}.deleted = 0 '
        f'AND {alias}."{owner}" = {found.column("id")} AND {alias}."attributeId" = ?'
    )
    found.values.append(attribute_id)
    if type_ in {"isLinked", "isNotLinked"}:
        return f"{'NOT ' if type_ == 'isNotLinked' else ''}EXISTS ({base})"
    name = VALUE_COLUMNS.get(attribute_type, "varcharValue")
    if suffix == "To":
        name += "1"
    elif suffix == "UnitId":
        name = "referenceValue"
    column = values_entity.columns.get(name)
    if column is None or not column.stored:
        return "0"
    condition = compare(found, type_, column, sql=f'{alias}."{name}"', value=item.get("value"))
    return f"EXISTS ({base} AND {condition})" if condition else f"EXISTS ({base})"


def _attribute(found: Filter, attribute: str) -> tuple[tuple[object, ...] | None, str]:
    for suffix in ("", "UnitId", "From", "To", "Id"):
        if attribute.endswith(suffix):
            bare = attribute[: len(attribute) - len(suffix)] if suffix else attribute
            row = found.session.row('SELECT id, type FROM "Attribute" WHERE deleted = 0 AND id = ?', (bare,))
            if row is not None:
                return row, suffix
    return None, ""
