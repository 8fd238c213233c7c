"""The mapping that imports, the other way round: its columns, names, order and formats."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.api.attributes import AttributeFacts as InstanceFacts
from etl.api.attributes import all_attributes, channel_codes
from etl.errors import ConfigurationInvalid
from etl.exporting.addresses import Address
from etl.exporting.columns import TYPES, Column, Naming, Part, Step, attribute_key
from etl.mapping import (
    AttributeFacts,
    BackFiles,
    back_columns,
    bind,
    file_columns,
    is_file,
    load,
    no_way_back,
    place_columns,
)
from etl.mapping.backwards import BackColumn
from etl.mapping.using import named_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from etl.api import Client, Record
    from etl.exporting.file_cells import FileCells
    from etl.mapping import Mapping as MappingFile
    from etl.mapping import MappingProblem, Rules
    from etl.mapping.fields import FieldRule
    from etl.schema import EntitySchema, FieldKind, Schema

PART_MARK = "\x1f"
PARTS: dict[str, Part] = {"value": "", "from": "From", "to": "To", "unit": "UnitId"}
# Values of these kinds reach the mapping's converters as the text that AtroCore keeps.
AS_TEXT: tuple[FieldKind, ...] = ("date", "datetime", "json")


@dataclass(frozen=True, slots=True)
class Need:
    """What a payload key of a mapping needs to be read."""

    key: str
    column: str
    """Header of an internal column."""


@dataclass(frozen=True, slots=True)
class Backwards:
    """A mapping ready to write what it reads."""

    mapping: MappingFile
    columns: tuple[Column, ...]
    """What is read of the server; their headers mean nothing to people."""
    back: tuple[BackColumn | BackFiles, ...]
    needs: Mapping[str, Need]
    empty: tuple[str, ...]
    """Columns that the mapping asks for and that hold nothing: they only say where new files go."""
    lost: tuple[MappingProblem, ...]
    """What cannot be brought back; its columns are missing or empty."""
    keeps_types: bool
    """True: numbers, dates and booleans that the mapping takes as they are stay such, as in XLSX."""

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of the file, in the mapping's order."""
        return (*(one.name for one in self.back), *self.empty)

    @property
    def files(self) -> tuple[BackFiles, ...]:
        """The columns whose cells are files."""
        return tuple(one for one in self.back if isinstance(one, BackFiles))

    async def finish(self, table: pa.Table, records: Sequence[Record], files: FileCells) -> pa.Table:
        """Return what was read as the cells of the file.

        Args:
            records: of these rows.

        Raises:
            RequestFailed, NoAccess: see `Client.ask`.
        """
        values = {need.key: _values(table, need) for need in self.needs.values()}
        named = await files.cells(records, values)
        arrays = [
            named[one.name] if isinstance(one, BackFiles) else self._cells(one, values) for one in self.back
        ]
        arrays += [pa.nulls(len(table), pa.string()) for _ in self.empty]
        return pa.table(arrays, names=list(self.header))

    def types(self) -> tuple[pa.DataType, ...]:
        """Return the types of the file's columns."""
        types = [
            _plain_type(one)
            if self.keeps_types and isinstance(one, BackColumn) and _is_plain(one)
            else pa.string()
            for one in self.back
        ]
        return (*types, *(pa.string() for _ in self.empty))

    def _cells(self, column: BackColumn, values: Mapping[str, pa.Array]) -> pa.Array:
        if self.keeps_types and _is_plain(column):
            return values[column.rules[0].key].cast(_plain_type(column))
        return column.to_cells(values)


async def read_backwards(path: Path, client: Client, *, schema: Schema, keeps_types: bool) -> Backwards:
    """Return a mapping as an export needs it.

    Raises:
        MappingInvalid: the mapping cannot be used with this instance.
        ConfigurationInvalid: it has blocks, or nothing in it has a way back.
        RequestFailed, NoAccess: see `Client.ask`.
    """
    mapping = load(path)
    if mapping.document.blocks:
        raise ConfigurationInvalid(
            str(path), what="a mapping with blocks makes several entities.", advice="Export them one by one."
        )
    entity = schema.entity(mapping.entity)
    instance = await all_attributes(client, schema, entity=entity.name) if mapping.doc.attributes else []
    channels = await channel_codes(client, instance)
    attributes = [_facts(one, schema, channels=channels) for one in instance]
    rules = bind(
        mapping,
        header=tuple(_headers(mapping)),
        schema=schema,
        attributes=attributes,
        generation=client.generation.name,
        is_for_export=True,
    )
    plain = [*back_columns(rules), *_attribute_columns(rules)]
    files = file_columns(rules, {one.name for one in plain})
    back = _in_order(mapping, [*plain, *files])
    if not back:
        raise ConfigurationInvalid(str(path), what="nothing in it has a way back.", advice="Use --columns.")
    facts = {one.id: one for one in instance}
    maker = _Maker(schema, entity, facts)
    for column in plain:
        for rule in column.rules:
            maker.add(rule, rules)
    for one in rules.bound.attributes:
        if is_file(one.rule):
            maker.add(one.rule, rules)
    return Backwards(
        mapping,
        tuple(maker.columns),
        tuple(back),
        maker.needs,
        empty=place_columns(rules, {one.name for one in back}),
        lost=tuple(no_way_back(rules)),
        keeps_types=keeps_types,
    )


