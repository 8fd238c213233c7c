"""The shape of a mapping: what its YAML may say. Shorthands are written out here, nothing is looked up."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  pydantic reads the annotations at run time
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from etl.model import Missing

Scalar: TypeAlias = str | int | float | bool
"""What stands in a mapping for a cell or a value."""


def wrong(reason: str, advice: str) -> PydanticCustomError:
    """Return the error that a validator raises: what is there, and what to write instead."""
    return PydanticCustomError("wrong_form", "{reason}", {"reason": reason, "advice": advice})


def _name(value: object) -> object:
    # A column may be called 2024, and YAML makes that a number.
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _names(value: object) -> object:
    if isinstance(value, list | tuple):
        return tuple(_name(one) for one in value)
    return () if value is None else (_name(value),)


Name = Annotated[str, BeforeValidator(_name)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class Part(BaseModel):
    """A part of a mapping: takes no key that it does not know, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NumberRule(Part):
    """How numbers are written in the source."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""

    @model_validator(mode="after")
    def _differ(self) -> NumberRule:
        if self.decimal == self.thousands:
            raise wrong("decimal and thousands are the same mark", "Let them differ.")
        return self


class DateRule(Part):
    """How dates and times are written in the source."""

    formats: Names
    """Such as `DD.MM.YYYY` or `YYYY-MM-DD HH:mm:ss`; the first that fits counts."""
    zone: str | None = None
    """Zone of times that name none, for example `Europe/Berlin`; None: UTC, as AtroCore keeps them."""

    @model_validator(mode="before")
    @classmethod
    def _from_format(cls, value: object) -> object:
        return {"formats": value} if isinstance(value, str | list) else value


class SourceDoc(Part):
    """Where the rows come from and how they are written."""

    file: str | None = None
    """Relative to the mapping; `--source` wins over it."""
    sheet: str | int | None = None
    """Name, or 1-based number."""
    encoding: str | None = None
    delimiter: str | None = None
    quote: Literal['"', "'"] | None = None
    header_row: Annotated[int, Field(ge=1)] | None = None
    """1-based."""
    has_header: bool | None = None
    first_column: Name | None = None
    number: NumberRule | None = None
    date: DateRule | None = None


class SplitDoc(Part):
    """How several pieces stand in one cell. They are trimmed, and blank ones dropped."""

    by: Annotated[str, Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _from_mark(cls, value: object) -> object:
        return {"by": value} if isinstance(value, str) else value


class LinkDoc(Part):
    """How the target of a link is found."""

    by: Name = "id"
    missing: Missing = Missing.FAIL
    create: Mapping[str, Scalar] = Field(default_factory=dict)
    """Further fields of targets that are created."""

    @model_validator(mode="before")
    @classmethod
    def _known_missing(cls, value: object) -> object:
        # Strict models take no text for an enum.
        if isinstance(value, dict) and value.get("missing") in {one.value for one in Missing}:
            return {**value, "missing": Missing(value["missing"])}
        return value


class FieldDoc(Part):
    """What one field is made of: an origin, conversions, and what becomes of it."""

    column: Name | None = None
    constant: Scalar | None = None
    trim: bool = False
    split: SplitDoc | None = None
    values: Mapping[str, Scalar | None] | None = None
    otherwise: Literal["fail", "keep", "skip"] = Field(default="fail", alias="else")
    number: NumberRule | None = None
    date: DateRule | None = None
    link: LinkDoc | None = None
    required: bool = False
    default: Scalar | None = None
    on_empty: Literal["skip", "clear", "fail"] | None = None
    on_error: Literal["fail", "skip_field"] = "fail"
    links: Literal["append", "replace"] = "append"

    @model_validator(mode="before")
    @classmethod
    def _from_column(cls, value: object) -> object:
        return {"column": value} if isinstance(value, str | int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _one_origin(self) -> FieldDoc:
        if sum(one is not None for one in (self.column, self.constant)) != 1:
            raise wrong("a field needs one origin", 'Give it "column" or "constant", and only one of them.')
        return self


class MappingDoc(Part):
    """A whole mapping."""

    entity: str
    key: Names = ()
    write: Literal["upsert", "create", "update", "none"] = "upsert"
    source: SourceDoc = Field(default_factory=SourceDoc)
    ignore: Names = ()
    fields: Mapping[str, FieldDoc] = Field(default_factory=dict)
    on_empty: Literal["skip", "clear", "fail"] = "skip"
    on_duplicate: Literal["fail", "first", "last"] = "fail"
