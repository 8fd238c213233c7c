"""Numbers with a unit: the unit belongs to the measure, and some units are converted when they are stored.

Source: AtroCore REST API, measures; api-contract 5.1 (a unit with `convertTo`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox.attribute_values import check_unit

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject


def settle(session: Session, entity: Entity, state: JsonObject) -> None:
    """Check the units of a record's values and convert what is stored in another unit; `state` is changed.

    Raises:
        BadRequest: a unit of another measure.
    """
    if "Unit" not in session.instance.schema.entities:
        return
    for column in entity.stored:
        key = f"{column.name}UnitId"
        unit = state.get(key)
        if column.measure is None or column.kind == "link" or not isinstance(unit, str) or not unit:
            continue
        check_unit(session, column.measure, unit)
        target = _target(session, unit)
        value = state.get(column.name)
        if target is None or not isinstance(value, (int, float)):
            continue
        state[key], factor = target
        state[column.name] = float(value) * factor


def _target(session: Session, unit: str) -> tuple[str, float] | None:
    """Return the unit that a unit is converted to, and the factor."""
    sql = (
        'SELECT t.id, u.multiplier, t.multiplier FROM "Unit" u '
        'JOIN "Unit" t ON t.id = u."convertToId" AND t.deleted = 0 WHERE u.id = ?'
    )
    row = session.row(sql, (unit,))
    if row is None:
        return None
    own, other = float(str(row[1] or 1)), float(str(row[2] or 1))
    return str(row[0]), _factor(session, own, other)


def _factor(session: Session, own: float, other: float) -> float:
    """Return how many of another unit one of the own is.

    Source: atrocore/atrocore, Repositories/Measure.php of 1.10.30 and, the other way round, of 2.1.25.
    """
    return own / other if session.generation.multiplies_units else other / own


def describe(session: Session, entity: Entity, records: list[JsonObject]) -> None:
    """Put the label and the data of units beside the numbers."""
    for column in entity.stored:
        key = f"{column.name}UnitId"
        if column.measure is None or column.kind == "link" or key not in records[0]:
            continue
        for record in records:
            unit = record.get(key)
            label = f"unit{column.name[0].upper()}{column.name[1:]}"
            name = record.get(f"{column.name}UnitName")
            value = record.get(column.name)
            record[label] = f"{value} {name}" if unit and value is not None else None
            record[f"{column.name}UnitData"] = {"id": unit, "name": name} if unit else None
            if unit and isinstance(value, (int, float)):
                record[f"{column.name}AllUnits"] = _all_units(session, str(unit), float(value))


def _all_units(session: Session, unit: str, value: float) -> JsonObject:
    sql = (
        'SELECT o.name, o.multiplier, u.multiplier FROM "Unit" u '
        'JOIN "Unit" o ON o."measureId" = u."measureId" AND o.deleted = 0 WHERE u.id = ? ORDER BY o._place'
    )
    return {
        str(name): round(value * _factor(session, float(str(own or 1)), float(str(other or 1))), 6)
        for name, other, own in session.rows(sql, (unit,))
    }
