"""What the instance can store: entities, their fields and links, read from a Metadata answer. No network."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from etl.errors import EntityUnknown, SourceUnreadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FieldKind = Literal[
    "text", "int", "float", "bool", "date", "datetime", "enum", "multi_enum", "array", "json",
    "link", "links", "file", "list_option", "list_options", "range_int", "range_float", "other",
]  # fmt: skip
"""What a value is made of, whatever AtroCore calls the type."""

VARCHAR = 255
"""Characters of a column of which the metadata say nothing."""
# Metadata type -> kind. Source: AtroCore 2.2 metadata, `entityDefs.<E>.fields.<f>.type`; api-contract §5.1.
KINDS: Mapping[str, FieldKind] = MappingProxyType({
    "varchar": "text", "text": "text", "markdown": "text", "wysiwyg": "text", "email": "text", "url": "text",
    "phone": "text", "password": "text", "color": "text",
    "int": "int", "autoincrement": "int", "float": "float", "currency": "float", "bool": "bool",
    "date": "date", "datetime": "datetime", "enum": "enum", "multiEnum": "multi_enum", "array": "array",
    "jsonObject": "json", "jsonArray": "json", "link": "link", "linkParent": "link", "linkMultiple": "links",
    "file": "file", "asset": "file", "image": "file",
    "extensibleEnum": "list_option", "extensibleMultiEnum": "list_options",
    "rangeInt": "range_int", "rangeFloat": "range_float",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One field of an entity, as the Metadata answer describes it."""

    name: str
    type: str
    """AtroCore's name of the type, for example `varchar`."""
    kind: FieldKind
    is_required: bool = False
    is_unique: bool = False
    is_read_only: bool = False
    """Set by the server alone: read-only, protected, or not stored."""
    is_multilang: bool = False
    is_not_null: bool = False
    max_length: int | None = None
    """In characters; None: no limit known."""
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    """As AtroCore writes it, between slashes; None: no pattern."""
    options: tuple[str, ...] | None = None
    """Of enum and multi_enum; None: any value."""
    digits: int | None = None
    """Digits after the decimal mark that the server keeps; None: all."""
    measure: str | None = None
    """Id of the measure whose units this number takes; None: a bare number."""
    list_id: str | None = None
    """Of list_option(s): id of the list (ExtensibleEnum) the options belong to."""
    main_field: str | None = None
    """Of a language variant or a unit: the field it belongs to."""
    locale: str | None = None
    """Of a language variant: its language, for example `de_DE`."""
    has_default: bool = False
    target: str | None = None
    """Of a link: the entity it points to."""
    relation: str | None = None
    """Of many-to-many links: the relation entity, for example `ProductCategory`; else None."""
    foreign: str | None = None
    """Of a link: the link back, on the target entity."""
    column: str | None = None
    """Of a field that shows a column of the relation behind a link: that column; else None."""
    is_not_loaded: bool = False
    """True where single reads leave the ids of a multi-link out (`noLoad`)."""

    @property
    def payload_key(self) -> str:
        """The key under which the value travels: `brand` -> `brandId`, `categories` -> `categoriesIds`.

        Source: api-contract §5.1, wire format per metadata type.
        """
        if self.kind in ("link", "file"):
            return f"{self.name}Id"
        return f"{self.name}Ids" if self.kind == "links" else self.name

    @property
    def unit_key(self) -> str | None:
        """The payload key of the unit's id; None where the field has no measure."""
        return f"{self.name}UnitId" if self.measure else None


@dataclass(frozen=True, slots=True)
class EntitySchema:
    """One entity: its fields by name, in the order of the Metadata answer."""

    name: str
    type: str
    """`Base`, `Hierarchy`, `Relation`, `ReferenceData`, …"""
    fields: Mapping[str, FieldSchema]
    unique_indexes: tuple[tuple[str, ...], ...] = ()
    """Payload keys of each unique index, without `deleted`."""
    has_attributes: bool = False

    @property
    def unique_fields(self) -> tuple[FieldSchema, ...]:
        """Fields that the server's own upsert would look up by."""
        return tuple(f for f in self.fields.values() if f.is_unique)

    def by_payload_key(self, key: str) -> FieldSchema | None:
        """Return the field that travels under `key`, or None."""
        for one in self.fields.values():
            if key in (one.payload_key, one.unit_key):
                return one
        return None


@dataclass(frozen=True, slots=True)
class Schema:
    """All entities of an instance."""

    entities: Mapping[str, EntitySchema]
    languages: tuple[str, ...] = ()
    """Further languages of content, for example `de_DE`; empty: one language only."""
    digest: str = ""
    """SHA-256 over what is kept here; equal schemas have equal digests, whatever server they came from."""

    def entity(self, name: str) -> EntitySchema:
        """Return one entity.

        Raises:
            EntityUnknown: the instance has none of this name; carries the names that come close.
        """
        if name in self.entities:
            return self.entities[name]
        lowered = {known.lower(): known for known in self.entities}
        close = [
            lowered[n] for n in (name.lower(), name.lower().rstrip("s"), f"{name.lower()}s") if n in lowered
        ]
        raise EntityUnknown(name, close=[*close, *get_close_matches(name, self.entities, n=1)])


