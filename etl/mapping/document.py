"""The shape of a mapping: what its YAML may say. Nothing is looked up here."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  pydantic reads the annotations at run time
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from etl.mapping.parts import (
    CheckDoc,
    DateRule,
    FileDoc,
    LinkDoc,
    MeasureDoc,
    Name,
    Names,
    NumberRule,
    OnConflict,
    OnEmpty,
    PadDoc,
    Part,
    ReplaceDoc,
    Scalar,
    SplitDoc,
    UnitDoc,
    ValuesDoc,
    wrong,
)
from etl.mapping.table_parts import ColumnDoc, ExportDoc, MarkersDoc, RowsDoc, SourceDoc


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class Conversions(Part):
    """What is done to the text of a cell, in the order in which these keys stand here."""

    trim: bool = False
    """Take spaces off both ends."""
    extract: str | None = None
    """A regular expression; its first group, or all of what it finds."""
    replace: ReplaceDoc | None = None
    """Texts and what stands there instead."""
    strip_prefix: str | None = None
    """Taken off where the text begins with it."""
    strip_suffix: str | None = None
    """Taken off where the text ends with it."""
    case: Literal["lower", "upper", "title"] | None = None
    """The case of letters."""
    html: Literal["to_text", "from_text"] | None = None
    """HTML to plain text, or plain text to paragraphs."""
    markdown: Literal["to_html", "to_text"] | None = None
    """Markdown to HTML, or to plain text."""
    slug: bool = False
    """Lower-case letters, digits and hyphens."""
    pad: PadDoc | None = None
    """Fill short texts up."""
    prefix: str | None = None
    """Put before the text."""
    suffix: str | None = None
    """Put behind the text."""


class StepDoc(Conversions):
    """One of `steps`: a single conversion."""

    @model_validator(mode="after")
    def _single(self) -> StepDoc:
        if len(self.model_fields_set) != 1:
            raise wrong("a step is a single conversion", 'Write "- trim: true", each in its own line.')
        return self


class Origin(Conversions):
    """Where cells come from, and what is done to their text."""

    column: Name | None = None
    """One column of the source, or its short name from `columns`."""
    columns: Names | None = None
    """Several columns, joined; empty ones are left out."""
    join: str = " "
    """The mark between joined columns."""
    first_of: Annotated[tuple[Origin, ...], BeforeValidator(_tuple)] | None = None
    """Several origins; the first that is not empty."""
    constant: Scalar | None = None
    """The same value for every row."""
    expr: str | None = None
    """An expression over `row`."""
    row_number: Literal[True] | None = None
    """The number of the row as seen in the file."""
    lookup: LookupDoc | None = None
    """A second table."""
    steps: Annotated[tuple[StepDoc, ...], BeforeValidator(_tuple)] | None = None
    """Conversions in an order of one's own."""

    @model_validator(mode="before")
    @classmethod
    def _from_column(cls, value: object) -> object:
        return {"column": value} if isinstance(value, str | int) and not isinstance(value, bool) else value

    @property
    def origins(self) -> list[str]:
        """The keys of origins that are given."""
        names = ("column", "columns", "first_of", "constant", "expr", "row_number", "lookup")
        return [name for name in names if getattr(self, name) is not None]

    @model_validator(mode="after")
    def _one_origin(self) -> Origin:
        _single_origin(self)
        return self


def _single_origin(origin: Origin) -> None:
    if len(origin.origins) != 1:
        ways = '"column", "columns", "first_of", "constant", "expr", "row_number" or "lookup"'
        raise wrong("one origin is needed", f"Give it {ways}, and only one of them.")


class LookupDoc(Part):
    """A second table: a small CSV file in UTF-8 beside the mapping."""

    column: Name
    """The column of the source that is looked up."""
    file: str
    """Relative to the mapping."""
    from_: Name = Field(alias="from")
    """The column of the file where it is looked up."""
    to: Name
    """The column of the file that is taken."""


class EachDoc(Origin):
    """What makes one relation record each: the pieces of a cell, or the rows of a group."""

    split: SplitDoc | None = None
    """Several pieces in a cell."""
    unique: bool = False
    """Take the same text once per record."""
    order_by: Name | None = None
    """A column of numbers that gives the order within a group."""


