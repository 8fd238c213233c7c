"""Small parts of a mapping: rules for numbers and dates, links, units, checks; shorthands written out."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003  pydantic reads the annotations at run time
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from etl.model import Missing

Scalar: TypeAlias = str | int | float | bool
"""What stands in a mapping for a cell or a value."""
OnEmpty: TypeAlias = Literal["skip", "clear", "fail"]
OnConflict: TypeAlias = Literal["report", "source", "server"]


MOMENT = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])( ([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?")

SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(KB|MB|GB)")
UNITS = {"KB": 1000, "MB": 1000**2, "GB": 1000**3}


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


def _one_or_more(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Name = Annotated[str, BeforeValidator(_name)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class Part(BaseModel):
    """A part of a mapping: takes no key that it does not know, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class NumberRule(Part):
    """How numbers are written in the source."""

    decimal: Literal[".", ","] = "."
    """The mark before the fraction."""
    thousands: Literal["", ".", ",", " ", "'"] = ""
    """The mark between thousands; a space stands for every kind of space."""

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
    """Zone of times that name none, for example `Europe/Berlin`; without it UTC, as AtroCore keeps them."""

    @model_validator(mode="before")
    @classmethod
    def _from_format(cls, value: object) -> object:
        return {"formats": value} if isinstance(value, str | list) else value


class SplitDoc(Part):
    """How several pieces stand in one cell. They are trimmed, and blank ones dropped."""

    by: Annotated[str, Field(min_length=1)]
    """The mark between pieces."""
    escape: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Before a mark that belongs to a piece."""

    @model_validator(mode="before")
    @classmethod
    def _from_mark(cls, value: object) -> object:
        return {"by": value} if isinstance(value, str) else value


class ValuesDoc(Part):
    """What cells stand for: entries in the mapping, or a small CSV file beside it."""

    entries: Mapping[str, Scalar | None] = Field(default_factory=dict)
    """Cell -> value; null: as if the cell were empty."""
    file: str | None = None
    """A CSV file in UTF-8, relative to the mapping."""
    from_: Name | None = Field(default=None, alias="from")
    """Its column of cells."""
    to: Name | None = None
    """Its column of values."""

    @model_validator(mode="before")
    @classmethod
    def _from_entries(cls, value: object) -> object:
        if isinstance(value, dict) and set(value) != {"file", "from", "to"}:
            return {"entries": value}
        return value


class ReplaceDoc(Part):
    """What is put in the place of what: texts, or a regular expression."""

    texts: Mapping[str, str] = Field(default_factory=dict)
    """Text -> what stands there instead."""
    pattern: str | None = None
    """A regular expression."""
    with_: str = Field(default="", alias="with")
    r"""What stands instead of each match; `\1` is its first group."""

    @model_validator(mode="before")
    @classmethod
    def _from_texts(cls, value: object) -> object:
        if isinstance(value, dict) and "pattern" not in value:
            return {"texts": value}
        return value


class PadDoc(Part):
    """Fill short texts up."""

    to: Annotated[int, Field(ge=1)]
    """Characters."""
    with_: Annotated[str, Field(min_length=1, max_length=1)] = Field(default="0", alias="with")
    """The character to fill with."""
    side: Literal["left", "right"] = "left"
    """Where it is filled up."""


class CheckDoc(Part):
    """What a cell must fulfil; nothing is changed by it."""

    gtin: bool = False
    """A GTIN of 8, 12, 13 or 14 digits with a right check digit."""
    regex: str | None = None
    """A regular expression that finds itself in the text."""
    min: float | int | None = None
    """Smallest number."""
    max: float | int | None = None
    """Largest number."""
    length: Annotated[tuple[int, ...], BeforeValidator(_one_or_more)] | None = None
    """Characters: one number, or the least and the most."""
    one_of: Names | None = None
    """The only texts that are taken."""

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: object) -> object:
        if value == "gtin":
            return {"gtin": True}
        if isinstance(value, dict) and isinstance(value.get("length"), int):
            return {**value, "length": [value["length"]]}
        return value


class UnitDoc(Part):
    """The unit of a number."""

    constant: Name | None = None
    """The same unit for every row."""
    column: Name | None = None
    """The column that holds it."""
    by: Literal["name", "code", "symbol", "id"] = "name"
    """Which field of Unit that is."""
    values: ValuesDoc | None = None
    """What the cells stand for."""

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: object) -> object:
        return {"constant": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> UnitDoc:
        if (self.constant is None) == (self.column is None):
            raise wrong("a unit needs one origin", 'Write "unit: kg" or "unit: {column: …}".')
        return self


class MeasureDoc(Part):
    """A number and its unit in one cell, `12,5 kg`."""

    by: Literal["name", "code", "symbol", "id"] = "name"
    """Which field of Unit the text behind the number is."""
    values: ValuesDoc | None = None
    """What the texts stand for."""
    default: Name | None = None
    """The unit of a cell that names none; without it such a cell is a problem."""


class LinkDoc(Part):
    """How the target of a link is found."""

    by: Names = ("id",)
    """The field of the target that the cells hold, or several."""
    delimiter: Annotated[str, Field(min_length=1)] = "|"
    """Between the parts of one target, where `by` names several fields."""
    missing: Missing = Missing.FAIL
    """What happens when there is no such target."""
    create: Mapping[str, Scalar] = Field(default_factory=dict)
    """Further fields of targets that are created."""
    where: str | None = None
    """A filter that targets must fulfil, in the language of `--where`."""
    path: Annotated[str, Field(min_length=1)] | None = None
    """The mark between the steps of a path through a hierarchy, ` > `."""
    leaf: Literal["any", "warn", "fail"] = "any"
    """What happens when the target has children."""
    in_: Literal["server", "source", "both"] = Field(default="server", alias="in")
    """Where targets may be: on the server, in the same file, or both."""
    of: str | None = None
    """The block of this mapping that makes the targets."""
    send: Literal["id", "object"] = "id"
    """As ids that were looked up, or as AtroCore's own find-or-create objects (2.2 and later)."""

    @model_validator(mode="before")
    @classmethod
    def _known_missing(cls, value: object) -> object:
        # Strict models take no text for an enum.
        if isinstance(value, dict) and value.get("missing") in {one.value for one in Missing}:
            return {**value, "missing": Missing(value["missing"])}
        return value


