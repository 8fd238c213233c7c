"""The nouns of a run: what travels from a table to a server and what becomes of it. Imports nothing of ours.

Where speed asks for columns the value is the column: a frame, payloads and changes hold Arrow arrays of equal
length, and an object of its own exists only for what went wrong.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa


class Status(StrEnum):
    """What became of a source row; the names of `rows` in the JSON summary."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    FAILED = "failed"
    """The server, or what stands there, refused it."""
    INVALID = "invalid"
    """It could not be understood, so nothing of it was sent."""
    SKIPPED = "skipped"
    """The user said so: a filter, `ignore`, a duplicate, drift."""
    PENDING = "pending"
    """The run stopped before its fate was known."""


ROW_PRECEDENCE: tuple[Status, ...] = (
    Status.INVALID,
    Status.FAILED,
    Status.PENDING,
    Status.SKIPPED,
    Status.CREATED,
    Status.UPDATED,
    Status.DELETED,
    Status.UNCHANGED,
)
"""A row with several records has the first of these that applies."""


class ChangeKind(StrEnum):
    """What a plan says of one record."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DELETE = "delete"
    BLOCKED = "blocked"
    """It cannot be sent; a Problem says why (renamed, ambiguous key, missing link, no right)."""


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
class RowRef:
    """One row as a person finds it again."""

    file: str
    """The name the user gave, or that a DataFrame was given."""
    sheet: str | None
    """None where the format has no sheets."""
    row: int
    """1-based, as seen in the file: the header counts; in CSV the physical line where the row begins."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with data, as a value. What it says to a person stands in `problems.py`."""

    code: str
    """A key of `problems.CATALOGUE`."""
    file: str
    sheet: str | None = None
    row: int = 0
    """1-based as seen in the file; 0: not about one row."""
    column: str = ""
    """The source column; empty: not about one column."""
    field: str = ""
    """The field of the entity; empty: not about one field."""
    value: str = ""
    """The cell as it stood there, shortened to 200 characters by whoever makes the Problem."""
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the sentence of the code needs besides the above."""


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that could not be read as cells of the table, for example a CSV line with a cell too many."""

    row: int
    """1-based, as seen in the file."""
    cells: tuple[str, ...]
    """As far as they could be told apart; for the file of rejected rows."""
    problem: Problem


@dataclass(frozen=True, slots=True)
class Frame:
    """Some thousand rows of a source, in its order.

    `data` has one Arrow-backed pandas column per source column: going to Arrow and back copies nothing.
    """

    data: pd.DataFrame
    numbers: pa.Int64Array
    """Row number of each row of `data`: 1-based, as seen in the file (see `RowRef.row`); rising."""
    file: str
    sheet: str | None = None
    unreadable: tuple[UnreadableRow, ...] = ()
    """Rows between these that are no rows of the table; they count as read and end as `invalid`."""

    def __len__(self) -> int:
        """Rows that could be read."""
        return len(self.numbers)

    def column(self, name: str) -> pa.Array:
        """Return one column as a single Arrow array, without a copy where pandas holds it as one chunk.

        Raises:
            KeyError: the frame has no such column.
        """
        import pyarrow as pa  # noqa: PLC0415  the nouns must be importable in a blink

        array = pa.array(self.data[name])
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array

    def ref(self, position: int) -> RowRef:
        """Return where the row at `position` (0-based within this frame) stands in the file."""
        return RowRef(self.file, self.sheet, self.numbers[position].as_py())


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
    """Payload keys and ids that candidates have, and created targets get: the measure of a unit (`measureId`),
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
    """What a column of the source says of each record: create, update, delete; null: as the mapping's `write`.
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
    """Typed where the instance's attributes were known, else text. Null: not sent. Of links, lists and units: the
    texts to look up in `link`."""
    clears: pa.BooleanArray | None = None
    """Where JSON null is sent; None: nowhere."""
    unassigns: pa.BooleanArray | None = None
    """Where the attribute is taken off the record; None: nowhere."""
    link: LinkTarget | None = None


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

    def __len__(self) -> int:
        """Records."""
        return len(self.owners)


