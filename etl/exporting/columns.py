"""Addresses against the instance: what is selected, over which links it is reached, and what type it has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import pyarrow as pa

from etl.api.attributes import all_attributes, find_channel, of_channel
from etl.api.filters.facts import OPTION, UNIT, Facts, answer
from etl.api.filters.subjects import ATTRIBUTES, RANGES, Finder, Way
from etl.api.filters.tokens import Source
from etl.exporting.addresses import Address, read_addresses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import Client
    from etl.api.attributes import AttributeFacts
    from etl.api.filters.grammar import Path
    from etl.schema import EntitySchema, FieldKind, FieldSchema, Schema

Part: TypeAlias = Literal["", "From", "To", "UnitId"]

TYPES: dict[FieldKind, pa.DataType] = {
    "int": pa.int64(), "range_int": pa.int64(), "float": pa.float64(), "range_float": pa.float64(),
    "bool": pa.bool_(), "date": pa.date32(), "datetime": pa.timestamp("s"),
    "multi_enum": pa.list_(pa.string()), "array": pa.list_(pa.string()),
}  # fmt: skip
"""All else is text."""
ROUNDS = 3
DEEPEST = 12
"""Levels of a hierarchy that a path is followed up."""
DOWNLOAD = "downloadUrl"
"""Of a file; it comes along without being selected. Source: recorded answers."""
SHARINGS = "sharings"
"""Where the ids of a file's sharings are put: no list has them."""


@dataclass(frozen=True, slots=True)
class Step:
    """From a record to the records that it links to."""

    key: str
    """The payload key that holds the id or the ids."""
    entity: str
    """Where they live."""
    is_multiple: bool
    field: FieldSchema | None = None
    """None: a unit or the option of a list."""
    attribute: AttributeFacts | None = None
    """Where the key belongs to an attribute."""


