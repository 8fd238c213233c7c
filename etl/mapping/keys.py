"""Canonical keys: the values of the key's fields as one text per record."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text

KEY_MARK = "\x1f"
"""Stands between the parts of a composite key."""


def joined_keys(parts: list[pa.Array], count: int) -> pa.StringArray:
    """Return the canonical keys of the values of the key's fields; null where a part is null."""
    if not parts:
        return pa.nulls(count, pa.string())
    texts = [as_text(part) for part in parts]
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, KEY_MARK)
