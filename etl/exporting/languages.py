"""`--locale`: fields and attributes that are kept in several languages, in one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from etl.exporting.columns import attribute_key, told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.exporting.columns import Column
    from etl.schema import EntitySchema


def in_language(columns: Sequence[Column], entity: EntitySchema, language: str) -> tuple[Column, ...]:
    """Return columns in a language, where they are kept in it and nobody named another.

    Their addresses name the language, so that what is sent back goes where it came from; their headers do
    not. Fields of linked records stay in the main language.
    """
    return tuple(_in_language(one, entity, language) for one in columns)


def told(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return headers that name the language of their columns, where nobody chose them."""
    named = []
    for one in columns:
        language = one.address.path.language if one.address.path else ""
        is_silent = language and not one.address.header and f"@{language}" not in one.header
        named.append(replace(one, header=f"{one.header}@{language}") if is_silent else one)
    return tuple(one.header for one in told_apart(named))


def _in_language(column: Column, entity: EntitySchema, language: str) -> Column:
    address, field = column.address, column.field
    if address.path is None or address.path.language or column.steps:
        return column
    if column.attribute is not None:
        if not column.attribute.is_multilang or column.part:
            return column
        key = attribute_key(column.attribute, column.part, language)
        made = replace(column, key=key, language=language)
    else:
        variants = (one for one in entity.fields.values() if field and one.main_field == field.name)
        variant = next((one for one in variants if one.locale == language), None)
        if variant is None:
            return column
        made = replace(column, key=variant.payload_key, field=variant)
    said = replace(address, text=f"{address.text}@{language}", path=replace(address.path, language=language))
    return replace(made, address=said)