class ShareDoc(Part):
    """A link under which a file can be opened without signing in."""

    name: str = ""
    """Of the record of Sharing; without it the file's name."""
    valid_till: str | None = None
    """Such as `2027-01-31` or `2027-01-31 18:00` in UTC; without it for ever."""

    @model_validator(mode="after")
    def _a_moment(self) -> ShareDoc:
        if self.valid_till is not None and not MOMENT.fullmatch(self.valid_till):
            raise wrong(f'"{self.valid_till}" is no moment', 'Write "2027-01-31" or "2027-01-31 18:00".')
        return self


class FileDoc(Part):
    """Where the files are that cells name, and how they are kept in AtroCore."""

    base: str = "."
    """The folder that paths and globs start in, relative to the mapping; no path leaves it."""
    fetch: Literal["client", "server"] = "client"
    """Who fetches `https://` addresses: we, once each, or AtroCore, without a hash beforehand."""
    folder: str | None = None
    """The folder in AtroCore, made where it is missing: `shop/{Handle}`, with columns in braces."""
    name: str | None = None
    """The name in AtroCore: `{SKU}-{item.index}`; without it that of the path or address."""
    type: str | None = None
    """Name or id of a FileType; without it as AtroCore decides."""
    tags: Names = ()
    """Names of options of the field `tags` of File."""
    extensions: Names = ()
    """The only endings that are taken, such as `[jpg, png]`; without it any."""
    max_size: str | None = None
    """Of one file, such as `20 MB`; without it any."""
    share: ShareDoc | None = None
    """A link for opening the file without signing in; it stands in the results of the run."""
    storage_id: str | None = Field(default=None, alias="storageId")
    """AtroCore ignores it: the folder decides about the storage."""

    @property
    def most_bytes(self) -> int | None:
        """`max_size` in bytes."""
        found = SIZE.fullmatch(self.max_size or "")
        return int(float(found[1]) * UNITS[found[2]]) if found else None

    @model_validator(mode="before")
    @classmethod
    def _from_base(cls, value: object) -> object:
        return {"base": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _a_size(self) -> FileDoc:
        if self.max_size is not None and not SIZE.fullmatch(self.max_size):
            raise wrong(f'"{self.max_size}" is no size', 'Write "500 KB", "20 MB" or "1.5 GB".')
        return self
