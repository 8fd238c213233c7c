"""What only the instance knows and a filter names: attributes, units, options of lists, saved searches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.api.attributes import AttributeFacts, all_attributes, find_attributes, find_channel, of_channel
from etl.api.where import equals, linked_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.api.client import Client
    from etl.schema import Schema

OPTION = "ExtensibleEnumOption"
UNIT = "Unit"
SAVED = "SavedSearch"


@dataclass(frozen=True, slots=True)
class Within:
    """A text and where it is looked for: attribute or saved search of an entity, unit of a measure, ….

    Options are within their list.
    """

    owner: str
    """Name of the entity, id of the measure, id of the list."""
    text: str
    """Of an attribute for a channel: `colour#shop`."""


@dataclass(slots=True)
class Facts:
    """What was asked of the instance so far; a question it has no answer to yet is noted in `open`."""

    attributes: dict[Within, AttributeFacts | None] = field(default_factory=dict)
    """None: the instance has none of this name."""
    units: dict[Within, str | None] = field(default_factory=dict)
    """Text -> id."""
    options: dict[Within, tuple[str, ...]] = field(default_factory=dict)
    """Text -> ids of the options with this id, code or name; empty: there are none."""
    saved: dict[Within, str | None] = field(default_factory=dict)
    """Id or name of a search that was saved for an entity -> its id."""
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Entity, measure, list, `SavedSearch` -> what there is, for suggestions, where one was not found."""
    open: set[tuple[str, Within]] = field(default_factory=set)
    """Questions still to be asked: `attribute`, `unit`, `option` or `saved`, and what."""


def without_answers(facts: Facts) -> Facts:
    """Return facts by which nothing that is open is there."""
    texts = {kind: [one for is_kind, one in facts.open if is_kind == kind] for kind, _ in facts.open}
    return Facts(
        attributes=dict.fromkeys(texts.get("attribute", ())),
        units=dict.fromkeys(texts.get("unit", ())),
        options=dict.fromkeys(texts.get("option", ()), ()),
        saved=dict.fromkeys(texts.get("saved", ())),
    )


async def answer(facts: Facts, client: Client, *, schema: Schema) -> None:
    """Ask the instance everything that is open.

    Raises:
        RequestFailed, NoAccess: see `Client.ask`.
    """
    asked, facts.open = facts.open, set()
    for kind, owner in sorted({(kind, one.owner) for kind, one in asked}):
        texts = sorted(one.text for is_kind, one in asked if is_kind == kind and one.owner == owner)
        if kind == "attribute":
            await _attributes(facts, client, schema=schema, entity=owner, texts=texts)
        elif kind == "unit":
            await _units(facts, client, schema=schema, measure=owner, texts=texts)
        elif kind == "saved":
            await _saved(facts, client, schema=schema, entity=owner, texts=texts)
        else:
            await _options(facts, client, schema=schema, list_id=owner, texts=texts)


async def _attributes(
    facts: Facts, client: Client, *, schema: Schema, entity: str, texts: Sequence[str]
) -> None:
    found = dict(
        await find_attributes(client, schema, entity=entity, names=[one for one in texts if "#" not in one])
    )
    for text in texts:
        if "#" in text and (one := await _of_channel(client, schema, entity=entity, text=text)):
            found[text] = one
    for text in texts:
        facts.attributes[Within(entity, text)] = found.get(text)
    if len(found) < len(texts):
        known = await all_attributes(client, schema, entity=entity)
        facts.names[entity] = tuple(one.address for one in known)


async def _of_channel(client: Client, schema: Schema, *, entity: str, text: str) -> AttributeFacts | None:
    name, _, channel = text.rpartition("#")
    channel_id = await find_channel(client, schema, channel)
    known = await all_attributes(client, schema, entity=entity) if channel_id else []
    # That of a channel has a code of its own, and the name of the one for all.
    same = {name, *(one.name for one in known if name in (one.code, one.id))}
    fitting = of_channel(known, schema, channel=channel_id or "")
    for one in fitting:
        if name in (one.code, one.id):
            return one
    return next((one for one in fitting if one.name in same), None)


async def _units(facts: Facts, client: Client, *, schema: Schema, measure: str, texts: Sequence[str]) -> None:
    select = _there(schema, UNIT, keys=("name", "code", "symbol"))
    page = await client.list(UNIT, select=select, where=(equals("measureId", measure),), max_size=1000)
    for text in texts:
        close = (
            str(one["id"])
            for key in ("id", *select)
            for one in page.records
            if str(one.get(key) or "") == text
        )
        facts.units[Within(measure, text)] = next(close, None)
    facts.names[measure] = tuple(str(one.get("name")) for one in page.records)


async def _options(
    facts: Facts, client: Client, *, schema: Schema, list_id: str, texts: Sequence[str]
) -> None:
    select = _there(schema, OPTION, keys=("name", "code"))
    # Up to 1.10 an option is in one list, later in several. Source: api-contract §11, ExtensibleEnumOption.
    in_several = bool(_there(schema, OPTION, keys=("extensibleEnums",)))
    where = linked_with("extensibleEnums", [list_id]) if in_several else equals("extensibleEnumId", list_id)
    found: dict[str, list[str]] = {text: [] for text in texts}
    for key in ("id", *select):
        for record in await client.look_up(OPTION, key, list(texts), select=select, where=(where,)):
            text = str(record.get(key))
            if text in found and str(record["id"]) not in found[text]:
                found[text].append(str(record["id"]))
    for text, ids in found.items():
        facts.options[Within(list_id, text)] = tuple(ids)
    if not all(found.values()):
        page = await client.list(OPTION, select=select, where=(where,), max_size=1000)
        facts.names[list_id] = tuple(str(one.get("name")) for one in page.records)


async def _saved(facts: Facts, client: Client, *, schema: Schema, entity: str, texts: Sequence[str]) -> None:
    found: dict[str, str] = {}
    if SAVED in schema.entities:
        where = (equals("entityType", entity),)
        page = await client.list(SAVED, select=("name",), where=where, max_size=1000)
        found = {str(one[key]): str(one["id"]) for key in ("name", "id") for one in page.records}
        facts.names[SAVED] = tuple(str(one.get("name")) for one in page.records)
    for text in texts:
        facts.saved[Within(entity, text)] = found.get(text)


def _there(schema: Schema, entity: str, *, keys: Sequence[str]) -> tuple[str, ...]:
    described = schema.entities.get(entity)
    return tuple(key for key in keys if described is not None and key in described.fields)