def _headers(mapping: MappingFile) -> Iterator[str]:
    """Yield the columns that the mapping names as its sources call them: the first of several names."""
    short = mapping.document.columns
    for name in named_columns(mapping):
        yield short[name].header[0] if name in short else name


def _in_order(
    mapping: MappingFile, columns: Sequence[BackColumn | BackFiles]
) -> list[BackColumn | BackFiles]:
    """Return the columns as the mapping has their fields; those of attributes last."""
    places = {name: at for at, name in enumerate(mapping.doc.fields)}

    def place(one: BackColumn | BackFiles) -> int:
        named = one.field if isinstance(one, BackFiles) else one.rules[0].name
        return places.get(named, len(places))

    return sorted(columns, key=place)


def _attribute_columns(rules: Rules) -> Iterator[BackColumn]:
    by_column: dict[str, list[FieldRule]] = {}
    for one in rules.bound.attributes:
        columns = one.rule.columns
        if columns and one.rule.constant is None and not is_file(one.rule):
            name = rules.bound.layout.header(columns[0]) or columns[0]
            by_column.setdefault(name, []).append(one.rule)
    for name, found in by_column.items():
        yield BackColumn(name, tuple(found), " " if len(found) > 1 else "")


@dataclass(slots=True)
class _Maker:
    """Collects what has to be read."""

    schema: Schema
    entity: EntitySchema
    attributes: Mapping[str, InstanceFacts]

    columns: list[Column] = field(default_factory=list)
    needs: dict[str, Need] = field(default_factory=dict)

    def add(self, rule: FieldRule, rules: Rules) -> None:
        if rule.key in self.needs:
            return
        owner = next((one for one in rules.bound.attributes if one.rule is rule), None)
        attribute = self.attributes.get(owner.target.attribute_id) if owner is not None else None
        part: Part = PARTS[owner.part] if owner is not None else ""
        language = owner.target.language if owner is not None else ""
        key = attribute_key(attribute, part, language) if attribute is not None else rule.key
        named = Address("value", "", "")
        made = Column(named, "", (), key, "text", None, attribute, part=part, language=language)
        if rule.link is None:
            kind: FieldKind = "text" if rule.field.kind in AS_TEXT else rule.field.kind
            kind = {"range_int": "int", "range_float": "float"}.get(kind, kind)  # type: ignore[assignment]  # kinds again
            self.needs[rule.key] = Need(rule.key, self._add(replace(made, kind=kind)))
            return
        known = self.entity.by_payload_key(rule.link.key)
        own = known if known is not None and rule.link.key == known.payload_key else None
        step = Step(key, rule.link.entity, rule.link.is_multiple, own, attribute)
        above = None
        if rule.link.path:
            target = self.schema.entities.get(rule.link.entity)
            parents = target.fields.get("parents") if target else None
            above = Step("parentsIds", rule.link.entity, is_multiple=True, field=parents)
        naming = None
        if rule.link.also_by or rule.link.path:
            naming = Naming((rule.link.by, *rule.link.also_by), PART_MARK, above, rule.link.path)
        header = self._add(replace(made, steps=(step,), key=rule.link.by, naming=naming))
        self.needs[rule.key] = Need(rule.key, header)

    def _add(self, column: Column) -> str:
        header = str(len(self.columns))
        self.columns.append(replace(column, header=header))
        return header


def _values(table: pa.Table, need: Need) -> pa.Array:
    return _one(table[need.column])


def _one(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        return found.chunk(0) if found.num_chunks else pa.array([], column.type)
    return found


def _is_plain(column: BackColumn) -> bool:
    if len(column.rules) != 1:
        return False
    rule = column.rules[0]
    is_typed = rule.field.kind in TYPES and not pa.types.is_list(TYPES[rule.field.kind])
    return is_typed and not rule.steps and rule.values is None and rule.arithmetic is None


def _plain_type(column: BackColumn) -> pa.DataType:
    return TYPES[column.rules[0].field.kind]


def _facts(one: InstanceFacts, schema: Schema, *, channels: Mapping[str, str]) -> AttributeFacts:
    return AttributeFacts(
        one.id,
        one.code,
        one.name,
        field=one.field,
        channel=channels.get(one.channel, one.channel),
        languages=schema.languages if one.is_multilang else (),
    )
