"""The schema of a sandbox, read from a `GET /Metadata` answer: entities, their columns, their links."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"

Kind = Literal["text", "int", "float", "bool", "date", "datetime", "list", "json", "link"]

_KINDS: dict[str, Kind] = {
    "int": "int",
    "autoincrement": "int",
    "float": "float",
    "currency": "float",
    "bool": "bool",
    "date": "date",
    "datetime": "datetime",
    "array": "list",
    "multiEnum": "list",
    "extensibleMultiEnum": "list",
    "jsonArray": "json",
    "jsonObject": "json",
    "link": "link",
    "file": "link",
}
_UNLIMITED = {"text", "wysiwyg", "markdown"}
_WITHOUT_COLUMN = {"linkMultiple", "foreign", "multiLanguage", "attachmentMultiple"}
DEFAULT_MAX_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a record as it travels: `brandId`, not `brand`."""

    name: str
    """Key in JSON and name of the SQLite column."""
    kind: Kind
    """How a value is coerced, stored and shown."""
    field: str
    """The metadata field that it belongs to."""
    type: str
    """AtroCore's type of that field, such as `wysiwyg`."""
    stored: bool
    """False for values that are computed or only echoed."""
    required: bool = False
    """Null and `""` are refused."""
    unique: bool = False
    """No two live records share a value."""
    read_only: bool = False
    """Silently ignored on input."""
    not_null: bool | None = None
    """As in the metadata; None where it says nothing. A bool is null-able only where this is False."""
    default: JsonValue = None
    """Value of new records that do not give one."""
    options: tuple[str, ...] = ()
    """Allowed values of an enum; empty allows all."""
    custom: bool = False
    """An administrator added the field."""
    database_characters: int | None = None
    """Length of the database column, in characters; longer is an SQL error. None has no limit."""
    max_characters: int | None = None
    """Longer is refused with 400."""
    minimum: float | None = None
    """Smallest int."""
    maximum: float | None = None
    """Largest int."""
    pattern: str | None = None
    """PHP regular expression with its slashes."""
    list_id: str | None = None
    """The ExtensibleEnum whose option ids are allowed."""
    measure: str | None = None
    """The Measure whose units are allowed, on the number as on its unit."""
    digits: int | None = None
    """Decimal places that a float is rounded to."""
    indexed: bool = False
    """The metadata wants an index."""


@dataclass(frozen=True, slots=True)
class Link:
    """A named way from one entity to another."""

    name: str
    """As in paths: `/Product/{id}/categories`."""
    type: Literal["belongsTo", "hasMany", "manyMany", "belongsToParent"]
    """`manyMany` goes over a relation entity."""
    entity: str
    """Where it leads."""
    foreign: str | None = None
    """The same link seen from there."""
    column: str | None = None
    """belongsTo: own column; hasMany: the column over there."""
    relation: str | None = None
    """manyMany: the relation entity."""
    near: str = ""
    """manyMany: column of the relation entity that holds this side's id."""
    far: str = ""
    """manyMany: column that holds the other side's id."""
    typed: bool = False
    """manyMany: the relation entity also says which entity the near id is of (EntityTeam)."""
    listed: bool = False
    """The record shows `xIds` and `xNames` when it is read alone (linkMultiple without noLoad)."""
    field: bool = False
    """A linkMultiple field exists, so `xIds` may be written."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of record."""

    name: str
    type: str
    """Base, Hierarchy, Relation, ReferenceData or Archive."""
    columns: dict[str, Column]
    """By name, in the order of the metadata; stored ones and others."""
    links: dict[str, Link]
    unique_indexes: tuple[tuple[str, ...], ...] = ()
    """Columns that are unique together, without `deleted`."""
    text_columns: tuple[str, ...] = ()
    """What a text search looks into."""
    traits: frozenset[str] = frozenset()
    """Scope flags that are true, such as `hasAttribute`."""
    stored: tuple[Column, ...] = ()
    """The stored columns, `id` first, without `deleted`."""
    multilingual: tuple[str, ...] = ()
    """Fields that have one column per language."""

    def has(self, column: str) -> bool:
        """Say whether records store this column."""
        found = self.columns.get(column)
        return found is not None and found.stored

    @property
    def unique_columns(self) -> tuple[Column, ...]:
        """Columns that are unique each for itself."""
        return tuple(column for column in self.stored if column.unique)


@dataclass(frozen=True, slots=True)
class Schema:
    """All entities, and the answer they were read from."""

    entities: dict[str, Entity]
    raw: JsonObject = field(repr=False)
    """What `GET /Metadata` answers."""