class ValueDoc(Origin):
    """An origin whose cells become values."""

    values: ValuesDoc | None = None
    """What cells stand for."""
    otherwise: Literal["fail", "keep", "skip"] = Field(default="fail", alias="else")
    """What happens to a cell that stands for nothing."""
    number: NumberRule | None = None
    """How its numbers are written."""
    date: DateRule | None = None
    """How its dates are written."""
    divide_by: float | int | str | None = None
    """A number, or a column of numbers."""
    multiply_by: float | int | str | None = None
    """A number, or a column of numbers."""
    round: Annotated[int, Field(ge=0, le=12)] | None = None
    """Digits behind the decimal mark, half away from zero."""
    check: CheckDoc | None = None
    """What the cell must fulfil."""
    split: SplitDoc | None = None
    """Several pieces in a cell."""
    range: Annotated[str, Field(min_length=1)] | None = None
    """The mark between the two ends, `10-20`."""
    unit: UnitDoc | None = None
    """The unit of the number."""
    measure: MeasureDoc | None = None
    """Number and unit in one cell."""
    link: LinkDoc | None = None
    """How targets are found."""
    file: FileDoc | None = None
    """Cells are files: paths, globs, addresses."""
    when: str | None = None
    """An expression over `row`; the value is sent only where it is true."""
    required: bool = False
    """An empty cell is a problem."""
    default: Scalar | None = None
    """Stands where the cell is empty."""
    on_empty: OnEmpty | None = None
    """What an empty cell means."""
    on_error: Literal["fail", "skip_field"] = "fail"
    """What a cell that cannot be understood means."""
    on_conflict: OnConflict | None = None
    """What happens when the field was edited in AtroCore since."""
    links: Literal["append", "replace"] = "append"
    """Whether links are added to what is there, or are all there shall be."""

    @model_validator(mode="after")
    def _one_way_to_targets(self) -> ValueDoc:
        if self.link is not None and self.file is not None:
            raise wrong('a field has "link" or "file"', "Keep the one that says what the cells hold.")
        return self


class FieldDoc(ValueDoc):
    """What one field is made of: an origin, conversions, and what becomes of it."""

    each: EachDoc | None = None
    """Relation records with fields of their own."""
    with_: Mapping[str, ValueDoc] = Field(default_factory=dict, alias="with")
    """The fields of each relation record; expressions see `item`."""

    @model_validator(mode="after")
    def _one_origin(self) -> FieldDoc:
        if self.each is None:
            _single_origin(self)
            if self.with_:
                raise wrong('"with" belongs to relation records', 'Write the origin as "each: …".')
        elif self.origins:
            raise wrong('a field has "each" or another origin', "Keep one of them.")
        return self


