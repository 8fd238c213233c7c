"""Headers for people: what the instance calls its fields and attributes, in a language."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from etl.api.attributes import ATTRIBUTE, CHANNEL
from etl.api.filters.facts import UNIT
from etl.api.labels import read_labels
from etl.exporting.columns import Column, told_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.api import Client
    from etl.api.labels import Labels
    from etl.schema import EntitySchema, Schema

Headers: TypeAlias = Literal["names", "labels"]

BETWEEN = ": "
"""Between a link and the field behind it, as AtroCore 1.10 itself writes it.

Source: atrocore/atrocore 1.10.30, app/Atro/Listeners/Language.php, `relationVirtualField`.
"""
BESIDE = " / "
"""Before the channel or language of an attribute. Source: api-contract §6, storage: "Name / Channel"."""
# What stands behind the label of a link, where the column is not its name.
FORMS = {"count": " (#)", "download": " (URL)", "shared": " (shared URL)"}
PART_WORDS = {"From": "From", "To": "To", "UnitId": "unitPart"}


async def labelled(
    columns: Sequence[Column], client: Client, *, entity: EntitySchema, schema: Schema, language: str
) -> tuple[Column, ...]:
    """Return columns with labels as their headers, told apart; headers that were said stay.

    A field without a label is called as it is named; two columns of one label get their addresses behind it.

    Raises:
        ConfigurationInvalid: the instance has no labels in this language.
        RequestFailed, NoAccess: see `Client.ask`.
    """
    labels = await read_labels(client, schema, language=language)
    names = await _names(columns, client, schema=schema, language=language)
    namer = _Namer(labels, entity, names)
    headers = [one.address.header or namer.header(one) for one in columns]
    seen = Counter(headers)
    told = [
        header if one.address.header or seen[header] == 1 else f"{header} ({one.address.text})"
        for one, header in zip(columns, headers, strict=True)
    ]
    return tuple(told_apart([replace(one, header=header) for one, header in zip(columns, told, strict=True)]))


async def _names(
    columns: Sequence[Column], client: Client, *, schema: Schema, language: str
) -> Mapping[str, str]:
    """Return id -> name in the language, of the attributes and channels in the columns."""
    found = [*(one.attribute for one in columns), *(step.attribute for one in columns for step in one.steps)]
    attributes = {one.id: one for one in found if one is not None}
    names = {one.id: one.name for one in attributes.values()}
    channels = {one for each in attributes.values() if (one := each.channel or each.rows_channel)}
    names |= await _read_names(client, schema, CHANNEL, ids=channels, language=language)
    if language and _name_key(schema, ATTRIBUTE, language) != "name":
        names |= await _read_names(client, schema, ATTRIBUTE, ids=attributes, language=language)
    return names


async def _read_names(
    client: Client, schema: Schema, entity: str, *, ids: Iterable[str], language: str
) -> dict[str, str]:
    key = _name_key(schema, entity, language)
    select = list(dict.fromkeys(["name", key]))
    records = await client.look_up(entity, "id", list(ids), select=select)
    return {str(one["id"]): str(one.get(key) or one.get("name") or "") for one in records}


def _name_key(schema: Schema, entity: str, language: str) -> str:
    described = schema.entities.get(entity)
    variants = described.fields.values() if described is not None and language else ()
    return next((one.name for one in variants if one.main_field == "name" and one.locale == language), "name")


@dataclass(frozen=True, slots=True)
class _Namer:
    """Puts the labels of columns together."""

    labels: Labels
    entity: EntitySchema
    names: Mapping[str, str]

    def header(self, column: Column) -> str:
        path, steps = column.address.path, column.steps
        if path is None or column.address.form == "meta":
            return column.header
        owner, found = self.entity.name, []
        for step in steps:
            if step.entity == UNIT or (step.attribute is not None and step.attribute == column.attribute):
                break  # the end of the column tells it
            if step.field is not None:
                found.append(self._field(owner, step.field.name))
            owner = step.entity
        if column.attribute is not None:
            found.append(self._attribute(column))
        elif not steps or steps[-1].entity == UNIT or len(path.steps) > len(found):
            found.append(self._end(column, owner))
        return BETWEEN.join(found) + FORMS.get(column.address.form, "")

    def _end(self, column: Column, owner: str) -> str:
        path, end = column.address.path, column.field
        if end is None:
            is_id = path is not None and column.key != path.steps[-1] == "id"
            if is_id and path is not None:
                return BETWEEN.join([self._field(owner, path.steps[-2]), self._field("", "id")])
            return self._field(owner, column.key)
        if end.measure:
            # The label of the bare number says that it is bare; that of both is what people call it.
            whole = self.labels.of_field(owner, f"unit{end.name[:1].upper()}{end.name[1:]}")
            is_unit = bool(column.steps) and column.steps[-1].entity == UNIT
            return self._field(owner, f"{end.name}Unit") if is_unit else whole or self._field(owner, end.name)
        if end.main_field and end.locale and not self.labels.of_field(owner, end.name):
            return f"{self._field(owner, end.main_field)}{BESIDE}{end.locale}"
        return self._field(owner, end.name)

    def _attribute(self, column: Column) -> str:
        facts = column.attribute
        if facts is None:
            return column.header
        found = self.names.get(facts.id) or facts.name or facts.address
        if column.part:
            word = PART_WORDS[column.part]
            found = f"{found} {self.labels.of_text(word) or word}"
        channel = facts.channel or facts.rows_channel
        more = [self.names.get(channel, channel), column.language]
        return BESIDE.join([found, *filter(None, more)])

    def _field(self, owner: str, name: str) -> str:
        return self.labels.of_field(owner, name) or name
