"""Which records of an instance bear the names that stand in the columns of a file; for `guess --online`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.cli.snapshots import target_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pyarrow as pa

    from etl.cli.settings import Settings
    from etl.schema import Schema

MOST = 100
"""Names per column that are asked for."""


async def linked_names(
    settings: Settings, schema: Schema, entity: str, *, columns: Mapping[str, pa.Array]
) -> dict[str, Collection[str]]:
    """Return, for each link field, the texts of these columns that are names or codes of its targets.

    Asks twice per target entity; writes nothing.
    """
    from etl.api import connect  # noqa: PLC0415  `--help` needs no client
    from etl.mapping.convert.cells import as_text  # noqa: PLC0415

    texts = sorted(
        {
            text.strip()
            for cells in columns.values()
            for text in as_text(cells).unique().to_pylist()[:MOST]
            if text
        }
    )
    fields = [
        one
        for one in schema.entity(entity).fields.values()
        if one.kind in ("link", "links") and not one.is_read_only and one.target in schema.entities
    ]
    found: dict[str, set[str]] = {}
    async with connect(target_of(settings), limits=settings.limits) as client:
        for target in sorted({one.target or "" for one in fields}):
            found[target] = set()
            for by in ("name", "code"):
                if texts and by in schema.entities[target].fields:
                    records = await client.look_up(target, by, texts, select=("id", by))
                    found[target] |= {str(one.get(by)) for one in records}
    return {one.name: found[one.target or ""] for one in fields}