@dataclass(frozen=True, slots=True)
class Changes:
    """What shall be done with records of one entity, position by position."""

    entity: str
    file: str
    sheet: str | None
    numbers: pa.Int64Array
    """Source row of each record; 0: a record that no row stands for by itself (a created link target)."""
    keys: pa.StringArray
    ids: pa.StringArray
    """The id found on the server, or our own for a create (law 5). Never null."""
    kinds: Sequence[ChangeKind]
    columns: Mapping[str, pa.Array]
    """Payload key -> what is sent; null: not sent. Without `id`."""
    clears: Mapping[str, pa.BooleanArray] = dataclasses.field(default_factory=dict)
    appends: frozenset[str] = frozenset()
    """Payload keys of multi-links whose ids are added to what is there."""
    old: Mapping[str, pa.Array] = dataclasses.field(default_factory=dict)
    """Payload key -> the value that stood there, for the fields of updates."""
    problems: tuple[Problem, ...] = ()
    """Why records are blocked, and warnings."""
    members: Mapping[int, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    part: str = ""
    """Which of several records of a row this is; empty: the row's own."""
    prev_keys: frozenset[str] = frozenset()
    """Payload keys of `old` that are sent along, for the server to refuse what somebody else changed meanwhile."""
    carries_attributes: bool = False
    """True: among the columns are attribute values, beside the fields."""
    attribute_keys: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """Payload key -> id of the attribute and the key of its value (`value`, `valueUnitId`, …), where the values
    go through the simple endpoints; empty: they go like all others."""

    def __len__(self) -> int:
        """Records."""
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class Batch:
    """One request of the bulk upsert: JSON, and what each of its items stands for, in their order."""

    number: int
    """1-based within a run, in the order in which batches were made."""
    entity: str
    body: bytes
    """The JSON array as it is sent."""
    changes: Changes
    """What the items were made from, position by position: creates and updates only."""

    def __len__(self) -> int:
        """Items."""
        return len(self.changes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record of one row."""

    file: str
    sheet: str | None
    row: int
    """1-based as seen in the file; 0: a record that no row stands for by itself."""
    entity: str
    key: str
    status: Status
    record_id: str = ""
    """Empty where there is no record."""
    code: str = ""
    """Why, where it failed or was invalid or skipped: a key of `problems.CATALOGUE`."""
    message: str = ""
    """The whole sentence for a person."""
    part: str = ""
    column: str = ""
    """The source column the (first) problem is about."""
    problems: tuple[Problem, ...] = ()
    """All that was wrong with it, and warnings; `code` and `message` sum them up. Not in the journal."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once, and how long. Shown in the report."""

    batch_rows: int = 100
    """Records per request, at most."""
    batch_bytes: int = 900_000
    """Bytes of a request body, at most. nginx refuses bodies over 1 MB unless it is told otherwise."""
    in_flight: int = 4
    """Requests at once, at most."""
    lookup_keys: int = 100
    """Values in one `in` filter, at most."""
    lookup_url_bytes: int = 6000
    """Bytes of the address of one look-up, at most. nginx answers 414 above 8 KB."""
    page_records: int = 1000
    """Records per page when an entity is read whole."""
    request_timeout_s: float = 120.0
    """For one request, from connecting to the last byte."""
    attempts: int = 5
    """Requests in a row without an answer, after which a run stops."""
    silence_s: float = 120.0
    """Seconds without any answer, after which a run stops."""
    frame_rows: int = 5000
    """Rows per frame."""

    def __post_init__(self) -> None:
        """Refuse limits under which nothing could ever be sent.

        Raises:
            ValueError: one of them is not positive.
        """
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


Phase = Literal["scan", "send", "export"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; handed to the listener some times a second at most."""

    phase: Phase
    rows: int
    """Rows done in this phase."""
    rows_total: int | None
    """None: not known."""
    failed: int = 0
    """Rows failed or invalid so far."""


ProgressListener: TypeAlias = "Callable[[Progress], None]"
"""Called from the thread of the run; must return at once."""
