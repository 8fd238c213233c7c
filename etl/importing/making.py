"""What rows are made with besides their cells: where that is another, nothing is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xxhash

from etl.mapping.steady import tables_digest

if TYPE_CHECKING:
    from etl.mapping import Rules
    from etl.schema import Schema
    from etl.tables import Table


def context_of(rules: Rules, table: Table, *, schema: Schema, version: str, facts: object) -> str:
    """Return the digest of all that rows are made with besides their cells.

    The conversions are part of the package: its version stands for theirs.
    """
    parts = (
        rules.mapping.digest,
        rules.mapping.block,
        tables_digest(rules.mapping),
        repr(table.dialect),
        schema.digest,
        version,
        repr(rules.used_columns),
        repr(facts),
    )
    return xxhash.xxh3_64_hexdigest("\x1f".join(parts).encode())
