"""Texts, options of enums, JSON: what must not be longer, other or broken is a fault, never cut or mended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text, without
from etl.mapping.findings import close_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.mapping.convert.faults import Faults

LISTED = 20
"""Options that a message lists."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Cells <-> text."""

    max_length: int | None = None
    """In characters."""
    pattern: str | None = None
    """As AtroCore writes it, between slashes."""

    def to_value(self, cells: pa.Array, faults: Faults) -> pa.StringArray:
        """Return the text as it stands; what is too long or of another form is a fault."""
        values = as_text(cells)
        if self.max_length is not None and (pc.max(pc.binary_length(values)).as_py() or 0) > self.max_length:
            long = pc.greater(pc.utf8_length(values), self.max_length)
            faults.mark(long, values, code="too_long", facts=self._too_long)
            values = without(values, pc.fill_null(long, fill_value=False))
        if self.pattern is not None:
            other = pc.invert(matches(values, self.pattern))
            faults.mark(other, values, code="pattern_mismatch", facts={"pattern": self.pattern})
            values = without(values, pc.fill_null(other, fill_value=False))
        return values

    def to_cell(self, values: pa.StringArray) -> pa.StringArray:
        """Return the text."""
        return values

    def _too_long(self, text: str) -> Mapping[str, str]:
        return {"length": str(len(text)), "maximum": str(self.max_length)}


@dataclass(frozen=True, slots=True)
class Options:
    """Cells <-> one of the options of an enum."""

    options: tuple[str, ...] | None
    """None: any text."""

    def to_value(self, cells: pa.Array, faults: Faults) -> pa.StringArray:
        """Return the options; anything else is a fault."""
        values = pc.utf8_trim_whitespace(as_text(cells))
        if self.options is None:
            return values
        other = pc.and_(
            values.is_valid(), pc.invert(pc.is_in(values, value_set=pa.array(self.options, pa.string())))
        )
        faults.mark(other, values, code="unknown_option", facts=self._unknown)
        return without(values, other)

    def to_cell(self, values: pa.StringArray) -> pa.StringArray:
        """Return the option."""
        return values

    def _unknown(self, text: str) -> Mapping[str, str]:
        options = self.options or ()
        more = f" and {len(options) - LISTED} more" if len(options) > LISTED else ""
        close = close_to(text, options)
        hint = f' (did you mean "{close}"?)' if close else ""
        return {"close": hint, "options": ", ".join(options[:LISTED]) + more}


@dataclass(frozen=True, slots=True)
class Json:
    """Cells <-> JSON, as the text of it, ready to stand in a body; `translate` marks it as `pa.json_()`."""

    def to_value(self, cells: pa.Array, faults: Faults) -> pa.StringArray:
        """Return the JSON without spaces; what is none is a fault."""
        texts = as_text(cells)
        compact = pa.array([_compact(text) for text in texts.to_pylist()], pa.string())
        lost = pc.and_(texts.is_valid(), compact.is_null())
        faults.mark(lost, texts, code="not_json")
        return compact

    def to_cell(self, values: pa.Array) -> pa.StringArray:
        """Return the JSON as text."""
        return values.storage if isinstance(values, pa.ExtensionArray) else values


def _compact(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return orjson.dumps(orjson.loads(text)).decode()
    except orjson.JSONDecodeError:
        return None


def matches(texts: pa.StringArray, pattern: str) -> pa.BooleanArray:
    """Tell which texts a pattern finds itself in; null stays null, a pattern nobody can read finds all."""
    bare, flags = _bare(pattern)
    prefix = f"(?{flags})" if flags else ""
    try:
        return pc.match_substring_regex(texts, prefix + bare)
    except pa.ArrowInvalid:
        pass  # Look-arounds and back references are beyond Arrow's engine.
    try:
        compiled = re.compile(prefix + bare)
    except re.error:
        return pc.if_else(texts.is_valid(), pa.scalar(value=True), pa.scalar(None, pa.bool_()))
    return pa.array(
        [None if text is None else compiled.search(text) is not None for text in texts.to_pylist()],
        pa.bool_(),
    )


def _bare(pattern: str) -> tuple[str, str]:
    found = re.fullmatch(r"/(.*)/([a-z]*)", pattern, re.DOTALL)
    if not found:
        return pattern, ""
    return found[1].replace(r"\/", "/"), "".join(flag for flag in found[2] if flag in "ims")
