"""The texts of links in the form in which they are looked up, or sent as objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from etl.mapping.convert.faults import Faults

PART_MARK = "\x1f"
"""Stands between the values of several fields of one target."""


@dataclass(frozen=True, slots=True)
class LinkForm:
    """How one text of a link is made ready."""

    by: tuple[str, ...]
    delimiter: str = "|"
    path: str | None = None
    is_object: bool = False

    def formed(self, texts: pa.StringArray, faults: Faults) -> pa.StringArray:
        """Return the texts: parts joined by U+001F, paths without spaces at their mark, objects as JSON."""
        coded = texts.dictionary_encode()
        known = coded.dictionary.to_pylist()
        made = pa.array([self._formed(text) for text in known], pa.string())
        values = made.take(coded.indices)
        if made.null_count:
            lost = pc.and_(texts.is_valid(), values.is_null())
            facts = {"fields": ", ".join(self.by), "delimiter": self.delimiter}
            faults.mark(lost, texts, code="link_parts", facts=facts)
        return values

    def _formed(self, text: str) -> str | None:
        if self.path is not None:
            steps = [step.strip() for step in text.split(self.path.strip() or self.path)]
            return self.path.join(step for step in steps if step)
        parts = [text]
        if len(self.by) > 1:
            parts = [part.strip() for part in text.split(self.delimiter)]
            if len(parts) != len(self.by) or not all(parts):
                return None
        if not self.is_object:
            return PART_MARK.join(parts)
        return orjson.dumps(dict(zip(self.by, parts, strict=True))).decode()