def read_schema(answer: JsonObject) -> Schema:
    """Read a `GET /Metadata` answer; only `entityDefs` and `scopes` matter.

    Raises:
        ValueError: one of the two is missing.
    """
    definitions, scopes = _object(answer.get("entityDefs")), _object(answer.get("scopes"))
    if not definitions or not scopes:
        raise ValueError("not a Metadata answer: it needs the keys entityDefs and scopes")
    drafts = {
        name: _columns_of(_object(given))
        for name, given in definitions.items()
        if _object(given).get("fields")
    }
    entities = {}
    for name, columns in drafts.items():
        definition = _object(definitions[name])
        links = _links_of(name, definition, drafts, definitions)
        entities[name] = _entity(name, definition, _object(scopes.get(name)), columns=columns, links=links)
    for entity in list(entities.values()):
        for link in entity.links.values():
            if link.relation and link.relation not in entities:
                entities[link.relation] = _made_relation(link)
    return Schema(entities, answer)


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _columns_of(definition: JsonObject) -> dict[str, Column]:
    fields = _object(definition.get("fields"))
    columns = {"id": Column("id", "text", "id", "varchar", stored=True)}
    for name, given in fields.items():
        settings = _object(given)
        for column in _columns_of_field(name, settings):
            columns.setdefault(column.name, column)
    columns["deleted"] = Column(
        "deleted", "bool", "deleted", "bool", stored=True, read_only=True, default=False
    )
    return columns


def _columns_of_field(name: str, settings: JsonObject) -> list[Column]:
    type_ = str(settings.get("type") or "varchar")
    if type_ in _WITHOUT_COLUMN or name == "id":
        return []
    stored = not settings.get("notStorable")
    if type_ == "linkParent":
        made = [_column(f"{name}Id", "text", name, settings), _column(f"{name}Type", "text", name, settings)]
    elif type_ in {"rangeInt", "rangeFloat"}:
        kind: Kind = "int" if type_ == "rangeInt" else "float"
        made = [_column(f"{name}{end}", kind, name, settings) for end in ("From", "To")]
    elif type_ in {"link", "file"}:
        made = [
            _column(f"{name}Id", "link", name, settings),
            _companion(f"{name}Name", name),
            _companion(name, name),
        ]
    else:
        made = [_column(name, _KINDS.get(type_, "text"), name, settings)]
    return made if stored else [_companion(column.name, name, column.kind) for column in made]


def _companion(name: str, field_name: str, kind: Kind = "text") -> Column:
    return Column(name, kind if kind != "link" else "text", field_name, "companion", stored=False)


def _column(name: str, kind: Kind, field_name: str, settings: JsonObject) -> Column:
    type_ = str(settings.get("type") or "varchar")
    default = settings.get("default")
    if kind == "bool" and default is None and settings.get("notNull") is not False:
        default = False
    if kind == "link":
        empty = "" if settings.get("notNull") else None
        default = settings.get("defaultId") or (default if isinstance(default, str) and default else empty)
    limit = _whole(settings.get("len"))
    narrow = kind in {"text", "link"} and type_ not in _UNLIMITED
    options = settings.get("options")
    return Column(
        name,
        kind,
        field_name,
        type_,
        stored=True,
        required=bool(settings.get("required")),
        unique=bool(settings.get("unique")),
        read_only=bool(settings.get("readOnly")) and not settings.get("protected"),
        not_null=None if settings.get("notNull") is None else bool(settings.get("notNull")),
        default=default,
        options=tuple(str(option) for option in options) if isinstance(options, list) else (),
        custom=bool(settings.get("isCustom")),
        database_characters=(limit or DEFAULT_MAX_CHARACTERS) if narrow else None,
        max_characters=_whole(settings.get("maxLength")) if kind == "text" else None,
        minimum=_number(settings.get("min")),
        maximum=_number(settings.get("max")),
        pattern=_text(settings.get("pattern")),
        list_id=_text(settings.get("extensibleEnumId")),
        measure=_text(settings.get("measureId")),
        digits=_whole(settings.get("amountOfDigitsAfterComma")),
        indexed=bool(settings.get("index")),
    )


def _whole(value: JsonValue) -> int | None:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _number(value: JsonValue) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None


