"""What headers and parameters add to records: `_meta`, flattened attributes, chosen multi-links.

Source: AtroCore REST API, "The With-Meta Header", "Flattened Format".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import attributes, audits
from etl.sandbox.calls import text_parameter
from etl.sandbox.instance import marks, quoted_list
from etl.sandbox.linked import linked_ids, names_of

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject, JsonValue

_OPTION_KEYS = ("id", "code", "name", "color", "sortOrder")


def dress_page(
    session: Session, entity: Entity, page: JsonObject, *, query: JsonObject, linked: bool = False
) -> JsonObject:
    """Return a page with attributes (`allAttributes`, `attributes`) and `_meta` where they were asked for."""
    listed = page.get("list")
    records = [record for record in listed if isinstance(record, dict)] if isinstance(listed, list) else []
    chosen = text_parameter(query.get("attributes"))
    everything = text_parameter(query.get("allAttributes")) in {"true", "1"}
    full = text_parameter(query.get("completeAttrDefs")) in {"true", "1"}
    if session.flatten and (chosen or everything):
        only = None if everything else chosen.split(",")
        attributes.flatten(session, entity, records, only=only, full=full)
    _add_meta(session, entity, records, linked=linked)
    return page


def dress_record(session: Session, entity: Entity, record: JsonObject) -> JsonObject:
    """Return a single record with all its attributes and `_meta` where they were asked for."""
    if session.flatten:
        attributes.flatten(session, entity, [record], only=None, full=True)
    _add_meta(session, entity, [record], linked=False)
    return record


def dress_written(session: Session, entity: Entity, record: JsonObject, *, query: JsonObject) -> JsonObject:
    """Return the answer to a write with what was asked for: `_meta`, and `withRelationships` in 2.3."""
    _add_meta(session, entity, [record], linked=False)
    wanted = text_parameter(query.get("withRelationships")) if session.generation.renamed_routes else ""
    for name in filter(None, wanted.split(",")):
        link = entity.links.get(name)
        if link is not None and link.type != "belongsTo":
            ids = linked_ids(session, entity, link, ids=[str(record["id"])])[str(record["id"])]
            names = names_of(session, link.entity, ids)
            record[f"{name}Ids"], record[f"{name}Names"] = [*ids], {one: names.get(one) for one in ids}
    return record


def _add_meta(session: Session, entity: Entity, records: list[JsonObject], *, linked: bool) -> None:
    if not session.meta or not session.generation.meta:
        return
    for record in records:
        permissions: JsonObject = {"edit": True, "delete": True, "stream": True}
        meta: JsonObject = {"permissions": {**permissions, **({"unlink": True} if linked else {})}}
        options = _options(session, entity, record)
        if options:
            meta["options"] = options
        audit = audits.read(session, entity.name, str(record["id"]))
        if audit:
            meta["audit"] = audit
        record["_meta"] = meta


def _options(session: Session, entity: Entity, record: JsonObject) -> JsonObject:
    """Return the whole options of list fields, by field."""
    found: JsonObject = {}
    for column in entity.stored:
        value = record.get(column.name)
        if column.list_id and value:
            chosen = _read_options(session, value if isinstance(value, list) else [value])
            found[column.field] = chosen if isinstance(value, list) else (chosen[0] if chosen else None)
    for link in entity.links.values():
        one = record.get(f"{link.name}Id")
        if link.entity == "ExtensibleEnumOption" and link.type == "belongsTo" and one:
            chosen = _read_options(session, [one])
            found[link.name] = chosen[0] if chosen else None
        several = record.get(f"{link.name}Ids")
        if link.entity == "ExtensibleEnumOption" and isinstance(several, list) and several:
            found[link.name] = _read_options(session, several)
    return found


def _read_options(session: Session, ids: list[JsonValue]) -> list[JsonValue]:
    columns = quoted_list(_OPTION_KEYS)
    sql = f'SELECT {columns} FROM "ExtensibleEnumOption" WHERE deleted = 0 AND id IN ({marks(ids)})'
    rows = {str(row[0]): row for row in session.rows(sql, tuple(str(one) for one in ids))}
    chosen: list[JsonValue] = []
    for one in ids:
        row = rows.get(str(one))
        if row is not None:
            chosen.append(
                {
                    key: value
                    for key, value in zip(_OPTION_KEYS, row, strict=True)
                    if not isinstance(value, bytes)
                }
            )
    return chosen
