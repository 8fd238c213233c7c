"""Lists: filter, order, page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import php, relations, value_records
from etl.sandbox.filters import Filter
from etl.sandbox.instance import quoted_list
from etl.sandbox.linked import display_column
from etl.sandbox.reading import add_relation_columns, build, list_shape
from etl.sandbox.refusals import SqlError
from etl.sandbox.where import compile_where, text_search

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject, JsonValue
    from etl.sandbox.storage import SqlValue

DEFAULT_PAGE = 200
_ALIAS = "t"


def list_records(
    session: Session,
    entity_name: str,
    query: JsonObject,
    *,
    within: str = "",
    values: tuple[SqlValue, ...] = (),
) -> JsonObject:
    """Return a page of records; `within` is SQL that narrows the list to linked records, with its `values`.

    Raises:
        BadRequest: `select` names an unknown field.
        SqlError: a value that a column cannot hold, or a negative maxSize.
        Unfinished: `not`, where the generation has not finished it.
    """
    entity = session.instance.entity(entity_name)
    plan = session.instance.plan(entity_name)
    found = Filter(session, entity, _ALIAS, [*values])
    where = _where(found, query, within)
    if session.generation.list_shortcuts and query.get("totalOnly") == "true":
        return {"total": _total(session, entity, where, values=tuple(found.values))}
    size, offset = _page(query)
    shape = list_shape(session, entity, _text(query.get("select")))
    order = _order(session, entity, query)
    columns = quoted_list(shape.keys, f"{_ALIAS}.")
    sql = f'SELECT {columns} FROM "{entity.name}" {_ALIAS} WHERE {where}{order} LIMIT ? OFFSET ?'
    rows = session.rows(sql, (*found.values, size, offset)) if size else []
    records: list[JsonValue] = [*build(session, plan, shape, rows)]
    if session.generation.list_shortcuts and query.get("collectionOnly") == "true":
        return {"list": records}
    return {"total": _total(session, entity, where, values=tuple(found.values)), "list": records}


def list_linked(
    session: Session, entity_name: str, record_id: str, *, link_name: str, query: JsonObject
) -> JsonObject:
    """Return a page of the records that one record is linked to; an unknown record has none.

    Raises:
        Refusal: 500, there is no such link.
    """
    link = relations.link_of(session.instance.entity(entity_name), link_name)
    if link.type == "belongsTo":
        within = f'{_ALIAS}.id = (SELECT o."{link.column}" FROM "{entity_name}" o WHERE o.id = ?)'
    elif link.type == "hasMany":
        within = f'{_ALIAS}."{link.column}" = ?'
    else:
        typed = f" AND m.\"entityType\" = '{entity_name}'" if link.typed else ""
        within = (
            f'{_ALIAS}.id IN (SELECT m."{link.far}" FROM "{link.relation}" m '
            f'WHERE m.deleted = 0 AND m."{link.near}" = ?{typed})'
        )
    page = list_records(session, link.entity, query, within=within, values=(record_id,))
    if session.generation.relation_columns and link.relation:
        add_relation_columns(session, link, page.get("list"), record_id=record_id)
    return page


def matching_ids(session: Session, entity_name: str, where: JsonValue) -> list[str]:
    """Return the ids of all live records that a filter finds."""
    entity = session.instance.entity(entity_name)
    found = Filter(session, entity, _ALIAS, [])
    sql = f'SELECT {_ALIAS}.id FROM "{entity.name}" {_ALIAS} WHERE {_where(found, {"where": where}, "")}'
    return [str(row[0]) for row in session.rows(sql, tuple(found.values))]


def _where(found: Filter, query: JsonObject, within: str) -> str:
    parts = [f"{found.alias}.deleted = 0", *([within] if within else [])]
    parts.append(compile_where(found, query.get("where")))
    for key in ("textFilter", "q"):
        text = _text(query.get(key))
        if text:
            parts.append(text_search(found, text))
    return " AND ".join(part for part in parts if part)


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _page(query: JsonObject) -> tuple[int, int]:
    """Return maxSize and offset as PHP reads them: absent and "" mean 200, a word means none at all.

    Source: observed on 1.10 and 2.1 ("abc" gives an empty list, -1 an SQL error with status 200).
    """
    given = _text(query.get("maxSize"))
    size = DEFAULT_PAGE if given is None or given in {"", "0"} else php.query_int(given)
    if size < 0:
        raise SqlError("SQLSTATE[2201W]: LIMIT must not be negative")
    offset = php.query_int(_text(query.get("offset")) or "0")
    if offset < 0:
        raise SqlError("SQLSTATE[2201X]: OFFSET must not be negative")
    return size, offset


def _order(session: Session, entity: Entity, query: JsonObject) -> str:
    name = _text(query.get("sortBy"))
    ascending = query.get("asc", "true") == "true"
    sql = _order_column(session, entity, name) if name else ""
    if not sql:
        if value_records.is_value(session, entity):
            return f' ORDER BY {_ALIAS}."createdAt", {_ALIAS}.id'
        if session.generation.default_order == "id" and not name:
            return f" ORDER BY {_ALIAS}.id {'ASC' if ascending else 'DESC'}"
        return f" ORDER BY {_ALIAS}._place"
    if sql.endswith(".id"):
        return f" ORDER BY {sql} {'ASC' if ascending else 'DESC'}"
    # PostgreSQL puts nulls where the largest values are.
    return f" ORDER BY {sql} {'ASC NULLS LAST' if ascending else 'DESC NULLS FIRST'}"


def _order_column(session: Session, entity: Entity, name: str) -> str:
    if name == "id":
        return f"{_ALIAS}.id"
    if entity.has(name):
        return f'{_ALIAS}."{name}"'
    link = entity.links.get(name)
    other = session.instance.schema.entities.get(link.entity) if link else None
    if link is not None and other is not None and link.type == "belongsTo" and entity.has(str(link.column)):
        shown = display_column(other)
        return f'(SELECT n."{shown}" FROM "{other.name}" n WHERE n.id = {_ALIAS}."{link.column}")'
    return ""


def _total(session: Session, entity: Entity, where: str, *, values: tuple[SqlValue, ...]) -> int:
    """Count the records of a list; counts are remembered until something is written."""
    key = (entity.name, where, values)
    instance = session.instance
    writes = instance.writes
    remembered = instance.totals.get(key)
    if remembered is not None and remembered[0] == writes:
        return remembered[1]
    # Without conditions the index over ids is the shortest way; SQLite would read the whole table.
    hint = f' INDEXED BY "{entity.name}.id"' if where == f"{_ALIAS}.deleted = 0" else ""
    row = session.row(f'SELECT count(*) FROM "{entity.name}" {_ALIAS}{hint} WHERE {where}', values)
    total = int(str(row[0])) if row else 0
    if len(instance.totals) > 1000:
        instance.totals.clear()
    instance.totals[key] = (writes, total)
    return total
