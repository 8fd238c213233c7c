"""Records out of the database: single ones as AtroCore shows them, and pages of lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from etl.sandbox import companions
from etl.sandbox.instance import Plan, Session, quoted_list
from etl.sandbox.linked import linked_ids, names_of
from etl.sandbox.metadata import Entity, JsonObject, JsonValue, Link
from etl.sandbox.refusals import BadRequest, NotFound
from etl.sandbox.storage import Row
from etl.sandbox.values import show_all


@dataclass(frozen=True, slots=True)
class Shape:
    """What a record shows."""

    keys: tuple[str, ...]
    """Stored columns, in the order of the SELECT; `id` first."""
    named: tuple[Link, ...]
    """Single links whose name stands beside the id."""
    embedded: tuple[Link, ...] = ()
    """Links whose records stand inside."""
    multiple: tuple[Link, ...] = ()
    """Multi-links of which `xIds` and `xNames` stand there."""
    extras: frozenset[str] = field(default=frozenset())
    """Computed values, by name."""
    shows_deleted: bool = False
    """`"deleted": false` stands there."""


def whole_shape(session: Session, entity: Entity) -> Shape:
    """Return the shape of a record that is read alone."""
    single = tuple(
        link for link in entity.links.values() if link.type == "belongsTo" and entity.has(str(link.column))
    )
    multiple = tuple(link for link in entity.links.values() if link.listed)
    extras = companions.names(session, entity, alone=True)
    return Shape(_stored_keys(entity), single, multiple=multiple, extras=extras, shows_deleted=True)


def list_shape(session: Session, entity: Entity, select: str | None) -> Shape:
    """Return the shape of records in a list; `select` is the parameter as it was sent.

    Raises:
        BadRequest: `select` names something that does not exist.
    """
    extras = companions.names(session, entity, alone=False)
    always = companions.listed_links(session, entity)
    if not select:
        single = tuple(
            link
            for link in entity.links.values()
            if link.type == "belongsTo" and entity.has(str(link.column))
        )
        return Shape(_stored_keys(entity), single, multiple=always, extras=extras, shows_deleted=True)
    keys = dict.fromkeys(["id"])
    named: list[Link] = []
    embedded: list[Link] = []
    multiple: list[Link] = list(always)
    for name in select.split(","):
        link, part = _selected_link(entity, name)
        if entity.has(name):
            keys[name] = None
            if session.language and entity.has(f"{name}{session.language}"):
                keys[f"{name}{session.language}"] = None
        elif link is not None and part == "Name":
            keys[str(link.column)] = None
            named.append(link)
        elif link is not None and part == "":
            if link.type == "belongsTo":
                keys[str(link.column)] = None
            embedded.append(link)
        elif link is not None:
            multiple.append(link)
        elif name not in entity.columns and name not in {"deleted", ""}:
            raise BadRequest(f"no field {name!r}")
    for name in ("createdById", "assignedUserId", *companions.ALWAYS_LISTED):
        if entity.has(name) and (
            name in {"createdById", "assignedUserId"} or entity.type == "Hierarchy" or name in {"data"}
        ):
            keys[name] = None
    for name in companions.listed_columns(session, entity):
        keys[name] = None
    for name in companions.listed_names(entity):
        link = entity.links.get(name)
        if link is not None and entity.has(str(link.column)):
            keys[str(link.column)] = None
            named.append(link)
    return Shape(tuple(keys), tuple(named), tuple(embedded), tuple(dict.fromkeys(multiple)), extras)


def _selected_link(entity: Entity, name: str) -> tuple[Link | None, str]:
    for suffix, types in (
        ("", None),
        ("Name", {"belongsTo"}),
        ("Ids", {"hasMany", "manyMany"}),
        ("Names", {"hasMany", "manyMany"}),
    ):
        link = entity.links.get(name.removesuffix(suffix) if suffix else name)
        if link is not None and name.endswith(suffix) and (types is None or link.type in types):
            stored = link.type != "belongsTo" or entity.has(str(link.column))
            return (link, suffix) if stored else (None, "")
    return None, ""


def _stored_keys(entity: Entity) -> tuple[str, ...]:
    return tuple(column.name for column in entity.stored)


def build(session: Session, plan: Plan, shape: Shape, rows: Sequence[Row]) -> list[JsonObject]:
    """Return rows of `shape.keys` as records.

    Works column by column: a page has few columns and many rows.
    """
    if not rows:
        return []
    columns: dict[str, Sequence[JsonValue]] = dict(zip(shape.keys, zip(*rows, strict=True), strict=True))  # type: ignore[arg-type]  # no column holds bytes
    named = {link.name: columns[f"{link.name}Id"] for link in shape.named}
    for key in shape.keys:
        show = plan.shows.get(key)
        if show is not None:
            columns[key] = show_all(plan.entity.columns[key].kind, show, columns[key])
    for name in plan.entity.multilingual if session.language else ():
        if name in columns and f"{name}{session.language}" in columns:
            columns[name] = columns[f"{name}{session.language}"]
    if shape.shows_deleted:
        columns["deleted"] = [False] * len(rows)
    for link in shape.named:
        columns[f"{link.name}Name"] = _names(session, link, named[link.name])
    keys = tuple(columns)
    records: list[JsonObject] = [
        dict(zip(keys, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    for link in shape.multiple:
        _add_multiple(session, plan.entity, link, records=records)
    for link in shape.embedded:
        _embed(session, plan.entity, link, records=records)
    if shape.extras:
        companions.add(session, plan.entity, records, wanted=shape.extras)
    return records


def _names(session: Session, link: Link, ids: Sequence[JsonValue]) -> list[JsonValue]:
    wanted = {one for one in ids if one}
    if not wanted:
        return [None] * len(ids)
    names = names_of(session, link.entity, wanted)  # type: ignore[arg-type]  # ids are text
    return [names.get(one) for one in ids]  # type: ignore[arg-type]  # the same


def _add_multiple(session: Session, entity: Entity, link: Link, *, records: list[JsonObject]) -> None:
    if not _exists(session, link):
        return
    linked = linked_ids(session, entity, link, ids=[str(record["id"]) for record in records])
    names = names_of(session, link.entity, (one for ids in linked.values() for one in ids))
    for record in records:
        ids = linked[str(record["id"])]
        record[f"{link.name}Ids"] = [*ids]
        record[f"{link.name}Names"] = {one: names.get(one) for one in ids}


def _exists(session: Session, link: Link) -> bool:
    entities = session.instance.schema.entities
    return link.entity in entities and (link.relation is None or link.relation in entities)


def _embed(session: Session, entity: Entity, link: Link, *, records: list[JsonObject]) -> None:
    if not _exists(session, link):
        return
    if link.type == "belongsTo":
        wanted = [str(record[f"{link.name}Id"]) for record in records if record.get(f"{link.name}Id")]
        whole = {str(one["id"]): one for one in read_some(session, link.entity, wanted)}
        for record in records:
            record[link.name] = whole.get(str(record.pop(f"{link.name}Id", None)))
        return
    linked = linked_ids(session, entity, link, ids=[str(record["id"]) for record in records])
    whole = {
        str(one["id"]): one
        for one in read_some(session, link.entity, [one for ids in linked.values() for one in ids])
    }
    for record in records:
        record[link.name] = [whole[one] for one in linked[str(record["id"])] if one in whole]


def read_some(session: Session, entity_name: str, ids: list[str]) -> list[JsonObject]:
    """Return some records as a list shows them."""
    entity = session.instance.entity(entity_name)
    plan = session.instance.plan(entity_name)
    shape = list_shape(session, entity, None)
    rows: list[Row] = []
    for start in range(0, len(ids), 500):
        part = tuple(dict.fromkeys(ids[start : start + 500]))
        marks = ",".join("?" * len(part))
        rows += session.rows(
            f'SELECT {quoted_list(shape.keys)} FROM "{entity_name}" WHERE deleted = 0 AND id IN ({marks})',
            part,
        )
    return build(session, plan, shape, rows)


def read_one(session: Session, entity_name: str, record_id: str) -> JsonObject:
    """Return one record with everything that a single read shows.

    Raises:
        NotFound: there is no live record of that id.
    """
    plan = session.instance.plan(entity_name)
    row = session.row(f"{plan.select} AND id = ?", (record_id,))
    if row is None:
        raise NotFound
    return build(session, plan, whole_shape(session, plan.entity), [row])[0]


def add_relation_columns(session: Session, link: Link, records: JsonValue, *, record_id: str) -> None:
    """Put the columns of the relation entity into linked records, as `ProductCategory__sorting`."""
    relation = session.instance.entity(str(link.relation))
    ends = {link.near, link.far, "createdAt", "modifiedAt", "createdById", "modifiedById"}
    shown = [column for column in relation.stored if column.name not in ends]
    plan = session.instance.plan(relation.name)
    sql = f'SELECT "{link.far}", {quoted_list([column.name for column in shown])} FROM "{relation.name}" WHERE deleted = 0 AND "{link.near}" = ?'
    found = {str(row[0]): row[1:] for row in session.rows(sql, (record_id,))}
    for record in records if isinstance(records, list) else []:
        row = found.get(str(record["id"])) if isinstance(record, dict) else None
        for column, value in zip(shown, row or (), strict=bool(row)):
            show = plan.shows.get(column.name)
            assert isinstance(record, dict)
            record[f"{relation.name}__{column.name}"] = show(value) if show else value  # type: ignore[assignment]  # never bytes
