"""Links between records: what is linked now, adding, removing, replacing.

A link to a record that does not exist is stored all the same; it only never shows.

Source: observed on 1.10 and 2.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import attribute_values, rows
from etl.sandbox.linked import linked_ids
from etl.sandbox.refusals import BadRequest, NotFound, PhpError, Refusal

if TYPE_CHECKING:
    from etl.sandbox.instance import Moment, Session
    from etl.sandbox.metadata import Entity, JsonObject, JsonValue, Link


def current_ids(session: Session, entity: Entity, link: Link, *, record_id: str) -> list[str]:
    """Return the ids of the live records that a record is linked to."""
    if link.type == "belongsTo":
        row = session.row(
            f'SELECT "{link.column}" FROM "{entity.name}" WHERE id = ? AND deleted = 0', (record_id,)
        )
        return [str(row[0])] if row and row[0] else []
    return linked_ids(session, entity, link, ids=[record_id])[record_id]


def replace(
    session: Session, entity: Entity, link: Link, *, record_id: str, ids: list[str], moment: Moment
) -> None:
    """Make `ids` the whole set of links."""
    wanted = dict.fromkeys(ids)
    before = _stored_ids(session, entity, link, record_id=record_id)
    for one in wanted:
        if one not in before:
            add(session, entity, link, record_id=record_id, other_id=one, moment=moment)
    for one in before:
        if one not in wanted:
            remove(session, entity, link, record_id=record_id, other_id=one)


def _stored_ids(session: Session, entity: Entity, link: Link, *, record_id: str) -> list[str]:
    """Return the linked ids, those that lead nowhere too."""
    if link.type == "hasMany":
        return current_ids(session, entity, link, record_id=record_id)
    typed = _typed(entity, link)
    sql = f'SELECT "{link.far}" FROM "{link.relation}" WHERE deleted = 0 AND "{link.near}" = ?{typed}'
    return [str(row[0]) for row in session.rows(sql, (record_id,))]


def _typed(entity: Entity, link: Link) -> str:
    return f" AND \"entityType\" = '{entity.name}'" if link.typed else ""


def add(
    session: Session, entity: Entity, link: Link,
    *, record_id: str, other_id: str, moment: Moment, ignore_present: bool = False,
) -> None:  # fmt: skip
    """Link two records.

    Raises:
        BadRequest: they are linked already (unless `ignore_present`), or may not be.
    """
    if link.type == "hasMany":
        instance = session.instance
        session.run(
            f'UPDATE "{link.entity}" SET "{link.column}" = ?, _place = ? WHERE id = ? AND deleted = 0',
            (record_id, instance.places.next(link.entity), other_id),
        )
        return
    if link.type == "belongsTo":
        session.run(f'UPDATE "{entity.name}" SET "{link.column}" = ? WHERE id = ?', (other_id, record_id))
        return
    relation = str(link.relation)
    check_pair(session, relation, {link.near: record_id, link.far: other_id})
    values: JsonObject = {link.near: record_id, link.far: other_id}
    if link.typed:
        values["entityType"] = entity.name
    if session.instance.entity(relation).has("sorting"):
        values["sorting"] = _next_sorting(session, link, record_id)
    if is_linked(session, entity, link, record_id=record_id, other_id=other_id):
        if ignore_present:
            return
        raise BadRequest(rows.CONSTRAINT)
    rows.insert(session, relation, values, moment=moment)
    _after_adding(session, entity, link, record_id=record_id, other_id=other_id)
    check_stored(session, relation, values)


def _next_sorting(session: Session, link: Link, record_id: str) -> int:
    """Return the place behind the links that are there, in steps of ten."""
    sql = f'SELECT max(sorting) FROM "{link.relation}" WHERE deleted = 0 AND "{link.near}" = ?'
    row = session.row(sql, (record_id,))
    last = row[0] if row else None
    return (last if isinstance(last, int) else 0) + 10


def _after_adding(session: Session, entity: Entity, link: Link, *, record_id: str, other_id: str) -> None:
    """Do what AtroCore does besides: a classification brings its attributes, a catalog's tree fails."""
    if link.entity == "Classification" and session.generation.attributes == "full":
        sql = (
            'SELECT "attributeId" FROM "ClassificationAttribute" WHERE deleted = 0 AND "classificationId" = ?'
        )
        ids = [str(row[0]) for row in session.rows(sql, (other_id,))]
        if ids:
            attribute_values.assign(session, entity, record_id, ids=ids)
    if link.relation and link.relation.endswith("Hierarchy") and link.name == "parents":
        rows.touch(session, entity.name, other_id)
    if entity.name == "Catalog" and link.entity == "Category" and session.generation.catalogs:
        # Observed on 1.10: the row is stored, then the answer is an empty 500.
        raise PhpError("the tree of the catalog cannot be read")


def check_stored(session: Session, relation: str, values: JsonObject) -> None:
    """Fail after the row is stored where a linked file does not exist (1.10).

    Raises:
        PhpError: it does not.
    """
    missing = session.generation.dangling_file == "crash" and relation.endswith("File") and "fileId" in values
    if missing and not exists(session, "File", str(values["fileId"])):
        raise PhpError("the file is missing")


