"""What a mapping must say before records may be called absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.mapping.findings import finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.mapping.findings import MappingProblem
    from etl.mapping.loading import Mapping
    from etl.schema import EntitySchema

ACTIVE = "isActive"
"""The field that `on_absent: deactivate` switches off."""


def check_absence(mapping: Mapping, entity: EntitySchema) -> Iterator[MappingProblem]:
    """Yield why it could not be told which records of the entity are absent."""
    if mapping.doc.on_absent == "keep":
        return
    spot = mapping.spot("on_absent")
    if not mapping.key:
        yield finding("absent_without_key", spot)
    if mapping.doc.rows.where is not None:
        yield finding("absent_with_where", spot)
    if mapping.doc.on_absent == "deactivate" and ACTIVE not in entity.fields:
        yield finding("absent_without_active", spot, entity=entity.name, field=ACTIVE)
