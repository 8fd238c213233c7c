"""What lines of a plan, and of kept values, stand on: keys, links and attributes of the mapping's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.planning import KnownAttribute, PartGround

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.importing.legs import Leg
    from etl.mapping import Rules
    from etl.model import AttributeTarget, LinkTarget


def ground_of(legs: Sequence[Leg]) -> tuple[PartGround, ...]:
    """Return the ground of all parts: the records of each block, what joins them, the targets of their links.

    Attributes that the source names itself are among them once their rows have been translated.
    """
    found = [_own(leg) for leg in legs]
    for leg in legs:
        found += [
            PartGround(
                one.name,
                one.entity,
                is_own=False,
                key_fields=(one.owner_key, one.target.key, *(target.key for target, _ in one.fixed)),
            )
            for one in leg.rules.bound.relations
        ]
        found += [_targets(link) for link in (*leg.rules.links, *leg.rules.further_links)]
    return tuple(dict.fromkeys(found))


def _own(leg: Leg) -> PartGround:
    rules = leg.rules
    return PartGround(
        leg.block,
        rules.entity.name,
        is_own=True,
        key_fields=rules.key_fields,
        objects=rules.object_keys,
        attributes=tuple(
            KnownAttribute(one, leg.types.get(one.attribute_id, "")) for one in _attributes(rules)
        ),
        way=rules.mapping.doc.write_attributes,
    )


def _targets(link: LinkTarget) -> PartGround:
    # Among the steps of a path, or within a measure, a name alone tells nothing.
    is_plain = not link.path and not link.within and not link.where
    return PartGround(
        link.field, link.entity, is_own=False, key_fields=(link.by, *link.also_by) if is_plain else ()
    )


def _attributes(rules: Rules) -> Iterator[AttributeTarget]:
    for one in rules.bound.attributes:
        yield one.target
    for pair in rules.bound.pairs:
        for made in pair.compiled.values():
            for one in made:
                yield one.target
