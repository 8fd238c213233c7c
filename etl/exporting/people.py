"""What a workbook for people has besides the columns asked for: ids, choices, what may be edited."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from etl.api.filters.facts import OPTION
from etl.api.where import equals, linked_with
from etl.exporting.addresses import Address
from etl.exporting.columns import Column
from etl.exporting.describing import ID, MODIFIED, UNTOUCHED, SelfDescription, described
from etl.exporting.surroundings import Book

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import Client
    from etl.schema import EntitySchema, Schema

MOST_OPTIONS = 5000


def for_people(columns: Sequence[Column], entity: EntitySchema) -> tuple[Column, ...]:
    """Return columns as a workbook needs them: with the record's id and when it was changed last."""
    taken: set[str] = set()
    found = []
    for number, one in enumerate(each for each in columns if each.header not in (ID, MODIFIED)):
        is_marked = one.unit is not None or (bool(one.steps) and one.kind == "text")
        is_edited = described(one, number, taken=taken).role != "read_only"
        found.append(replace(one, unnamed=UNTOUCHED) if is_marked and is_edited else one)
    found.append(Column(Address("value", "id", ID), ID, (), "id", "text"))
    if "modifiedAt" in entity.fields:
        found.append(Column(Address("value", "modifiedAt", MODIFIED), MODIFIED, (), "modifiedAt", "datetime"))
    return tuple(found)


async def choices_of(
    columns: Sequence[Column], client: Client, *, schema: Schema
) -> Mapping[str, Sequence[str]]:
    """Return what may be chosen in a column: the options of enums and lists, TRUE and FALSE.

    Raises:
        RequestFailed, NoAccess: see `Client.ask`.
    """
    found: dict[str, Sequence[str]] = {}
    lists: dict[str, Sequence[str]] = {}
    for one in columns:
        if one.kind == "bool" and not one.steps:
            found[one.header] = ("TRUE", "FALSE")
        elif one.field is not None and one.field.options and not one.steps:
            found[one.header] = [option for option in one.field.options if option]
        elif len(one.steps) == 1 and one.steps[0].entity == OPTION:
            step = one.steps[0]
            list_id = step.attribute.list_id if step.attribute else step.field.list_id if step.field else None
            if list_id:
                if list_id not in lists:
                    lists[list_id] = await _options(client, schema, list_id)
                found[one.header] = lists[list_id]
    return found


async def _options(client: Client, schema: Schema, list_id: str) -> Sequence[str]:
    described_as = schema.entities.get(OPTION)
    in_several = described_as is not None and "extensibleEnums" in described_as.fields
    where = linked_with("extensibleEnums", [list_id]) if in_several else equals("extensibleEnumId", list_id)
    page = await client.list(OPTION, select=("name",), where=(where,), max_size=MOST_OPTIONS)
    return [str(one["name"]) for one in page.records if one.get("name")]


def book_of(
    columns: Sequence[Column],
    *,
    entity: str,
    url: str,
    run: str,
    started: str,
    separator: str,
    choices: Mapping[str, Sequence[str]],
) -> Book:
    """Return what stands in the workbook besides its rows."""
    taken: set[str] = set()
    told = tuple(described(one, number, taken=taken) for number, one in enumerate(columns))
    about = SelfDescription(
        entity, url, run, started, sheet=entity[:31], header_row=1, separator=separator.strip() or ","
    )
    return Book(about, told, tuple(one.header for one in columns), choices)
