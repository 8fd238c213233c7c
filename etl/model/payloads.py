"""What the mapping made of a frame."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from etl.model.rows import Problem


class Missing(StrEnum):
    """What happens when a link's target is not on the server."""

    CREATE = "create"
    REPORT = "report"
    """The row goes without the link and a warning stands in the report."""
    SKIP = "skip"
    """The row goes without the link, silently."""
    FAIL = "fail"
    """The row is not sent."""


@dataclass(frozen=True, slots=True)
class FilesFrom:
    """The texts of a link are files: where they are found, and how they are kept in AtroCore."""

    base: str
    """The folder that paths start in."""
    fetch: Literal["client", "server"] = "client"
    """Who fetches addresses."""
    type_: str = ""
    """Name or id of a FileType; empty: as AtroCore decides."""
    tags: tuple[str, ...] = ()
    """Names of options of the field `tags` of File."""
    is_shared: bool = False
    share_name: str = ""
    """Of the record of Sharing; empty: the file's name."""
    share_till: str = ""
    """`2027-01-31 00:00:00` in UTC; empty: for ever."""
    extensions: tuple[str, ...] = ()
    """The only endings that are taken, without dot; empty: any."""
    most_bytes: int | None = None
    """Of one file; None: any size."""
    skips_bad: bool = False
    """True: a file that cannot be used is left out, with a warning; False: its row is not sent."""


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """One link of a mapping: where its texts are looked up and what happens when they are not found."""

    field: str
    """The link field, for example `brand`."""
    key: str
    """The payload key, for example `brandId` or `categoriesIds`."""
    entity: str
    """Where to look, for example `Brand`."""
    by: str
    """The field of `entity` that the texts are values of."""
    is_multiple: bool
    missing: Missing
    replaces: bool = False
    """True: the list sent is the whole new set. False: it is added to what is there."""
    constants: Mapping[str, str | int | float | bool] = dataclasses.field(default_factory=dict)
    """Further fields of targets that are created."""
    also_by: tuple[str, ...] = ()
    """Further fields of `entity` that must be equal too; then a text holds all values, joined by U+001F."""
    within: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Payload keys and ids that candidates have and created targets get: the measure of a unit (`measureId`),
    the list of an option (`extensibleEnumsIds`)."""
    where: str = ""
    """A filter that candidates must fulfil, in the language of `--where`; empty: none."""
    path: str = ""
    """The mark between the steps of a path through a hierarchy; empty: texts are no paths."""
    leaf: Literal["any", "warn", "fail"] = "any"
    """What happens when the target has children."""
    place: Literal["server", "source", "both"] = "server"
    """Where targets may be: on the server, among the records of the same run, or both."""
    block: str = ""
    """The block of the mapping that makes the targets; empty: not said."""
    files: FilesFrom | None = None
    """Texts are files: the cell, or the cell, the folder and the name in AtroCore, joined by U+001F.
    None: texts are looked up."""


@dataclass(frozen=True, slots=True)
class LinkTexts:
    """The texts of one link, still to be looked up."""

    target: LinkTarget
    column: str
    """The source column they came from, for messages."""
    texts: pa.Array
    """string, or list<string> where the link is multiple; null: not sent. As long as the payloads."""


@dataclass(frozen=True, slots=True)
class Payloads:
    """What the mapping made of a frame: one Arrow column per payload key, one position per record."""

    entity: str
    file: str
    sheet: str | None
    numbers: pa.Int64Array
    """Source row of each record: the first one, where several rows make a record."""
    keys: pa.StringArray
    """The canonical key (typed, NFC) of each record; parts of a composite key are joined by U+001F.
    Empty array where the mapping has no key."""
    key_columns: Mapping[str, pa.Array]
    """Payload key of each key field -> its values, to be looked up on the server. Also in `columns`."""
    columns: Mapping[str, pa.Array]
    """Payload key -> values, typed by the schema. Null: not sent."""
    clears: Mapping[str, pa.BooleanArray] = dataclasses.field(default_factory=dict)
    """Payload key -> true where JSON null is sent. Keys with nothing to clear are absent."""
    links: tuple[LinkTexts, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Of rows of this frame, sorted by row; errors and warnings."""
    invalid: frozenset[int] = frozenset()
    """Source rows that are in no record here because of an error among `problems`."""
    skipped: frozenset[int] = frozenset()
    """Source rows that are in no record here because the mapping says so."""
    members: Mapping[int, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    """First source row -> all rows of its record; only where there is more than one."""
    attributes: tuple[AttributeValues, ...] = ()
    relations: tuple[RelationRecords, ...] = ()
    commands: pa.StringArray | None = None
    """What a column of the source says of each record: create, update, delete; null: as `write` says.
    None: no such column."""

    def __len__(self) -> int:
        """Records."""
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class AttributeTarget:
    """One attribute of a mapping."""

    address: str
    """As the mapping writes it: `code@language#channel`."""
    name: str
    """Code, name or id: what stands before `@` and `#`."""
    language: str = ""
    """Empty: the main one."""
    channel: str = ""
    """Code of the channel; empty: none."""
    attribute_id: str = ""
    """Empty: the instance was not asked yet."""
    key: str = ""
    """The flattened payload key; empty: the instance was not asked yet."""


@dataclass(frozen=True, slots=True)
class AttributeValues:
    """The values of one attribute; as long as the payloads."""

    target: AttributeTarget
    column: str
    """The source column they came from, for messages."""
    part: Literal["value", "from", "to", "unit"]
    """Which of the attribute's values this is."""
    values: pa.Array
    """Typed where the instance's attributes were known, else text. Null: not sent. Of links, lists and units
    the texts to look up in `link`."""
    clears: pa.BooleanArray | None = None
    """Where JSON null is sent; None: nowhere."""
    unassigns: pa.BooleanArray | None = None
    """Where the attribute is taken off the record; None: nowhere."""
    link: LinkTarget | None = None
    is_ordered: bool = False
    """True: of lists the order means something."""
    on_conflict: Literal["report", "source", "server"] = "report"
    """What happens where somebody edited the value since it was last written."""


@dataclass(frozen=True, slots=True)
class RelationRecords:
    """Records of a relation entity: several for a record of the payloads, each with fields of its own."""

    field: str
    """The field of the mapping they come from."""
    entity: str
    """The relation entity, for example `ProductCategory`."""
    owner_key: str
    """Its payload key for the record of the payloads, for example `productId`."""
    owners: pa.Int64Array
    """Position of that record in the payloads, 0-based, rising."""
    numbers: pa.Int64Array
    """Source row of each."""
    links: tuple[LinkTexts, ...]
    """What else identifies it: the other end, the association. Texts to look up, one each."""
    columns: Mapping[str, pa.Array] = dataclasses.field(default_factory=dict)
    """Payload key -> values; null: not sent."""
    replaced: pa.BooleanArray | None = None
    """Per record of the payloads: true where its relation records that are not among these go.
    None: nowhere."""
    unmarks: str = ""
    """Payload key of a mark that is taken off what goes, instead of removing it; empty: it is removed."""

    def __len__(self) -> int:
        """Records."""
        return len(self.owners)
