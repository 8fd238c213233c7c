"""The schema of a sandbox that was given none: a small AtroPIM of its generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox.builtin.entities import entity_lines
from etl.sandbox.builtin.notation import read_notation

if TYPE_CHECKING:
    from etl.sandbox.generations import Generation
    from etl.sandbox.metadata import JsonObject


def builtin_metadata(generation: Generation, languages: tuple[str, ...] = ()) -> JsonObject:
    """Return the built-in schema in the shape of a `GET /Metadata` answer, with a column per language."""
    return read_notation(entity_lines(generation), languages)
