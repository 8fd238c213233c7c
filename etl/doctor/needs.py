"""Which rights mappings need, and whether a user has them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from etl.doctor.findings import Finding, note, ok, problem, warning
from etl.mapping.entities import entity_of
from etl.mapping.fitting import files_of_main_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl import mapping as language
    from etl.api import Session
    from etl.mapping.document import FieldDoc
    from etl.schema import EntitySchema, FieldSchema, Schema


class Action(StrEnum):
    """A right on an entity, by AtroCore's name. Source: api-contract §1.1, §6.1 (attribute values)."""

    READ = "read"
    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    CREATE_ATTRIBUTE_VALUE = "createAttributeValue"


@dataclass(frozen=True, slots=True)
class Need:
    """The rights on one entity that mappings need."""

    entity: str
    actions: frozenset[Action]


def needs_of(mappings: Sequence[language.Mapping], schema: Schema) -> tuple[Need, ...]:
    """Return the least rights under which these mappings can be imported, by entity in alphabetical order.

    Raises:
        MappingInvalid: a mapping names an entity that the instance does not have.
    """
    found: dict[str, set[Action]] = {}
    for mapping in mappings:
        for part in mapping.parts():
            for entity, action in _of_part(part, schema):
                found.setdefault(entity, {Action.READ}).add(action)
    return tuple(Need(entity, frozenset(actions)) for entity, actions in sorted(found.items()))


def _of_part(part: language.Mapping, schema: Schema) -> Iterator[tuple[str, Action]]:
    entity = entity_of(part, schema)
    yield entity.name, Action.READ
    if part.write in ("upsert", "create"):
        yield entity.name, Action.CREATE
    if part.write in ("upsert", "update") or part.doc.on_absent == "deactivate":
        yield entity.name, Action.EDIT
    if part.doc.on_absent == "delete":
        yield entity.name, Action.DELETE
    if part.doc.attributes:
        yield entity.name, Action.CREATE_ATTRIBUTE_VALUE
        yield "Attribute", Action.READ
    for name, doc in part.fields.items():
        field = _field(entity, name)
        if field is None:
            continue
        yield from _of_relation(field, doc, entity, schema)
        yield from _of_files(doc)
        if field.target is None:
            continue
        yield field.target, Action.READ
        if doc.link is not None and doc.link.missing == "create":
            yield field.target, Action.CREATE


def _of_relation(
    field: FieldSchema, doc: FieldDoc, entity: EntitySchema, schema: Schema
) -> Iterator[tuple[str, Action]]:
    """Relation records are written where a mapping gives them fields of their own, and for files always."""
    many = files_of_main_image(field, entity, schema)
    relation = many.relation if many is not None else field.relation
    if relation is None or (doc.each is None and doc.file is None and many is None):
        return
    yield from ((relation, action) for action in (Action.READ, Action.CREATE, Action.EDIT))
    if doc.links == "replace":
        yield relation, Action.DELETE


def _of_files(doc: FieldDoc) -> Iterator[tuple[str, Action]]:
    if doc.file is None:
        return
    yield from (("File", action) for action in (Action.READ, Action.CREATE))
    if doc.file.folder is not None:
        yield from (("Folder", action) for action in (Action.READ, Action.CREATE))
    if doc.file.type is not None:
        yield "FileType", Action.READ
    if doc.file.share is not None:
        yield from (("Sharing", action) for action in (Action.READ, Action.CREATE, Action.EDIT))


def _field(entity: EntitySchema, name: str) -> FieldSchema | None:
    """Return the field that an entry means: `number|sku` and `name@de_DE` are ways to write one."""
    names = (one.partition("@")[0] for one in name.split("|"))
    return next((entity.fields[one] for one in names if one in entity.fields), None)


def least_role(needs: Sequence[Need]) -> dict[str, dict[str, str]]:
    """Return a role as AtroCore's page shows it: entity -> right -> level, without rights that nobody needs.

    Reading, editing and deleting are needed of all records, not only of one's own: what cannot be seen would
    be created once more.
    """
    level = {Action.CREATE: "yes", Action.CREATE_ATTRIBUTE_VALUE: "yes"}
    return {
        need.entity: {action.value: level.get(action, "all") for action in Action if action in need.actions}
        for need in needs
    }


def check_rights(needs: Sequence[Need], session: Session) -> list[Finding]:
    """Return what a user may not do, and what it may do only with some records."""
    if session.is_admin:
        return [ok("rights", f"{session.user or 'the user'} is an administrator and may do everything")]
    if not session.acl:
        return [note("rights", "the server does not tell what the user may do")]
    findings: list[Finding] = []
    for need in needs:
        levels = {action: _level(session.acl, need.entity, action) for action in need.actions}
        lacking = sorted(action for action, level in levels.items() if level == "no")
        if lacking:
            what = f"no right to {' and '.join(lacking)} {need.entity}"
            findings.append(problem("rights", what, advice="Add it to the user's role in AtroCore."))
        partly = sorted(action for action, level in levels.items() if level in ("own", "team"))
        if partly:
            findings.append(
                warning(
                    "hidden",
                    f"the user may {' and '.join(partly)} only some records of {need.entity}",
                    advice="Give it the level all: a record that cannot be seen is created once more.",
                )
            )
    return findings or [ok("rights", "the user may do what the mappings need")]


def _level(acl: Mapping[str, object], entity: str, action: Action) -> str:
    """Return the level of a right: yes, all, own, team, no. What is not named is not held back."""
    levels = acl.get(entity)
    if isinstance(levels, bool):
        return "all" if levels else "no"
    level = levels.get(action.value) if isinstance(levels, dict) else None
    return level if isinstance(level, str) else "all"
