"""Parts of a mapping about the table: where it is, its columns, which rows count and belong together."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  pydantic reads the annotations at run time
from typing import Annotated, Literal

from pydantic import Field, model_validator

from etl.mapping.parts import DateRule, Name, Names, NumberRule, Part, wrong


class ReadyRule(Part):
    """When a file counts as completely written."""

    stable_for: str | None = None
    """Such as `30s`: its size did not change for so long."""
    marker: str | None = None
    """A file that lies beside it once it is complete, for example `products.ok`."""


class SourceDoc(Part):
    """Where the rows come from and how they are written."""

    file: str | None = None
    """Relative to the mapping; `--source` wins over it. May be a glob."""
    pick: Literal["newest", "oldest", "all"] | None = None
    """Which of several files that fit the glob."""
    max_age: str | None = None
    """Such as `26h`: an older file is refused."""
    ready: ReadyRule | None = None
    """When the file counts as completely written."""
    sheet: str | int | None = None
    """Name, or 1-based number."""
    encoding: str | None = None
    """Such as `windows-1252`; sniffed unless said."""
    delimiter: str | None = None
    """Of CSV; sniffed unless said."""
    quote: Literal['"', "'", ""] | None = None
    """Of CSV; sniffed unless said. Empty: quotes are letters like others."""
    header_row: Annotated[int, Field(ge=1)] | None = None
    """1-based; sniffed unless said."""
    has_header: bool | None = None
    """False: columns are called A, B, C."""
    first_column: str | int | None = None
    """Of a sheet: letter or 1-based number of the column where the table begins."""
    records: str | None = None
    """Of JSON: the path to the list of records."""
    hazards: Mapping[str, Literal["ignore", "warn", "fail"]] = Field(default_factory=dict)
    """What a spreadsheet may have broken, by code: whether it is told or stops the run."""
    number: NumberRule | None = None
    """How numbers are written; never guessed."""
    date: DateRule | None = None
    """How dates are written; never guessed."""


class ExportDoc(Part):
    """What an export by this mapping takes along."""

    where: str = ""
    """A filter, in the language of `--where`; `--where` narrows it further."""
    sort: str = ""
    """Columns of the file, as `--sort` takes them."""


class ColumnDoc(Part):
    """A column described once, for use everywhere below."""

    header: Names
    """Its names in the source; the first that is there counts."""
    blank: Names = ()
    """Cells that count as empty."""
    number: NumberRule | None = None
    """It holds numbers, written so."""
    date: DateRule | None = None
    """It holds dates, written so."""
    optional: bool = False
    """It may be missing; then all its cells are empty."""

    @model_validator(mode="before")
    @classmethod
    def _from_header(cls, value: object) -> object:
        return {"header": value} if isinstance(value, str | list) else value


class GroupDoc(Part):
    """Several rows that make one record."""

    by: Names
    """The columns that are equal in all rows of a record; its rows stand together."""

    @model_validator(mode="before")
    @classmethod
    def _from_column(cls, value: object) -> object:
        return {"by": value} if isinstance(value, str | list) else value


class FillDownDoc(Part):
    """Cells that are written once and meant for the rows below too."""

    within: Names
    """The columns that end it when they change."""
    columns: Names
    """What is filled down."""


class CommandDoc(Part):
    """A column that says what to do with each row."""

    column: Name
    """It holds create, update, delete or ignore."""
    values: Mapping[str, Literal["create", "update", "delete", "ignore"]] = Field(default_factory=dict)
    """Cell -> command; an empty cell means what `write` says."""

    @model_validator(mode="before")
    @classmethod
    def _from_column(cls, value: object) -> object:
        return {"column": value} if isinstance(value, str) else value


class RowsDoc(Part):
    """Which rows count, and which belong together."""

    where: str | None = None
    """An expression over `row`; rows where it is false are skipped."""
    group: GroupDoc | None = None
    """Several rows that make one record."""
    fill_down: FillDownDoc | None = None
    """Cells that are meant for the rows below too."""
    command: CommandDoc | None = None
    """A column that says what to do with each row."""


class MarkersDoc(Part):
    """Cells that say something about a field instead of being its value."""

    clear: Names = ()
    """The field is emptied."""
    skip: Names = ()
    """The field is left alone."""
    unassign: Names = ()
    """The attribute is taken off the record."""

    @model_validator(mode="after")
    def _differ(self) -> MarkersDoc:
        every = [*self.clear, *self.skip, *self.unassign]
        twice = next((one for one in every if every.count(one) > 1), None)
        if twice is not None:
            raise wrong(f'"{twice}" means two things', "Let markers differ.")
        return self
