"""Names and ids of linked records, looked up for many records at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox.instance import marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonValue, Link


def display_column(entity: Entity) -> str:
    """Return the column that names a record: `name`, or `id` where there is none."""
    return "name" if entity.has("name") else "id"


def names_of(session: Session, entity_name: str, ids: Iterable[str]) -> dict[str, JsonValue]:
    """Return the names of records by id; ids of no live record are missing."""
    known = session.caches.setdefault(entity_name, {})
    missing = [one for one in dict.fromkeys(ids) if one not in known]
    entity = session.instance.schema.entities.get(entity_name)
    if entity is None:
        return known
    for start in range(0, len(missing), 500):
        part = missing[start : start + 500]
        shown = display_column(entity)
        sql = f'SELECT id, "{shown}" FROM "{entity.name}" WHERE deleted = 0 AND id IN ({marks(part)})'
        for row in session.rows(sql, tuple(part)):
            known[str(row[0])] = row[1] if not isinstance(row[1], bytes) else None
    return known


def linked_ids(session: Session, entity: Entity, link: Link, *, ids: list[str]) -> dict[str, list[str]]:
    """Return the ids of the live records that each record is linked to, in the order of linking."""
    found: dict[str, list[str]] = {one: [] for one in ids}
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        if link.type == "hasMany":
            sql = (
                f'SELECT "{link.column}", id FROM "{link.entity}" '
                f'WHERE deleted = 0 AND "{link.column}" IN ({marks(part)}) ORDER BY _place'
            )
        else:
            typed = f" AND m.\"entityType\" = '{entity.name}'" if link.typed else ""
            sql = (
                f'SELECT m."{link.near}", m."{link.far}" FROM "{link.relation}" m '
                f'JOIN "{link.entity}" f ON f.id = m."{link.far}" AND f.deleted = 0 '
                f'WHERE m.deleted = 0 AND m."{link.near}" IN ({marks(part)}){typed} ORDER BY m._place'
            )
        for near, far in session.rows(sql, tuple(part)):
            found[str(near)].append(str(far))
    return found