def _links_of(
    name: str, definition: JsonObject, drafts: dict[str, dict[str, Column]], definitions: JsonObject
) -> dict[str, Link]:
    fields = _object(definition.get("fields"))
    links: dict[str, Link] = {}
    for link, given in _object(definition.get("links")).items():
        settings = _object(given)
        entity = str(settings.get("entity") or "")
        foreign = _text(settings.get("foreign"))
        own = _object(fields.get(link))
        listed = own.get("type") == "linkMultiple" and not own.get("noLoad")
        writable = own.get("type") == "linkMultiple"
        relation = _text(settings.get("relationName"))
        if settings.get("type") == "belongsTo":
            links[link] = Link(link, "belongsTo", entity, foreign, column=f"{link}Id")
        elif settings.get("type") == "hasMany" and relation:
            relation = relation[0].upper() + relation[1:]
            near, far = _mid_keys(
                name, entity, settings, relation=relation, drafts=drafts, definitions=definitions
            )
            links[link] = Link(
                link, "manyMany", entity, foreign,
                relation=relation, near=near, far=far, typed="entityType" in drafts.get(relation, {}),
                listed=listed, field=writable,
            )  # fmt: skip
        elif settings.get("type") in {"hasMany", "hasOne"} and foreign and entity in drafts:
            links[link] = Link(
                link, "hasMany", entity, foreign, column=f"{foreign}Id", listed=listed, field=writable
            )
    for name_, given in fields.items():
        settings = _object(given)
        entity = str(settings.get("entity") or ("File" if settings.get("type") == "file" else ""))
        if name_ not in links and settings.get("type") in {"link", "file"} and entity:
            links[name_] = Link(name_, "belongsTo", entity, column=f"{name_}Id")
    return links


def _mid_keys(
    name: str, entity: str, settings: JsonObject,
    *, relation: str, drafts: dict[str, dict[str, Column]], definitions: JsonObject,
) -> tuple[str, str]:  # fmt: skip
    given = settings.get("midKeys")
    if isinstance(given, list) and len(given) == 2:
        near, far = str(given[0]), str(given[1])
        # A hierarchy's midKeys stand the other way round: `children` says entityId first, the far side.
        return (far, near) if {near, far} == {"entityId", "parentId"} else (near, far)
    if "entityType" in drafts.get(relation, {}):
        return "entityId", f"{entity[0].lower()}{entity[1:]}Id"
    ends = {
        f"{link}Id": str(_object(value).get("entity"))
        for link, value in _object(_object(definitions.get(relation)).get("links")).items()
        if link not in {"createdBy", "modifiedBy"}
    }
    near_ = next((column for column, end in ends.items() if end == name), f"{name[0].lower()}{name[1:]}Id")
    far_ = next(
        (column for column, end in ends.items() if end == entity and column != near_),
        f"{entity[0].lower()}{entity[1:]}Id",
    )
    return near_, far_


def _entity(
    name: str,
    definition: JsonObject,
    scope: JsonObject,
    *,
    columns: dict[str, Column],
    links: dict[str, Link],
) -> Entity:
    for link in links.values():
        if link.field:
            for suffix, kind in (("Ids", "list"), ("Names", "json"), ("", "list")):
                key = f"{link.name}{suffix}"
                columns.setdefault(key, Column(key, kind, link.name, "linkMultiple", stored=False))  # type: ignore[arg-type]  # the three kinds above
    stored = tuple(column for column in columns.values() if column.stored and column.name != "deleted")
    known = {column.name for column in stored}
    searched = scope.get("textFilterFields") or _object(definition.get("collection")).get("textFilterFields")
    named = [str(text) for text in searched if text in known] if isinstance(searched, list) else []
    texts = named or [column.name for column in stored if column.kind in {"text", "int", "float"}]
    fields = _object(definition.get("fields"))
    return Entity(
        name,
        str(scope.get("type") or "Base"),
        columns,
        links,
        unique_indexes=tuple(_unique_indexes(definition, known)),
        text_columns=tuple(dict.fromkeys(["id", *texts])),
        traits=frozenset(key for key, value in scope.items() if value is True),
        stored=stored,
        multilingual=tuple(key for key, value in fields.items() if _object(value).get("isMultilang")),
    )


def _unique_indexes(definition: JsonObject, known: set[str]) -> list[tuple[str, ...]]:
    found = []
    for given in _object(definition.get("uniqueIndexes")).values():
        names = (
            tuple(_camel(str(name)) for name in given if name != "deleted") if isinstance(given, list) else ()
        )
        if names and all(name in known for name in names):
            found.append(names)
    return found


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in others)


def _made_relation(link: Link) -> Entity:
    """Make the relation entity that some instances only name."""
    columns = {
        name: Column(name, "link", name.removesuffix("Id"), "link", stored=True, required=True)
        for name in (link.near, link.far)
    }
    columns = {"id": Column("id", "text", "id", "varchar", stored=True), **columns}
    columns["deleted"] = Column(
        "deleted", "bool", "deleted", "bool", stored=True, read_only=True, default=False
    )
    stored = tuple(column for column in columns.values() if column.name != "deleted")
    return Entity(
        str(link.relation),
        "Relation",
        columns,
        {},
        unique_indexes=((link.near, link.far),),
        text_columns=("id",),
        stored=stored,
    )
