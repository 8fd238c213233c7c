"""Values that records show without storing them: routes of a tree, main images, units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import file_records, units, value_records
from etl.sandbox.instance import USER_ID, USER_NAME, Session, marks
from etl.sandbox.linked import names_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.sandbox.metadata import Entity, JsonObject, JsonValue, Link

#: Columns that lists show even where they were not selected (observed on 1.10 and 2.1).
_ALWAYS_LISTED = ("createdById", "assignedUserId", "data")


def listed_columns(session: Session, entity: Entity) -> tuple[str, ...]:
    """Return the stored columns that a list shows besides the selected ones."""
    more: tuple[str, ...] = ()
    if entity.name == "File":
        more = ("path", "thumbnailsPath", "mimeType", "storageId", "folderId", "typeId")
    elif entity.type == "Hierarchy" and _has_routes(entity):
        more = ("sortOrder",)
    elif value_records.is_value(session, entity):
        more = tuple(
            column.name for column in entity.stored if "Value" in column.name or column.name == "productId"
        )
    return tuple(name for name in (*_ALWAYS_LISTED, *more) if entity.has(name))


def listed_names(entity: Entity) -> tuple[str, ...]:
    """Return the single links whose names a list shows besides the selected fields."""
    return (
        ("type",)
        if entity.name == "File"
        else ("product", "attribute")
        if entity.name == "ProductAttributeValue"
        else ()
    )


def listed_links(entity: Entity) -> tuple[Link, ...]:
    """Return the multi-links whose ids a list shows in any case."""
    wanted = []
    if (
        entity.type == "Hierarchy"
        and not _has_routes(entity)
        and "parents" in entity.links
        and entity.links["parents"].listed
    ):
        wanted.append(entity.links["parents"])
    if entity.name == "Category" and "channels" in entity.links:
        wanted.append(entity.links["channels"])
    return tuple(wanted)


def names(session: Session, entity: Entity, *, alone: bool) -> frozenset[str]:
    """Return the computed values that records of an entity show."""
    found = set()
    if entity.type == "Hierarchy" and f"{entity.name}Hierarchy" in session.instance.schema.entities:
        found |= {"tree"} | ({"alone"} if alone else set())
    link = entity.links.get("mainImage")
    if link is not None and not entity.has("mainImageId") and _main_image_relation(session, entity):
        found.add("mainImage")
    if entity.name == "File":
        found.add("file")
    if entity.name == "Category" and "channels" in entity.links:
        found.add("channels")
    if entity.name == "Sharing":
        found.add("sharing")
    if (
        alone
        and entity.name != "File"
        and any(column.measure and column.kind != "link" for column in entity.stored)
    ):
        found.add("units")
    if (
        any(column.list_id for column in entity.stored)
        and "ExtensibleEnumOption" in session.instance.schema.entities
    ):
        found.add("options")
    if value_records.is_value(session, entity):
        found.add("values")
    if alone and session.generation.followed and "stream" in entity.traits:
        found.add("followed")
    return frozenset(found)


def add(session: Session, entity: Entity, records: list[JsonObject], *, wanted: frozenset[str]) -> None:
    """Put the computed values into records."""
    if not records:
        return
    if "tree" in wanted:
        _add_tree(session, entity, records, alone="alone" in wanted)
    for name, work in _WORK.items():
        if name in wanted:
            work(session, entity, records)


def _add_followers(session: Session, entity: Entity, records: list[JsonObject]) -> None:
    del session, entity
    for record in records:
        record |= {"isFollowed": True, "followersIds": [USER_ID], "followersNames": {USER_ID: USER_NAME}}


def _mend_channels(session: Session, entity: Entity, records: list[JsonObject]) -> None:
    """An empty object comes as [] here, unlike in other multi-links (observed on 1.10 and 2.1)."""
    del session, entity
    for record in records:
        record["channelsNames"] = record.get("channelsNames") or []
        record.setdefault("channelsIds", [])


def _has_routes(entity: Entity) -> bool:
    return "routes" in entity.columns


def _is_empty(session: Session, table: str) -> bool:
    return session.row(f'SELECT 1 FROM "{table}" LIMIT 1') is None


def _parents(session: Session, entity: Entity, ids: list[str]) -> dict[str, str]:
    """Return the first parent of each record that has one."""
    found: dict[str, str] = {}
    if _is_empty(session, f"{entity.name}Hierarchy"):
        return found
    for start in range(0, len(ids), 500):
        part = tuple(ids[start : start + 500])
        sql = (
            f'SELECT m."entityId", m."parentId" FROM "{entity.name}Hierarchy" m '
            f'JOIN "{entity.name}" p ON p.id = m."parentId" AND p.deleted = 0 '
            f'WHERE m.deleted = 0 AND m."entityId" IN ({marks(part)}) ORDER BY m._place DESC'
        )
        found |= {str(child): str(parent) for child, parent in session.rows(sql, part)}
    return found


def _with_children(session: Session, entity: Entity, ids: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    if _is_empty(session, f"{entity.name}Hierarchy"):
        return found
    for start in range(0, len(ids), 500):
        part = tuple(ids[start : start + 500])
        sql = (
            f'SELECT m."parentId", count(*) FROM "{entity.name}Hierarchy" m '
            f'JOIN "{entity.name}" c ON c.id = m."entityId" AND c.deleted = 0 '
            f'WHERE m.deleted = 0 AND m."parentId" IN ({marks(part)}) GROUP BY 1'
        )
        found |= {str(parent): int(str(count)) for parent, count in session.rows(sql, part)}
    return found


def _add_tree(session: Session, entity: Entity, records: list[JsonObject], *, alone: bool) -> None:
    ids = [str(record["id"]) for record in records]
    parents = _parents(session, entity, ids)
    level = set(parents.values())
    while level - parents.keys():
        above = _parents(session, entity, sorted(level - parents.keys()))
        if not above:
            break
        parents |= above
        level = set(above.values())
    children = _with_children(session, entity, ids)
    shown = names_of(session, entity.name, parents.values()) if parents else {}
    routed = _has_routes(entity)
    for record, record_id in zip(records, ids, strict=True):
        way = _way(parents, record_id)
        parent = parents.get(record_id)
        record["isRoot"] = parent is None
        record["hasChildren"] = record_id in children
        record["parentId"] = parent
        if routed:
            record["parentName"] = shown.get(parent) if parent else None
            record["routes"] = ["|" + "|".join(way) + "|"] if way else []
            steps: list[JsonValue] = [{"id": one, "name": shown.get(one)} for one in way]
            record["routesNames"] = [steps] if way else []
        else:
            record["hierarchyRoute"] = {one: shown.get(one) for one in way} if way else []
        if entity.name == "Category":
            record["childrenCount"] = children.get(record_id, 0)
        if alone:
            record["inheritedFields"] = []


def _way(parents: dict[str, str], record_id: str) -> list[str]:
    way: list[str] = []
    one = parents.get(record_id)
    while one is not None and one not in way:
        way.insert(0, one)
        one = parents.get(one)
    return way


def _main_image_relation(session: Session, entity: Entity) -> str:
    relation = f"{entity.name}File"
    found = session.instance.schema.entities.get(relation)
    return relation if found is not None and found.has("isMainImage") else ""


def _add_main_image(session: Session, entity: Entity, records: list[JsonObject]) -> None:
    relation = _main_image_relation(session, entity)
    owner = f"{entity.name[0].lower()}{entity.name[1:]}Id"
    ids = [str(record["id"]) for record in records]
    found: dict[str, tuple[str, str, str]] = {}
    if _is_empty(session, relation):
        ids = []
    for start in range(0, len(ids), 500):
        part = tuple(ids[start : start + 500])
        sql = (
            f'SELECT m."{owner}", f.id, f.name, f."thumbnailsPath" FROM "{relation}" m '
            'JOIN "File" f ON f.id = m."fileId" AND f.deleted = 0 '
            f'WHERE m.deleted = 0 AND m."isMainImage" = 1 AND m."{owner}" IN ({marks(part)})'
        )
        found |= {str(row[0]): (str(row[1]), str(row[2]), str(row[3])) for row in session.rows(sql, part)}
    for record in records:
        image = found.get(str(record["id"]))
        record["mainImageId"] = image[0] if image else None
        record["mainImageName"] = image[1] if image else None
        record["mainImagePathsData"] = None
        if image:
            record["mainImagePathsData"] = file_records.paths_data(
                session, image[0], image[1], thumbnails_path=image[2]
            )


def _add_options(session: Session, entity: Entity, records: list[JsonObject]) -> None:
    """Put the names of list options beside their ids."""
    for column in entity.stored:
        if not column.list_id or column.name not in records[0]:
            continue
        values = [record[column.name] for record in records]
        ids = [str(one) for value in values for one in (value if isinstance(value, list) else [value]) if one]
        shown = names_of(session, "ExtensibleEnumOption", ids) if ids else {}
        for record, value in zip(records, values, strict=True):
            if isinstance(value, list):
                record[f"{column.name}Names"] = {str(one): shown.get(str(one)) for one in value}
            elif column.kind == "list":
                record[f"{column.name}Names"] = None
            else:
                record[f"{column.name}Name"] = shown.get(str(value))


_WORK: dict[str, Callable[[Session, Entity, list[JsonObject]], None]] = {
    "mainImage": _add_main_image,
    "file": lambda session, entity, records: file_records.add_computed(session, records),  # noqa: ARG005  one shape
    "sharing": lambda session, entity, records: file_records.add_sharing(session, records),  # noqa: ARG005  the same
    "values": lambda session, entity, records: value_records.add_computed(session, records),  # noqa: ARG005  the same
    "units": units.describe,
    "options": _add_options,
    "followed": _add_followers,
    "channels": _mend_channels,
}