def read_metadata(answer: Mapping[str, object]) -> Schema:
    """Return the schema in a `GET Metadata` answer: what imports and exports need of it.

    Args:
        answer: the decoded JSON object; other parts of it are not looked at.

    Raises:
        SourceUnreadable: it is no Metadata answer.

    Source: api-contract §9.1.
    """
    defs, scopes = answer.get("entityDefs"), answer.get("scopes")
    if not isinstance(defs, dict) or not isinstance(scopes, dict):
        raise SourceUnreadable(
            "Metadata",
            reason="the answer has no entityDefs and scopes.",
            advice="Ask for it again with `atro-etl schema pull`.",
        )
    entities = {
        name: _entity(name, entity, scopes.get(name) or {})
        for name, entity in defs.items()
        if isinstance(entity, dict) and isinstance(entity.get("fields"), dict)
    }
    languages = sorted({f.locale for e in entities.values() for f in e.fields.values() if f.locale})
    kept = json.dumps({"entityDefs": defs, "scopes": scopes}, sort_keys=True, ensure_ascii=False)
    return Schema(MappingProxyType(entities), tuple(languages), hashlib.sha256(kept.encode()).hexdigest())


def load_snapshot(path: Path) -> Schema:
    """Return the schema that `save_snapshot` wrote.

    Raises:
        SourceUnreadable: the file is no snapshot of a schema.
    """
    try:
        answer = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SourceUnreadable(
            str(path), reason="this is no schema snapshot.", advice="Make one with `atro-etl schema pull`."
        ) from error
    return read_metadata(answer if isinstance(answer, dict) else {})


def save_snapshot(answer: Mapping[str, object], path: Path) -> None:
    """Write the parts of a Metadata answer that `load_snapshot`, and the sandbox, read."""
    kept = {part: answer.get(part, {}) for part in ("entityDefs", "scopes")}
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _entity(name: str, entity: dict[str, object], scope: object) -> EntitySchema:
    links = entity.get("links")
    links = links if isinstance(links, dict) else {}
    scope = scope if isinstance(scope, dict) else {}
    raw_fields = entity["fields"]
    fields = {
        field_name: _field(field_name, one, links.get(field_name) or {})
        for field_name, one in (raw_fields.items() if isinstance(raw_fields, dict) else ())
        if isinstance(one, dict) and isinstance(one.get("type"), str)
    }
    fields.setdefault("id", FieldSchema("id", "varchar", "text"))
    indexes = entity.get("uniqueIndexes")
    unique = tuple(
        tuple(_camel(column) for column in columns if column != "deleted")
        for columns in (indexes.values() if isinstance(indexes, dict) else ())
        if isinstance(columns, list)
    )
    return EntitySchema(
        name,
        type=str(scope.get("type") or "Base"),
        fields=MappingProxyType(fields),
        unique_indexes=unique,
        has_attributes=bool(scope.get("hasAttribute")),
    )


def _field(name: str, raw: dict[str, object], link: object) -> FieldSchema:
    link = link if isinstance(link, dict) else {}
    options = raw.get("options")
    return FieldSchema(
        name,
        type=str(raw["type"]),
        kind=KINDS.get(str(raw["type"]), "other"),
        is_required=bool(raw.get("required")),
        is_unique=bool(raw.get("unique")),
        is_read_only=bool(raw.get("readOnly") or raw.get("protected"))
        # Virtual fields are not stored, except the few that the server acts upon when they are written.
        or (bool(raw.get("notStorable")) and name not in WRITABLE_VIRTUAL),
        is_multilang=bool(raw.get("isMultilang")),
        is_not_null=bool(raw.get("notNull")),
        max_length=_longest(raw),
        minimum=_number(raw.get("min")),
        maximum=_number(raw.get("max")),
        pattern=_text(raw.get("pattern")),
        options=tuple(str(option) for option in options) if isinstance(options, list) else None,
        digits=_whole(raw.get("amountOfDigitsAfterComma")),
        measure=_text(raw.get("measureId")) if not raw.get("unitIdField") else None,
        list_id=_text(raw.get("extensibleEnumId")),
        main_field=_text(raw.get("multilangField") or raw.get("mainField")),
        locale=_text(raw.get("multilangLocale")),
        has_default=raw.get("default") is not None,
        target=_text(link.get("entity") or raw.get("entity")),
        relation=_relation(link.get("relationName")),
        foreign=_text(link.get("foreign")),
        column=_text(raw.get("column")) if raw.get("link") else None,
        is_not_loaded=bool(raw.get("noLoad")),
    )


# Not stored as columns, but a payload may carry them. Source: api-contract §7.6, §8.4.
WRITABLE_VIRTUAL = frozenset({"mainImage", "parent"})


def _relation(name: object) -> str | None:
    # The relation entity is the relation's name with a capital letter. Source: api-contract §11, ProductFile.
    return name[0].upper() + name[1:] if isinstance(name, str) and name else None


def _camel(column: object) -> str:
    head, *tail = str(column).split("_")
    return head + "".join(part.capitalize() for part in tail)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _longest(raw: dict[str, object]) -> int | None:
    """Characters that a field takes: what AtroCore checks, or less where its column is narrower."""
    said = [limit for limit in (_whole(raw.get("maxLength")), _whole(raw.get("len"))) if limit is not None]
    # A column of which nothing is said. Source: observed (upsert of a longer name: "character varying(255)").
    usual = VARCHAR if raw.get("type") == "varchar" else None
    return min(said, default=usual)


def _whole(value: object) -> int | None:
    # Some say `"maxLength": "45"`. Source: observed (metadata of 1.10 and 2.1).
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