def is_linked(session: Session, entity: Entity, link: Link, *, record_id: str, other_id: str) -> bool:
    """Say whether a relation row of the two exists, wherever it leads."""
    both = f'"{link.near}" = ? AND "{link.far}" = ?{_typed(entity, link)}'
    sql = f'SELECT 1 FROM "{link.relation}" WHERE deleted = 0 AND {both}'
    return session.row(sql, (record_id, other_id)) is not None


def remove(session: Session, entity: Entity, link: Link, *, record_id: str, other_id: str) -> bool:
    """Take a link away; say whether there was one."""
    if link.type == "hasMany":
        column = f'"{link.column}"'
        sql = f'UPDATE "{link.entity}" SET {column} = NULL WHERE id = ? AND {column} = ? AND deleted = 0'
        return session.run(sql, (other_id, record_id)) > 0
    if link.type == "belongsTo":
        sql = f'UPDATE "{entity.name}" SET "{link.column}" = NULL WHERE id = ? AND "{link.column}" = ?'
        return session.run(sql, (record_id, other_id)) > 0
    both = f'"{link.near}" = ? AND "{link.far}" = ?{_typed(entity, link)}'
    sql = f'DELETE FROM "{link.relation}" WHERE deleted = 0 AND {both}'
    return session.run(sql, (record_id, other_id)) > 0


def exists(session: Session, entity_name: str, record_id: str) -> bool:
    """Say whether a live record of that id exists."""
    return (
        session.row(f'SELECT 1 FROM "{entity_name}" WHERE id = ? AND deleted = 0', (record_id,)) is not None
    )


def check_pair(session: Session, relation: str, values: JsonObject) -> None:
    """Refuse pairs that AtroPIM does not allow: a product in a category above others, or outside its catalog.

    Raises:
        BadRequest: such a pair.
    """
    if relation != "ProductCategory":
        return
    category, product = str(values.get("categoryId") or ""), str(values.get("productId") or "")
    if session.generation.catalogs:
        _check_catalog(session, product, category)
    elif session.generation.leaf_categories_only:
        sql = (
            'SELECT 1 FROM "CategoryHierarchy" h JOIN "Category" c ON c.id = h."entityId" AND c.deleted = 0 '
            'WHERE h.deleted = 0 AND h."parentId" = ?'
        )
        if session.row(sql, (category,)):
            raise BadRequest("the category has categories below it")


def _check_catalog(session: Session, product: str, category: str) -> None:
    row = session.row('SELECT "catalogId" FROM "Product" WHERE id = ?', (product,))
    catalog = row[0] if row else None
    if not exists(session, "Category", category):
        # Observed on 1.10: the unknown category is read without looking whether it is there.
        raise PhpError("no such category")
    root = category
    while parent := session.row(
        'SELECT "parentId" FROM "CategoryHierarchy" WHERE deleted = 0 AND "entityId" = ?', (root,)
    ):
        root = str(parent[0])
    sql = 'SELECT 1 FROM "CatalogCategory" WHERE deleted = 0 AND "catalogId" IS ? AND "categoryId" = ?'
    if session.row(sql, (catalog, root)) is None:
        raise BadRequest("the category belongs to no tree of the product's catalog")


def link_of(entity: Entity, name: str) -> Link:
    """Return a link by its name.

    Raises:
        Refusal: 500, there is none.
    """
    link = entity.links.get(name)
    if link is None:
        raise Refusal(500, f"{entity.name} has no relation {name!r}")
    return link


def add_all(session: Session, entity_name: str, record_id: str, *, link_name: str, body: JsonValue) -> bool:
    """Link the records that a `POST /Entity/{id}/{link}` names; `modifiedAt` does not move.

    Raises:
        Refusal: 500 where the body names none, 404 for a missing record, 400 for what is linked already.
    """
    entity = session.instance.entity(entity_name)
    link = link_of(entity, link_name)
    if not exists(session, entity_name, record_id):
        raise NotFound
    moment = session.instance.moment()
    ids = named_ids(body)
    if not ids:
        raise Refusal(500)
    for one in ids:
        if not exists(session, link.entity, one):
            raise NotFound
        add(session, entity, link, record_id=record_id, other_id=one, moment=moment,
            ignore_present=not session.generation.relinks_refused)  # fmt: skip
    return True


def remove_all(session: Session, entity_name: str, record_id: str, *, link_name: str, ids: list[str]) -> bool:
    """Unlink records; `modifiedAt` does not move.

    Raises:
        Refusal: 500 where nothing was linked, 404 for a record that does not exist.
    """
    entity = session.instance.entity(entity_name)
    link = link_of(entity, link_name)
    if not exists(session, entity_name, record_id):
        raise NotFound
    removed = [remove(session, entity, link, record_id=record_id, other_id=one) for one in ids]
    if not any(removed):
        raise Refusal(500)
    return True


def named_ids(body: JsonValue) -> list[str]:
    """Return `id` or `ids` of a body."""
    if not isinstance(body, dict):
        return []
    one, several = body.get("id"), body.get("ids")
    if isinstance(several, list):
        return [str(value) for value in several]
    return [str(one)] if one else []
