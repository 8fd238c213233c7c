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

COLUMN_TYPES = {"columnLike", "columnIn", "columnNotIn", "columnIsNull"}
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
    """Return a comparison of amounts in any unit of a measure: both sides are brought to its main unit.

    Where no record has a unit, the condition says nothing, and all records come.

    Source: atrocore/atrocore 2.2.31, SelectManagers/Base.php, `convertUnitFieldWhere`.
    """
    words = {"equals": "=", "notEquals": "<>", "greaterThan": ">", "lessThan": "<",
             "greaterThanOrEquals": ">=", "lessThanOrEquals": "<="}  # fmt: skip
    unit = found.entity.columns.get(f"{column.field}UnitId")
    known = type_ in words or type_ == "between"
    if unit is None or not known or not isinstance(value, list) or len(value) != 2:
        return ""
    if not _has_units(found, unit):
        return ""
    multiplier = '(SELECT multiplier FROM "Unit" WHERE id = {} AND deleted = 0)'
    # Numbers without a unit are never found.
    own = f"{found.column(column.name)} * {multiplier.format(found.column(unit.name))}"
    pairs = value if type_ == "between" else [value]
    amounts = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            return ""
        found.values += [float(str(pair[0])), str(pair[1])]
        amounts.append(f"? * {multiplier.format('?')}")
    if type_ == "between":
        return f"{own} BETWEEN {amounts[0]} AND {amounts[1]}"
    return f"{own} {words[type_]} {amounts[0]}"


def _has_units(found: Filter, unit: Column) -> bool:
    sql = f'SELECT 1 FROM "{found.entity.name}" WHERE "{unit.name}" IS NOT NULL LIMIT 1'
    return found.session.row(sql) is not None


def column_condition(found: Filter, type_: str, attribute: str, *, value: JsonValue) -> str:
    """Return a condition on a column of the relation behind a link, for a field that shows such a column.

    What AtroCore makes of any other field is not known, so it is refused here.

    Source: atrocore/atrocore 2.2.31, SelectManagers/Base.php, `columnLike`: the field's `link` and `column`.

    Raises:
        BadRequest: the field shows no column of a relation over a relation entity.
    """
    entities = found.session.instance.schema.raw.get("entityDefs")
    settings: JsonValue = entities
    for step in (found.entity.name, "fields", attribute):
        settings = settings.get(step) if isinstance(settings, dict) else None
    shown = settings if isinstance(settings, dict) else {}
    link = found.entity.links.get(str(shown.get("link")))
    relation = found.session.instance.schema.entities.get(str(link.relation)) if link else None
    name = str(shown.get("column"))
    if link is None or relation is None or not relation.has(name):
        raise BadRequest(f"the sandbox does not know what {type_} finds by {attribute}")
    middle = f"{found.alias}_m"
    rows = (
        f'SELECT 1 FROM "{relation.name}" {middle} '
        f'WHERE {middle}.deleted = 0 AND {middle}."{link.near}" = {found.column("id")}'
    )
    column = f'{middle}."{name}"'
    if type_ == "columnIsNull":
        # The join keeps records without a link, and their column is null.
        return f"(NOT EXISTS ({rows}) OR EXISTS ({rows} AND {column} IS NULL))"
    if type_ == "columnLike":
        found.values.append(str(value))
        return f"EXISTS ({rows} AND {column} LIKE ? ESCAPE '\\')"
    items = [str(one) for one in (value if isinstance(value, list) else [value])]
    found.values += items
    word = "NOT IN" if type_ == "columnNotIn" else "IN"
    return f"EXISTS ({rows} AND {column} {word} ({', '.join('?' * len(items))}))"


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