class AttributeDoc(ValueDoc):
    """One attribute, or names and values in pairs of columns."""

    type: (
        Literal[
            "text", "int", "float", "bool", "date", "datetime", "array", "list_option", "list_options",
            "range_int", "range_float", "link", "links",
        ]
        | None
    ) = None  # fmt: skip
    """Where the instance is not known: what the attribute holds."""
    names: str | None = None
    """Columns that hold attributes' names, `Attribute {n} name`."""
    cells: str | None = None
    """Columns that hold their values, `Attribute {n} value(s)`."""
    as_: Mapping[str, str] = Field(default_factory=dict, alias="as")
    """Name in the source -> address of the attribute."""
    missing: Literal["report", "skip", "fail"] = "report"
    """What happens to a name that is no attribute."""

    @model_validator(mode="before")
    @classmethod
    def _from_column(cls, value: object) -> object:
        if isinstance(value, dict) and "names" in value and isinstance(value.get("values"), str):
            return {**{key: one for key, one in value.items() if key != "values"}, "cells": value["values"]}
        return {"column": value} if isinstance(value, str | int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _one_origin(self) -> AttributeDoc:
        if self.names is None and self.cells is None:
            _single_origin(self)
        elif self.names is None or self.cells is None or self.origins:
            raise wrong("names and values come in pairs", 'Give "names" and "values", and no other origin.')
        return self


class AssociationDoc(EachDoc):
    """Records that this one is associated with."""

    by: Name = "number"
    """The field of the other record that the cells hold."""
    missing: Literal["report", "skip", "fail"] = "report"
    """What happens when there is no such record."""
    association_by: Literal["code", "name", "id"] = "code"
    """Which field of Association the key of this entry is."""


class PatternDoc(Part):
    """Many columns by their names."""

    header: str
    """Such as `{code}-{locale}`; each brace is any text, or one of `let`."""
    attribute: str | None = None
    """The address of the attribute that such a column is, `{code}@{locale}`."""
    field: str | None = None
    """The field that such a column is, `name@{locale}`."""
    let: Mapping[str, Names] = Field(default_factory=dict)
    """What a brace may stand for."""
    by: ValueDoc | None = None
    """Conversions of such columns; its origin is the column itself."""

    @model_validator(mode="before")
    @classmethod
    def _with_origin(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("by"), dict):
            return {**value, "by": {"column": "{header}", **value["by"]}}
        return value

    @model_validator(mode="after")
    def _one_target(self) -> PatternDoc:
        if (self.attribute is None) == (self.field is None):
            raise wrong("a pattern needs one target", 'Give it "attribute" or "field".')
        return self


class EntityDoc(Part):
    """What becomes of the rows: one entity."""

    entity: str | None = None
    """The entity that is written."""
    key: Names = ()
    """The fields that tell records apart."""
    write: Literal["upsert", "create", "update", "none"] = "upsert"
    """What may be done to records."""
    rows: RowsDoc = Field(default_factory=RowsDoc)
    """Which rows count, and which belong together."""
    fields: Mapping[str, FieldDoc] = Field(default_factory=dict)
    """What each field is made of."""
    attributes: Mapping[str, AttributeDoc] = Field(default_factory=dict)
    """What each attribute is made of."""
    associations: Mapping[str, AssociationDoc] = Field(default_factory=dict)
    """Records that are associated, by kind."""
    patterns: Annotated[tuple[PatternDoc, ...], BeforeValidator(_tuple)] = ()
    """Many columns by their names; the first that fits counts."""
    on_absent: Literal["keep", "deactivate", "delete"] = "keep"
    """What happens to records on the server that the source does not have."""
    scope: str | None = None
    """A filter that says which records this feed answers for, in the language of `--where`."""
    on_duplicate: Literal["fail", "first", "last"] = "fail"
    """What happens to a key that stands twice in the source."""
    on_missing: Literal["report", "skip", "fail"] = "report"
    """With `write: update`: what happens to rows without a record."""
    on_existing: Literal["report", "skip", "fail"] = "report"
    """With `write: create`: what happens to rows whose record is there."""
    on_empty: OnEmpty = "skip"
    """What an empty cell means."""
    on_conflict: OnConflict = "report"
    """What happens when a field was edited in AtroCore since."""
    write_attributes: Literal["auto", "flattened", "records", "endpoints"] = "auto"
    """How attributes are written; `auto` tries on one record."""


class BlockDoc(EntityDoc):
    """One of several entities made from the same rows."""

    id: str
    """Its name, for `link.of`."""
    entity: str
    """The entity that is written."""


class MappingDoc(EntityDoc):
    """A whole mapping."""

    extends: str | None = None
    """A mapping to start from, relative to this one; own keys win."""
    source: SourceDoc = Field(default_factory=SourceDoc)
    """Where the rows come from and how they are written."""
    export: ExportDoc = Field(default_factory=ExportDoc)
    """What an export by this mapping takes along."""
    main_language: str | None = None
    """The main language of the instance, `en_US`: addresses with it mean the field or attribute itself."""
    columns: Mapping[str, ColumnDoc] = Field(default_factory=dict)
    """Columns described once: short name -> what it is."""
    ignore: Names = ()
    """Columns that nothing uses, said aloud; `*` stands for any text."""
    markers: MarkersDoc = Field(default_factory=MarkersDoc)
    """Cells that say something about a field instead of being its value."""
    blocks: Annotated[tuple[BlockDoc, ...], BeforeValidator(_tuple)] = ()
    """Several entities from the same rows."""

    @model_validator(mode="after")
    def _one_way(self) -> MappingDoc:
        if self.blocks and (self.entity is not None or self.fields or self.attributes):
            raise wrong("a mapping has blocks or fields of its own", "Move the fields into a block.")
        return self


Origin.model_rebuild()
for _part in (
    EachDoc,
    ValueDoc,
    FieldDoc,
    AttributeDoc,
    AssociationDoc,
    PatternDoc,
    EntityDoc,
    BlockDoc,
    MappingDoc,
):
    _part.model_rebuild()