@dataclass(frozen=True, slots=True)
class Naming:
    """How a cell names a linked record where one field of it is not enough."""

    by: tuple[str, ...]
    """Payload keys; their values stand behind each other."""
    between: str
    """Stands between them."""
    above: Step | None = None
    """From a record to those above it, where a cell names the whole path; None: it names the record alone."""
    mark: str = ""
    """Stands between the steps of a path."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an export: how its cells are made from records."""

    address: Address
    header: str
    steps: tuple[Step, ...]
    """Links to go over, the nearest first."""
    key: str
    """The payload key at the end of them; empty: nothing is read (a constant, an expression)."""
    kind: FieldKind
    field: FieldSchema | None = None
    """What stands there; None: an attribute, a unit, an id."""
    attribute: AttributeFacts | None = None
    part: Part = ""
    """Of an attribute: which of its values."""
    language: str = ""
    """Of an attribute: empty is the main one."""
    unnamed: str = ""
    """Stands in a cell where a record is linked but shows nothing there; empty: the cell is empty."""
    unit: Step | None = None
    """Where the unit of the number is, for both in one cell."""
    naming: Naming | None = None
    """How linked records are named; None: by `key`."""

    @property
    def is_multiple(self) -> bool:
        """True where a cell holds several values."""
        own = self.kind in ("multi_enum", "array")
        return (own or any(one.is_multiple for one in self.steps)) and self.address.form != "count"

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of its cells."""
        if self.address.form == "count":
            return pa.int64()
        if self.unit is not None:
            return pa.string()
        one = TYPES.get(self.kind, pa.string())
        return pa.list_(one) if self.is_multiple and not pa.types.is_list(one) else one

    @property
    def plain_key(self) -> str:
        """The payload key whose value is the cell as it stands; empty: more has to be looked at."""
        if self.address.form in ("count", "meta") or self.unit is not None:
            return ""
        if not self.steps:
            return self.key
        return self.steps[0].key if self.is_id else ""

    @property
    def is_id(self) -> bool:
        """True where the cell is the id of the record that is linked, which nobody has to be asked for."""
        is_near = len(self.steps) == 1 and not self.steps[0].is_multiple
        return is_near and self.key == "id" and self.address.form == "value"

    @property
    def own_key(self) -> str:
        """What is read of the exported record itself; empty: nothing."""
        return self.steps[0].key if self.steps else self.key


async def read_columns(
    text: str, client: Client, *, entity: EntitySchema, schema: Schema, where: str = "--columns"
) -> tuple[Column, ...]:
    """Return the columns that a text names, their headers told apart.

    Raises:
        FilterInvalid: it names what is not there; points at it.
        RequestFailed, NoAccess: see `Client.ask`.
    """
    addresses = read_addresses(text, where=where)
    binder = Binder(Source(text, where), schema, Facts())
    for _ in range(ROUNDS):
        columns = [binder.column(one, entity) for one in addresses if one.form != "all_attributes"]
        if not binder.facts.open:
            break
        await answer(binder.facts, client, schema=schema)
    if any(one.form == "all_attributes" for one in addresses):
        known = await all_attributes(client, schema, entity=entity.name)
        channels = await _channels(addresses, client, schema=schema, source=binder.source)
        columns = [
            column
            for one in addresses
            for column in (
                binder.of_attributes(one, _of(one, known, schema=schema, channels=channels))
                if one.form == "all_attributes"
                else [binder.column(one, entity)]
            )
        ]
    return tuple(told_apart(columns))


async def _channels(
    addresses: Sequence[Address], client: Client, *, schema: Schema, source: Source
) -> dict[str, str]:
    """Return text -> id of the channels that addresses of all attributes name.

    Raises:
        FilterInvalid: there is no such channel.
    """
    found = {}
    for path in (one.path for one in addresses if one.form == "all_attributes"):
        if path is None or not path.channel:
            continue
        channel = await find_channel(client, schema, path.channel)
        if channel is None:
            raise source.wrong(path.place, what=f'there is no channel "{path.channel}".')
        found[path.channel] = channel
    return found


def _of(
    address: Address, known: Sequence[AttributeFacts], *, schema: Schema, channels: Mapping[str, str]
) -> Sequence[AttributeFacts]:
    channel = address.path.channel if address.path else ""
    return of_channel(known, schema, channel=channels[channel]) if channel else known


async def all_fields(client: Client, *, entity: EntitySchema, schema: Schema) -> tuple[Column, ...]:
    """Return a column for every field that lists show; attributes come only where they are named."""
    names = ["id"]
    for one in entity.fields.values():
        if not _is_plain(one, schema):
            continue
        names.append(f"{one.main_field}@{one.locale}" if one.locale and one.main_field else one.name)
        names += [f"{one.name}.unit"] if one.measure else []
    text = ",".join(dict.fromkeys(names))
    return await read_columns(text, client, entity=entity, schema=schema)


def _is_plain(field: FieldSchema, schema: Schema) -> bool:
    if field.kind in ("other", "range_int", "range_float") or field.name == "id":
        return False
    if field.kind == "links":
        # Those that lists do not load cost a request per page each: asked for by name they come.
        return not field.is_not_loaded and (field.target or "") in schema.entities
    is_unit = field.main_field is not None and field.locale is None
    return not is_unit and (not field.is_read_only or field.name in ("createdAt", "modifiedAt"))


@dataclass(frozen=True, slots=True)
class Binder:
    """Turns addresses into columns of one instance."""

    source: Source
    schema: Schema
    facts: Facts

    def column(self, address: Address, entity: EntitySchema) -> Column:
        """Return the column of an address; not to be used while `facts.open` has questions.

        Raises:
            FilterInvalid: it names what is not there.
        """
        header = address.header or address.text
        if address.path is None:
            return Column(address, header, (), "", "text")
        if address.form == "meta":
            return self._meta(address, header, address.path, entity)
        if address.form in ("download", "shared"):
            return self._file(address, header, address.path, entity)
        if address.form == "count":
            hops = self._finder.hops(entity, address.path)
            steps = tuple(_step(one.field, one.entity.name) for one in hops)
            return Column(address, header, steps, "id", "text")
        way = self._finder.way(entity, address.path)
        steps = tuple(_step(hop.field, hop.entity.name) for hop in way.hops)
        found = self._end(address, way, header=header, steps=steps)
        return self._with_unit(found, address.path) if address.form == "with_unit" else found

    @property
    def _finder(self) -> Finder:
        return Finder(self.source, self.schema, self.facts, takes_rows=True)

    def of_attributes(self, address: Address, known: Sequence[AttributeFacts]) -> list[Column]:
        """Return a column for each attribute, sorted by code; ranges are two."""
        found = []
        path = address.path
        language, channel = (path.language, path.channel) if path else ("", "")
        for one in sorted(known, key=lambda each: each.address):
            if language and not one.is_multilang:
                continue
            ends = (".from", ".to") if one.kind in RANGES else (".unit",) if one.measure else ()
            for end in ends if one.kind in RANGES else ("", *ends):
                at = f"@{language}" if language else ""
                at += f"#{channel}" if one.rows_channel else ""
                text = f"{one.address}{end}{at}"
                part: Part = {".from": "From", ".to": "To", ".unit": "UnitId"}.get(end, "")  # type: ignore[assignment]
                made = Address("value", f"{ATTRIBUTES}.{text}", "", address.path)
                found.append(_of_attribute(made, text, one, steps=(), part=part, language=language))
        return found

    def _meta(self, address: Address, header: str, path: Path, entity: EntitySchema) -> Column:
        group, *rest = path.steps[1:]
        if group == "permissions" and len(rest) == 1:
            return Column(address, header, (), "", "bool")
        field = entity.fields.get(rest[0]) if rest else None
        if group != "options" or field is None or len(rest) != len(("field", "property")):
            what = f"{address.text} is nothing that AtroCore tells of {entity.name}."
            advice = "Write _meta.permissions.edit, or _meta.options.FIELD.name with a field of this entity."
            raise self.source.wrong(path.place, what=what, advice=advice)
        # Options come along only of fields that are shown.
        return Column(address, header, (), field.payload_key, "text")

    def _file(self, address: Address, header: str, path: Path, entity: EntitySchema) -> Column:
        hops = self._finder.hops(entity, path)
        if hops[-1].entity.name != "File":
            what = f"{'.'.join(path.steps)} leads to {hops[-1].entity.name}, not to files."
            raise self.source.wrong(path.place, what=what, advice="Name a field like mainImage.")
        steps = tuple(_step(one.field, one.entity.name) for one in hops)
        if address.form == "download":
            return Column(address, header, steps, DOWNLOAD, "text")
        return Column(address, header, (*steps, Step(SHARINGS, "Sharing", is_multiple=True)), "link", "text")

    def _end(self, address: Address, way: Way, *, header: str, steps: tuple[Step, ...]) -> Column:
        end, field = way.end, way.end.field
        if end.is_attribute:
            known = end.attribute
            if known is None:
                raise ValueError(address)
            part: Part = "From" if end.key.endswith("From") else "To" if end.key.endswith("To") else ""
            if end.key.endswith("UnitId"):
                part = "UnitId"
            elif known.kind in RANGES and not part:
                raise self._a_range(address)
            language = address.path.language if address.path else ""
            return _of_attribute(address, header, known, steps=steps, part=part, language=language)
        if field is None:
            return Column(address, header, steps, end.key, end.kind)
        if end.key == field.unit_key:
            unit = Step(end.key, UNIT, is_multiple=False)
            return Column(address, header, (*steps, unit), "name", "text", field)
        if field.kind in RANGES:
            raise self._a_range(address)
        if field.kind in ("link", "links", "file"):
            target = field.target or ("File" if field.kind == "file" else "")
            named = self.schema.entities.get(target)
            is_id = address.path is not None and address.path.steps[-1] == "id"
            key = "name" if named is not None and "name" in named.fields and not is_id else "id"
            return Column(
                address,
                header,
                (*steps, _step(field, target)),
                key,
                "text",
                named.fields.get(key) if named else None,
            )
        if field.kind in ("list_option", "list_options"):
            step = Step(field.payload_key, OPTION, field.kind == "list_options", field)
            return Column(address, header, (*steps, step), "name", "text")
        return Column(address, header, steps, field.payload_key, field.kind, field)

    def _with_unit(self, column: Column, path: Path) -> Column:
        measure = (
            column.attribute.measure if column.attribute else column.field.measure if column.field else None
        )
        if not measure and self.facts.open:
            return column  # an attribute that is still to be asked for
        if not measure:
            raise self.source.wrong(path.place, what=f"{'.'.join(path.steps)} has no unit.")
        key = f"{column.key}UnitId"
        if column.attribute is not None:
            key = attribute_key(column.attribute, "UnitId", column.language)
        return replace(column, unit=Step(key, UNIT, is_multiple=False, attribute=column.attribute))

    def _a_range(self, address: Address) -> Exception:
        place = address.path.place if address.path else None
        if place is None:
            raise ValueError(address)
        what = f"{address.text} is a range."
        return self.source.wrong(place, what=what, advice=f"Name {address.text}.from and {address.text}.to.")


def _step(field: FieldSchema, entity: str) -> Step:
    return Step(field.payload_key, entity, field.kind == "links", field)


def _of_attribute(
    address: Address,
    header: str,
    facts: AttributeFacts,
    *,
    steps: tuple[Step, ...],
    part: Part,
    language: str,
) -> Column:
    made = Column(
        address,
        header,
        steps,
        attribute_key(facts, part, language),
        RANGES.get(facts.kind, facts.kind) if part != "UnitId" else "text",
        attribute=facts,
        part=part,
        language=language,
    )
    target = {"list_option": OPTION, "list_options": OPTION, "file": "File"}.get(facts.kind, facts.target)
    if part == "UnitId":
        step = Step(made.key, UNIT, is_multiple=False, attribute=facts)
        return replace(made, steps=(*steps, step), key="name")
    if facts.kind in ("list_option", "list_options", "link", "links", "file") and target:
        step = Step(made.key, target, facts.kind in ("links", "list_options"), attribute=facts)
        return replace(made, steps=(*steps, step), key="name", kind="text")
    return made


def attribute_key(facts: AttributeFacts, part: str, language: str) -> str:
    """Return the key under which values of attributes are put into records; no field can have it."""
    return f"attribute:{facts.id}{part}@{language}#{facts.rows_channel}"


def told_apart(columns: Sequence[Column]) -> list[Column]:
    """Return columns whose headers differ: a second one of the same gets a number behind it."""
    taken: set[str] = set()
    found = []
    for column in columns:
        header, number = column.header, 2
        while header in taken:
            header, number = f"{column.header} ({number})", number + 1
        taken.add(header)
        found.append(replace(column, header=header))
    return found
