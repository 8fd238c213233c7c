"""Hierarchies: parents, what a child takes over from its parent, and the main image of a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import reading, relations

if TYPE_CHECKING:
    from etl.sandbox.instance import Moment, Session
    from etl.sandbox.metadata import Entity, JsonObject, JsonValue

#: Columns that stay a record's own.
NEVER_INHERITED = frozenset(
    {
        "id",
        "name",
        "createdAt",
        "modifiedAt",
        "createdById",
        "modifiedById",
        "ownerUserId",
        "assignedUserId",
        "sortOrder",
        "code",
        "number",
        "sku",
        "mpn",
        "data",
        "routes",
    }
)
_NEVER_INHERITED_LINKS = frozenset({"parents", "children", "teams", "followers"})


def inherit(session: Session, entity: Entity, payload: JsonObject) -> JsonObject:
    """Return the payload of a new child with its parent's values where it has none, and its parent's links.

    Links that were sent in the same call are lost. Source: AtroCore, Hierarchy service.
    """
    parent = _parent_id(payload)
    if (
        parent is None
        or "relationInheritance" not in entity.traits
        or not relations.exists(session, entity.name, parent)
    ):
        return payload
    made = {**payload}
    if "fieldValueInheritance" in entity.traits:
        above = reading.read_one(session, entity.name, parent)
        for column in entity.stored:
            if (
                column.name not in payload
                and column.name not in NEVER_INHERITED
                and above.get(column.name) is not None
            ):
                made[column.name] = above[column.name]
    for link in entity.links.values():
        if (
            link.type == "manyMany"
            and link.name not in _NEVER_INHERITED_LINKS
            and not link.name.startswith("associat")
        ):
            ids = relations.current_ids(session, entity, link, record_id=parent)
            made.pop(f"{link.name}Ids", None)
            if ids:
                made[f"{link.name}Ids"] = [*ids]
    return made


def _parent_id(payload: JsonObject) -> str | None:
    several, one = payload.get("parentsIds"), payload.get("parentId")
    if isinstance(several, list) and several:
        return str(several[0])
    return one if isinstance(one, str) and one else None


def set_parent(
    session: Session, entity: Entity, payload: JsonObject, *, state: JsonObject, moment: Moment
) -> None:
    """Store the parent that a payload names by `parentId`."""
    link = entity.links.get("parents")
    if entity.type != "Hierarchy" or link is None or "parentId" not in payload or "parentsIds" in payload:
        return
    parent = payload["parentId"]
    ids = [str(parent)] if parent else []
    state["parentsIds"] = [*ids]
    relations.replace(session, entity, link, record_id=str(state["id"]), ids=ids, moment=moment)


def changes_parent(session: Session, entity: Entity, key: str, *, value: JsonValue, record_id: str) -> bool:
    """Say whether `parentId` names another parent than the record has."""
    if key != "parentId" or entity.type != "Hierarchy" or "parents" not in entity.links:
        return False
    now = relations.current_ids(session, entity, entity.links["parents"], record_id=record_id)
    return now[:1] != ([str(value)] if value else [])


def show_new(session: Session, entity: Entity, state: JsonObject) -> None:
    """Put into a new record's answer what a tree shows; a parent named by `parentsIds` does not yet."""
    routed = "routes" in entity.columns
    state.setdefault("parentId", None)
    state["hasChildren"] = False
    state["isRoot"] = state["parentId"] is None and (routed or bool(state.get("parentsIds")))
    if not session.generation.parents_by_ids and state["parentId"] is None:
        state["parentsIds"] = []
    state.setdefault("parentsIds", [])
    if not routed:
        state["hierarchyRoute"] = []
        return
    state["parentName"] = None
    state["routes"], state["routesNames"] = [], []
    parent = state["parentId"]
    if isinstance(parent, str):
        above = (
            reading.read_one(session, entity.name, parent)
            if relations.exists(session, entity.name, parent)
            else {}
        )
        state["parentName"] = above.get("name")
        upper = above.get("routes")
        steps = above.get("routesNames")
        before = str(upper[0]).strip("|") + "|" if isinstance(upper, list) and upper else ""
        state["routes"] = [f"|{before}{parent}|"]
        first = steps[0] if isinstance(steps, list) and steps else []
        state["routesNames"] = [
            [*(first if isinstance(first, list) else []), {"id": parent, "name": above.get("name")}]
        ]


def set_main_image(
    session: Session, entity: Entity, payload: JsonObject, *, state: JsonObject, moment: Moment
) -> None:
    """Link the file that `mainImageId` names and make it the main one; null and unknown files do nothing.

    Source: AtroPIM, Product service.
    """
    image = payload.get("mainImageId")
    link = entity.links.get("files")
    if link is None or entity.has("mainImageId") or not isinstance(image, str) or not link.relation:
        return
    if not relations.exists(session, "File", image):
        return
    record_id = str(state["id"])
    relations.add(
        session, entity, link, record_id=record_id, other_id=image, moment=moment, ignore_present=True
    )
    make_main_image(session, link.relation, near=link.near, record_id=record_id, file_id=image)


def make_main_image(session: Session, relation: str, *, near: str, record_id: str, file_id: str) -> None:
    """Mark one file of a record as the main one, and no other."""
    session.run(
        f'UPDATE "{relation}" SET "isMainImage" = ("fileId" = ?) WHERE deleted = 0 AND "{near}" = ?',
        (file_id, record_id),
    )


def keep_one_main(session: Session, entity: Entity, state: JsonObject) -> None:
    """Let a stored relation row that is marked as the main image be the only one of its record."""
    if entity.type != "Relation" or not entity.name.endswith("File") or not state.get("isMainImage"):
        return
    near = next(
        (
            column.name
            for column in entity.stored
            if column.kind == "link" and column.required and column.name != "fileId"
        ),
        None,
    )
    if near is not None:
        make_main_image(
            session, entity.name, near=near, record_id=str(state.get(near)), file_id=str(state.get("fileId"))
        )


def forget(session: Session, entity: Entity, record_id: str) -> None:
    """Take a deleted record out of its tree: children lose their parent."""
    if entity.type != "Hierarchy" or f"{entity.name}Hierarchy" not in session.instance.schema.entities:
        return
    session.run(
        f'DELETE FROM "{entity.name}Hierarchy" WHERE "parentId" = ? OR "entityId" = ?', (record_id, record_id)
    )
