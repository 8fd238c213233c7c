"""What differs between AtroCore's generations: one table, and nothing about it anywhere else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """How one generation of AtroCore behaves where generations differ."""

    name: str
    """As users name it: 1.10, 2.1, 2.2 or 2.3."""
    version: str
    """Of the core that it is measured against, as the settings tell it.

    Source: atrocore/atrocore, app/Espo/Controllers/Settings.php of 1.10.30, Services/Settings.php of 2.2.31.
    """
    recorded: bool
    """True where answers of a real server were recorded; False where it is made from documentation."""
    base: str
    """The path that all routes stand under."""
    id_limit: int
    """Longest id that the database takes, in characters."""
    id_style: Literal["hex", "uuid7"]
    """Server-made ids: a letter and 16 hex digits, or `a` and a version 7 UUID in base 32."""
    sku: str
    """Product's own number: `sku` or `number`."""
    unchanged_item: Literal["failed", "not_modified"]
    """A bulk item that changes nothing: `Failed "Code: 304"`, or `NotModified`."""
    item_answer: Literal["record", "id"]
    """A bulk item's `entity`: the record, or the entity's name with the id beside it (2.3)."""
    stale_match: bool
    """A record found for one bulk item is used for later items without an id (1.10)."""
    index_lookup: bool
    """Bulk items of entities without a unique field are found by a unique index."""
    bodies_checked: bool
    """Bulk bodies are held against a schema before any work (400 for all)."""
    item_keys_checked: bool
    """That schema demands `entity` and `payload` (2.3)."""
    ranges_checked: bool
    """An int beyond min, max or 32 bits is 400; else only 32 bits count, and the database complains."""
    dates_checked: bool
    """Only `Y-m-d` and `Y-m-d H:i:s`; else whatever PostgreSQL takes."""
    custom_enums_checked: bool
    """Options of fields that an administrator added are enforced."""
    list_shortcuts: bool
    """`totalOnly` and `collectionOnly` are known."""
    default_order: Literal["stored", "id"]
    """Lists without `sortBy`: in the order of storing (an update moves a record to the end), or by id."""
    negation: Literal["unfinished", "nothing"]
    """The `not` condition: a text instead of JSON, or no rows."""
    saved_searches: bool
    """`savedSearch` is known; else such a condition is dropped, as any that is not known."""
    compares_units: bool
    """`unitField` and the operators `similar` and `wordSimilar` are known; they came with 2.2.30."""
    relation_columns_filtered: bool
    """The operators `columnLike`, `columnIn`, … are known; 2.3.6 has them no more."""
    multiplies_units: bool
    """An amount times its unit's multiplier is the amount in the main unit; else divided by it (1.10)."""
    queue: Literal["QueueItem", "Job"]
    """Entity that holds the background jobs."""
    queue_refused: bool
    """A queued bulk call is stored and then answered with 400, because the answer fails its own schema."""
    restores: bool
    """`action/restore` exists."""
    mass_delete: Literal["ids", "count", "deleted"]
    """Shape of the answer to a mass delete."""
    renamed_routes: bool
    """The routes of 2.3: `/userSession`, `/upsert`, `/entityMassUpdate` …, and no PUT."""
    attributes: Literal["values", "written", "full"]
    """Values as records only; flattened keys are written but not read; all documented ways."""
    linked_objects: bool
    """`{"brand": {"name": …}}` finds or creates the linked record."""
    meta: bool
    """The `With-Meta` header is honoured."""
    relinks_refused: bool
    """Linking what is linked already is 400."""
    leaf_categories_only: bool
    """A product may only stand in categories without children."""
    catalogs: bool
    """Categories of a product must belong to the trees of its catalog (1.10)."""
    bare_content: Literal["refuse", "empty"]
    """File content without `data:…;base64,`: 400, or an empty file."""
    reupload_checks_change: bool
    """Replacing a file's content counts as changed only if another field changes (304)."""
    dangling_file: Literal["crash", "accept"]
    """Linking a file that does not exist: 500 with the row stored, or accepted."""
    pieces_kept: bool
    """Pieces of a finished upload stay, and mix with a later one of the same hash."""
    files_measured: bool
    """Pictures have a width and a height."""
    types_files: bool
    """Files get a type by themselves."""
    parents_by_ids: bool
    """`parentsIds` counts when a record is created; else only `parentId`."""
    relation_columns: bool
    """Lists of linked records show the relation's own columns, as `ProductCategory__sorting`."""
    addresses: Literal["entry", "path"]
    """Addresses of files: `/?entryPoint=…&id=…`, or `/downloads/{id}.{ending}`."""
    followed: bool
    """Records of entities with a stream are followed by who made them, and say so."""
    attribute_code: str
    """Name of the attribute's key: `code`, or `systemName` from 2.3 on."""
    simple_attribute_fix: bool
    """`upsertAttributeValues` assigns missing attributes; else it skips them silently."""
    unauthorized_text: str
    """Body of a 401."""
    labels_by_language: bool
    """The labels are asked for by a language; else by the id of a locale, which says the language."""


