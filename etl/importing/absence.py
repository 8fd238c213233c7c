"""What a mapping must say before records may be called absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.errors import MappingInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.mapping import Mapping
    from etl.schema import EntitySchema

ABSENT = "absent"
"""The part that absent records are in plans and results."""
ACTIVE = "isActive"
"""The field that `on_absent: deactivate` switches off."""


def insist_on_keys(parts: Sequence[Mapping], entities: Sequence[EntitySchema]) -> None:
    """Refuse mappings that cannot tell which records are absent.

    Raises:
        MappingInvalid: with the place of each.
    """
    found = []
    for part, entity in zip(parts, entities, strict=True):
        said = f"{part.spot('on_absent')}: on_absent: {part.doc.on_absent}"
        if part.doc.on_absent == "keep":
            continue
        if not part.key:
            found.append(f"{said} needs a key: without one no record is found again.")
        if part.doc.rows.where is not None:
            found.append(
                f"{said} does not go with rows.where, which leaves rows out: they would count as absent."
            )
        if part.doc.on_absent == "deactivate" and ACTIVE not in entity.fields:
            found.append(f"{said} needs a field {ACTIVE}, and {entity.name} has none. Write delete or keep.")
    if found:
        raise MappingInvalid(str(parts[0].path), problems=found)
