"""Several entities from the same rows: whether their blocks can be run one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.mapping.findings import MappingProblem, choices, finding
from etl.mapping.loading import block_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.mapping.loading import Mapping


def check_blocks(mapping: Mapping) -> Iterator[MappingProblem]:
    """Yield what is wrong with the blocks of a mapping among each other."""
    blocks = mapping.document.blocks
    names = [one.id for one in blocks]
    for position, block in enumerate(blocks):
        if block.id in names[:position]:
            yield finding("block_twice", mapping.text.spot("blocks", position, "id"), block=block.id)
        for kind, entries in (("fields", block.fields), ("attributes", block.attributes)):
            for name, entry in entries.items():
                if entry.link is not None and entry.link.of is not None and entry.link.of not in names:
                    spot = mapping.text.spot("blocks", position, kind, name, "link", "of")
                    advice = choices(entry.link.of, names, what="Blocks here")
                    yield finding("unknown_block", spot, block=entry.link.of, choices=advice)
    if not blocks:
        for name, field in mapping.fields.items():
            if field.link is not None and field.link.of is not None:
                spot = mapping.text.spot("fields", name, "link", "of")
                yield finding(
                    "unknown_block", spot, block=field.link.of, choices="This mapping has no blocks."
                )
    needs = {one.id: block_needs(one) - {one.id} for one in blocks}
    circle = _in_circles(needs)
    if circle:
        spot = mapping.text.key_spot("blocks")
        yield finding("blocks_need_each_other", spot, blocks=", ".join(circle))


def _in_circles(needs: dict[str, set[str]]) -> list[str]:
    left = dict(needs)
    while True:
        free = [name for name, needed in left.items() if not needed & set(left)]
        if not free:
            return list(left)
        for name in free:
            del left[name]
