"""Attribute values that ride in a record's payload or stand flattened in its answer.

Source: AtroCore REST API, "Flattened Format"; observed on 2.1 (written so, but not read).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import attribute_values
from etl.sandbox.attribute_types import definition, find_ids, values_entity
from etl.sandbox.linked import names_of

if TYPE_CHECKING:
    from etl.sandbox.attribute_values import Assigned
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Entity, JsonObject, JsonValue


def _writes(session: Session, entity: Entity) -> bool:
    return session.generation.attributes != "values" and values_entity(session, entity) is not None


def write_payload(session: Session, entity: Entity, payload: JsonObject, *, record_id: str) -> frozenset[str]:
    """Assign, remove and store what a payload says of attributes; return the ids that were newly assigned."""
    if not _writes(session, entity) or all(key in entity.columns for key in payload):
        return frozenset()
    added = _assign(session, entity, payload, record_id=record_id)
    _remove(session, entity, payload, record_id=record_id)
    for one in attribute_values.assigned(session, entity, [record_id])[record_id]:
        changed = attribute_values.changes(session, one, _given(session, one, payload))
        if changed:
            attribute_values.write(session, one, changed)
    return added


def _assign(session: Session, entity: Entity, payload: JsonObject, *, record_id: str) -> frozenset[str]:
    wanted = _texts(payload.get("__attributes"))
    known = payload.get("attributesDefs")
    if isinstance(known, dict):
        # Definitions that are sent back assign what they name.
        wanted += [
            str(one["attributeId"])
            for one in known.values()
            if isinstance(one, dict) and "attributeId" in one
        ]
    if not wanted:
        return frozenset()
    before = {one.attribute.id for one in attribute_values.assigned(session, entity, [record_id])[record_id]}
    ids = find_ids(session, wanted)
    attribute_values.assign(session, entity, record_id, ids=ids)
    return frozenset(ids) - before


def _remove(session: Session, entity: Entity, payload: JsonObject, *, record_id: str) -> None:
    names = set(_texts(payload.get("__attributesToRemove")))
    if not names:
        return
    ids = []
    for one in attribute_values.assigned(session, entity, [record_id])[record_id]:
        # Up to 2.2 an entry is looked up as a name in the payload: an id does nothing where there is a code.
        named = (
            {one.attribute.key, one.attribute.id}
            if session.generation.simple_attribute_fix
            else {one.attribute.key}
        )
        if named & names:
            ids.append(one.attribute.id)
    attribute_values.unassign(session, entity, record_id, ids=ids)


def _texts(value: JsonValue) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _given(session: Session, one: Assigned, payload: JsonObject) -> JsonObject:
    key = one.attribute.key
    places = attribute_values.all_places(session, one.attribute)
    return {suffix: payload[f"{key}{suffix}"] for suffix in places if f"{key}{suffix}" in payload}


def is_changed(session: Session, entity: Entity, payload: JsonObject, *, record_id: str) -> bool:
    """Say whether a payload changes an attribute of a record."""
    if not _writes(session, entity) or all(key in entity.columns for key in payload):
        return False
    for one in attribute_values.assigned(session, entity, [record_id])[record_id]:
        if attribute_values.changes(session, one, _given(session, one, payload)):
            return True
    return False


def echo(session: Session, entity: Entity, record_id: str, *, added: frozenset[str]) -> JsonObject:
    """Return what the answer to a write shows of a record's attributes."""
    if not _writes(session, entity):
        return {}
    found = attribute_values.assigned(session, entity, [record_id])[record_id]
    if session.generation.attributes == "full" and not session.flatten:
        return {}
    shown: JsonObject = {"attributesDefs": []}
    if found:
        shown["attributesDefs"] = {
            one.attribute.key: definition(
                one.attribute, value_id=None if one.attribute.id in added else one.value_id, full=True
            )
            for one in found
        }
    for one in found:
        shown |= one.flattened(session)
    return shown


def flatten(
    session: Session, entity: Entity, records: list[JsonObject], *, only: list[str] | None, full: bool
) -> None:
    """Put attribute values into records; `only` names attributes by id or code, None takes all."""
    if session.generation.attributes != "full" or values_entity(session, entity) is None:
        return
    wanted = None if only is None else set(find_ids(session, only))
    found = attribute_values.assigned(session, entity, [str(record["id"]) for record in records])
    for record in records:
        definitions: JsonObject = {}
        for one in found[str(record["id"])]:
            if wanted is not None and one.attribute.id not in wanted:
                continue
            definitions[one.attribute.key] = definition(one.attribute, value_id=one.value_id, full=full)
            record |= {key: _shown(value) for key, value in one.flattened(session).items()}
            record |= {f"{one.attribute.key}{key}": value for key, value in companions(session, one).items()}
        record["attributesDefs"] = definitions


def _shown(value: JsonValue) -> JsonValue:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def companions(session: Session, one: Assigned) -> JsonObject:
    """Return the names of units, options and linked records beside an attribute's value."""
    values = one.by_suffix(session)
    shown: JsonObject = {}
    unit = values.get("UnitId")
    if isinstance(unit, str):
        shown["UnitName"] = names_of(session, "Unit", [unit]).get(unit)
    if one.attribute.type == "extensibleEnum" and isinstance(values.get(""), str):
        option = str(values[""])
        shown["Name"] = names_of(session, "ExtensibleEnumOption", [option]).get(option)
    if one.attribute.type == "extensibleMultiEnum":
        options = _texts(values.get(""))
        names = names_of(session, "ExtensibleEnumOption", options) if options else {}
        shown["Names"] = {option: names.get(option) for option in options}
    if one.attribute.type == "file" and isinstance(values.get("Id"), str):
        file_id = str(values["Id"])
        shown["Name"] = names_of(session, "File", [file_id]).get(file_id)
    return shown
