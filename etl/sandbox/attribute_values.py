"""Rows of attribute values: which attributes a record has, assigning, writing, removing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.sandbox import rows
from etl.sandbox.attribute_types import Attribute, owner_column, read_attributes, values_entity
from etl.sandbox.instance import marks
from etl.sandbox.refusals import BadRequest

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Assigned:
    """An attribute of a record."""

    attribute: Attribute
    value_id: str
    """Id of the row that holds its values."""
    stored: JsonObject
    """Columns of that row, with PHP's types."""

    def flattened(self, session: Session) -> JsonObject:
        """Return the keys and values as they stand in a flattened record."""
        return {f"{self.attribute.key}{suffix}": value for suffix, value in self.by_suffix(session).items()}

    def by_suffix(self, session: Session) -> JsonObject:
        """Return the values by what stands behind the key."""
        places = all_places(session, self.attribute)
        return {suffix: self.stored.get(column) for suffix, column in places.items()}


def all_places(session: Session, attribute: Attribute) -> dict[str, str]:
    """Return where the values of an attribute lie, in all languages."""
    entity = session.instance.schema.entities.get(attribute.entity) or session.instance.entity("Product")
    values = values_entity(session, entity)
    more = attribute.language_places(session.instance.languages, values) if values is not None else {}
    return attribute.places() | more


def assigned(session: Session, entity: Entity, record_ids: list[str]) -> dict[str, list[Assigned]]:
    """Return the attributes of records, in the order of assigning."""
    found: dict[str, list[Assigned]] = {one: [] for one in record_ids}
    values = values_entity(session, entity)
    if values is None:
        return found
    plan = session.instance.plan(values.name)
    owner = owner_column(entity)
    stored_rows: list[JsonObject] = []
    for start in range(0, len(record_ids), 500):
        part = tuple(record_ids[start : start + 500])
        for row in session.rows(f'{plan.select} AND "{owner}" IN ({marks(part)}) ORDER BY _place', part):
            stored: JsonObject = {}
            for column, value in zip(values.stored, row, strict=True):
                show = plan.shows.get(column.name)
                plain = value is None or show is None or column.kind == "float"
                stored[column.name] = value if plain else show(value)  # type: ignore[assignment, misc]  # never bytes
            stored_rows.append(stored)
    attributes = (
        read_attributes(session, [str(stored["attributeId"]) for stored in stored_rows])
        if stored_rows
        else {}
    )
    for stored in stored_rows:
        attribute = attributes.get(str(stored["attributeId"]))
        if attribute is not None:
            found[str(stored[owner])].append(Assigned(attribute, str(stored["id"]), stored))
    return found


def assign(session: Session, entity: Entity, record_id: str, *, ids: list[str]) -> None:
    """Give a record attributes; those that it has, and unknown ones, do nothing.

    Raises:
        BadRequest: an attribute of another entity.
    """
    values = values_entity(session, entity)
    if values is None:
        raise BadRequest(f"{entity.name} has no attributes")
    present = {one.attribute.id for one in assigned(session, entity, [record_id])[record_id]}
    moment = session.instance.moment()
    for attribute in read_attributes(session, ids).values():
        if attribute.entity not in {entity.name, ""}:
            raise BadRequest(f"the attribute {attribute.id!r} is not of {entity.name}")
        if attribute.id in present:
            continue
        row: JsonObject = {owner_column(entity): record_id, "attributeId": attribute.id}
        if attribute.default_unit and attribute.measure:
            row["referenceValue"] = attribute.default_unit
        rows.insert(session, values.name, row, moment=moment)


def unassign(session: Session, entity: Entity, record_id: str, *, ids: list[str]) -> int:
    """Take attributes from a record; return how many it had."""
    values = values_entity(session, entity)
    if values is None or not ids:
        return 0
    owner = owner_column(entity)
    sql = (
        f'DELETE FROM "{values.name}" WHERE deleted = 0 AND "{owner}" = ? AND "attributeId" IN ({marks(ids)})'
    )
    return session.run(sql, (record_id, *ids))


def changes(session: Session, one: Assigned, given: JsonObject) -> JsonObject:
    """Return the columns that values by suffix would change, taken as the column's type.

    Raises:
        BadRequest: a value that is refused.
    """
    entity = session.instance.entity(one.attribute.entity or "Product")
    plan = session.instance.plan(f"{entity.name}AttributeValue")
    changed: JsonObject = {}
    for suffix, column in all_places(session, one.attribute).items():
        if suffix not in given:
            continue
        value = given[suffix]
        if type(value) is type(one.stored.get(column)) and value == one.stored.get(column):
            continue
        taken = plan.takers[column](value)
        if one.attribute.digits is not None and isinstance(taken, float):
            taken = round(taken, one.attribute.digits)
        check = plan.checks.get(column)
        if check is not None:
            check(taken)
        if one.attribute.list_id and suffix == "":
            check_options(session, one.attribute.list_id, taken)
        if suffix == "UnitId" and one.attribute.measure and taken is not None:
            check_unit(session, one.attribute.measure, str(taken))
        changed[column] = taken
    _check_range(one, changed)
    return changed


def _check_range(one: Assigned, changed: JsonObject) -> None:
    for low, high in (("intValue", "intValue1"), ("floatValue", "floatValue1")):
        if one.attribute.type not in {"rangeInt", "rangeFloat"} or not {low, high} & changed.keys():
            continue
        start, end = changed.get(low, one.stored.get(low)), changed.get(high, one.stored.get(high))
        if isinstance(start, (int, float)) and isinstance(end, (int, float)) and start > end:
            raise BadRequest(f"{one.attribute.key}: from {start} to {end}")


def write(session: Session, one: Assigned, changed: JsonObject) -> None:
    """Store changed columns of an attribute value."""
    rows.change(session, f"{one.attribute.entity or 'Product'}AttributeValue", one.value_id, values=changed)


def check_options(session: Session, list_id: str, value: JsonValue) -> None:
    """Refuse option ids that are not in a list.

    Raises:
        BadRequest: an unknown option.
    """
    if "ExtensibleEnumExtensibleEnumOption" not in session.instance.schema.entities or value in (
        None,
        "",
        [],
    ):
        return
    sql = (
        'SELECT 1 FROM "ExtensibleEnumExtensibleEnumOption" WHERE deleted = 0 '
        'AND "extensibleEnumId" = ? AND "extensibleEnumOptionId" = ?'
    )
    for one in value if isinstance(value, list) else [value]:
        if session.row(sql, (list_id, str(one))) is None:
            raise BadRequest(f"{one!r} is not an option of the list {list_id!r}")


def check_unit(session: Session, measure: str, unit: str) -> None:
    """Refuse a unit of another measure.

    Raises:
        BadRequest: such a unit.
    """
    if (
        session.row('SELECT 1 FROM "Unit" WHERE id = ? AND "measureId" = ? AND deleted = 0', (unit, measure))
        is None
    ):
        raise BadRequest(f"the unit {unit!r} is not of the measure {measure!r}")
