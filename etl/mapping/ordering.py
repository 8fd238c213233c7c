"""Several mappings in the order their links need: brands before the products that point to them."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from etl.mapping.entities import entity_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.mapping.loading import Mapping
    from etl.schema import Schema


def in_order(mappings: Sequence[Mapping], schema: Schema) -> list[Mapping]:
    """Return the mappings so that entities stand before what links to them; as given where nothing tells.

    Mappings that need each other stay in the order in which they were given.

    Raises:
        MappingInvalid: the instance has no entity that one of them writes.
    """
    writes = [frozenset(part.entity for part in one.parts()) for one in mappings]
    graph: TopologicalSorter[int] = TopologicalSorter()
    for position, one in enumerate(mappings):
        needed = _targets(one, schema) - writes[position]
        graph.add(position, *(other for other, made in enumerate(writes) if made & needed))
    try:
        graph.prepare()
    except CycleError:
        return list(mappings)
    ordered: list[int] = []
    while graph.is_active():
        ready = sorted(graph.get_ready())
        ordered += ready
        graph.done(*ready)
    return [mappings[position] for position in ordered]


def _targets(mapping: Mapping, schema: Schema) -> frozenset[str]:
    """The entities that the links of a mapping lead to."""
    found = set()
    for part in mapping.parts():
        entity = entity_of(part, schema)
        for name, field in part.doc.fields.items():
            known = next((entity.fields[one] for one in name.split("|") if one in entity.fields), None)
            if field.link is not None and known is not None and known.target:
                found.add(known.target)
    return frozenset(found)