_V2_1 = Generation(
    name="2.1",
    version="2.1.25",
    recorded=True,
    base="/api/v1",
    id_limit=36,
    id_style="uuid7",
    sku="number",
    unchanged_item="not_modified",
    item_answer="record",
    stale_match=False,
    index_lookup=True,
    bodies_checked=True,
    item_keys_checked=False,
    ranges_checked=True,
    dates_checked=True,
    custom_enums_checked=False,
    list_shortcuts=True,
    default_order="stored",
    negation="nothing",
    saved_searches=True,
    compares_units=False,
    relation_columns_filtered=True,
    multiplies_units=True,
    queue="Job",
    queue_refused=True,
    restores=True,
    mass_delete="count",
    renamed_routes=False,
    attributes="written",
    linked_objects=False,
    meta=False,
    relinks_refused=True,
    leaf_categories_only=True,
    catalogs=False,
    bare_content="empty",
    reupload_checks_change=False,
    dangling_file="accept",
    pieces_kept=True,
    files_measured=True,
    types_files=False,
    parents_by_ids=True,
    relation_columns=False,
    addresses="path",
    followed=False,
    attribute_code="code",
    simple_attribute_fix=False,
    unauthorized_text="",
    labels_by_language=False,
)

_V1_10 = replace(
    _V2_1,
    name="1.10",
    version="1.10.30",
    id_limit=24,
    id_style="hex",
    sku="sku",
    unchanged_item="failed",
    stale_match=True,
    index_lookup=False,
    bodies_checked=False,
    ranges_checked=False,
    dates_checked=False,
    custom_enums_checked=True,
    list_shortcuts=False,
    negation="unfinished",
    saved_searches=False,
    multiplies_units=False,
    queue="QueueItem",
    queue_refused=False,
    restores=False,
    mass_delete="ids",
    attributes="values",
    catalogs=True,
    bare_content="refuse",
    reupload_checks_change=True,
    dangling_file="crash",
    pieces_kept=False,
    files_measured=False,
    types_files=True,
    parents_by_ids=False,
    relation_columns=True,
    addresses="entry",
    followed=True,
    labels_by_language=True,
)

_V2_2 = replace(
    _V2_1,
    name="2.2",
    version="2.2.31",
    recorded=False,
    custom_enums_checked=True,
    default_order="id",
    compares_units=True,
    attributes="full",
    linked_objects=True,
    meta=True,
)

_V2_3 = replace(
    _V2_2,
    name="2.3",
    version="2.3.6",
    base="/api",
    item_answer="id",
    item_keys_checked=True,
    queue_refused=False,
    mass_delete="deleted",
    renamed_routes=True,
    relation_columns_filtered=False,
    attribute_code="systemName",
    simple_attribute_fix=True,
    unauthorized_text="Unauthorized",
)

GENERATIONS = {generation.name: generation for generation in (_V1_10, _V2_1, _V2_2, _V2_3)}
"""By name, oldest first."""
