"""Records out of the database: single ones as AtroCore shows them, and pages of lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.sandbox import companions
from etl.sandbox.instance import Plan, Session, marks, quoted_list
from etl.sandbox.linked import linked_ids, names_of
from etl.sandbox.refusals import BadRequest, NotFound
from etl.sandbox.values import show_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.sandbox.metadata import Entity, JsonObject, JsonValue, Link
    from etl.sandbox.storage import Row


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
    multiple = tuple(link for link in entity.links.values() if link.listed)
    extras = companions.names(session, entity, alone=True)
    return Shape(
        _stored_keys(entity), _single_links(entity), multiple=multiple, extras=extras, shows_deleted=True
    )


def list_shape(session: Session, entity: Entity, select: str | None) -> Shape:
    """Return the shape of records in a list; `select` is the parameter as it was sent.

    Raises:
        BadRequest: `select` names something that does not exist.
    """
    extras = companions.names(session, entity, alone=False)
    always = companions.listed_links(entity)
    if not select:
        named = _single_links(entity)
        return Shape(_stored_keys(entity), named, multiple=always, extras=extras, shows_deleted=True)
    chosen = _Choice(entity, session.language, multiple=[*always])
    for name in select.split(","):
        chosen.add(name)
    for name in companions.listed_columns(session, entity):
        chosen.keys[name] = None
    for name in companions.listed_names(entity):
        chosen.add(f"{name}Name")
    multiple = tuple(dict.fromkeys(chosen.multiple))
    return Shape(tuple(chosen.keys), tuple(chosen.named), tuple(chosen.embedded), multiple, extras)


def _single_links(entity: Entity) -> tuple[Link, ...]:
    return tuple(
        link for link in entity.links.values() if link.type == "belongsTo" and entity.has(str(link.column))
    )


@dataclass(slots=True)
class _Choice:
    """What `select` names, while it is read."""

    entity: Entity
    language: str
    multiple: list[Link]
    named: list[Link] = field(default_factory=list)
    embedded: list[Link] = field(default_factory=list)
    keys: dict[str, None] = field(default_factory=lambda: {"id": None})

    def add(self, name: str) -> None:
        """Add what one name stands for.

        Raises:
            BadRequest: nothing.
        """
        link, part = _selected_link(self.entity, name)
        if self.entity.has(name):
            self.keys[name] = None
            if self.language and self.entity.has(f"{name}{self.language}"):
                self.keys[f"{name}{self.language}"] = None
        elif link is None:
            if name not in self.entity.columns and name not in {"deleted", ""}:
                raise BadRequest(f"no field {name!r}")
        elif part in {"Ids", "Names"}:
            self.multiple.append(link)
        else:
            if link.type == "belongsTo":
                self.keys[str(link.column)] = None
            (self.named if part == "Name" else self.embedded).append(link)


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
    columns = _show_columns(session, plan, shape, rows)
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


def _show_columns(
    session: Session, plan: Plan, shape: Shape, rows: Sequence[Row]
) -> dict[str, Sequence[JsonValue]]:
    columns: dict[str, Sequence[JsonValue]] = dict(zip(shape.keys, zip(*rows, strict=True), strict=True))
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
    return columns


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
    columns = quoted_list(shape.keys)
    rows: list[Row] = []
    for start in range(0, len(ids), 500):
        part = tuple(dict.fromkeys(ids[start : start + 500]))
        sql = f'SELECT {columns} FROM "{entity_name}" WHERE deleted = 0 AND id IN ({marks(part)})'
        rows += session.rows(sql, part)
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
    shown = [column.name for column in relation.stored if column.name not in ends]
    shows = session.instance.plan(relation.name).shows
    columns = quoted_list([link.far, *shown])
    sql = f'SELECT {columns} FROM "{relation.name}" WHERE deleted = 0 AND "{link.near}" = ?'
    found = {str(row[0]): dict(zip(shown, row[1:], strict=True)) for row in session.rows(sql, (record_id,))}
    for record in records if isinstance(records, list) else []:
        if isinstance(record, dict):
            for name, value in found.get(str(record["id"]), {}).items():
                record[f"{relation.name}__{name}"] = shows[name](value) if name in shows else value  # type: ignore[assignment]  # no bytes here
