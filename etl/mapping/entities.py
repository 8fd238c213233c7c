"""The entity that a mapping writes, or where it stands that there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.errors import MappingInvalid
from etl.mapping.findings import MappingProblem, choices, finding

if TYPE_CHECKING:
    from etl.mapping.loading import Mapping
    from etl.schema import EntitySchema, Schema


def unknown_entity(mapping: Mapping, schema: Schema) -> MappingProblem:
    """Return what to say where the instance does not have the entity of a mapping."""
    advice = choices(mapping.entity, schema.entities, what="Entities there", at_most=12)
    return finding("unknown_entity", mapping.spot("entity"), entity=mapping.entity, choices=advice)


def entity_of(mapping: Mapping, schema: Schema) -> EntitySchema:
    """Return the entity of a mapping.

    Raises:
        MappingInvalid: the instance does not have it.
    """
    if (entity := schema.entities.get(mapping.entity)) is None:
        raise MappingInvalid(str(mapping.path), problems=[str(unknown_entity(mapping, schema))])
    return entity
