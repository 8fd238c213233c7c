"""Which rights mappings need, and whether a user has them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from etl.doctor.findings import Finding, note, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl import mapping as language
    from etl.api import Session
    from etl.schema import EntitySchema, Schema


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
        EntityUnknown: a mapping names an entity that the instance does not have.
    """
    found: dict[str, set[Action]] = {}
    for mapping in mappings:
        for part in mapping.parts():
            for entity, action in _of_part(part, schema):
                found.setdefault(entity, {Action.READ}).add(action)
    return tuple(Need(entity, frozenset(actions)) for entity, actions in sorted(found.items()))


def _of_part(part: language.Mapping, schema: Schema) -> Iterator[tuple[str, Action]]:
    entity = schema.entity(part.entity)
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
    for name, field in part.fields.items():
        target = _target(entity, name)
        if target is None:
            continue
        yield target, Action.READ
        if field.link is not None and field.link.missing == "create":
            yield target, Action.CREATE


def _target(entity: EntitySchema, name: str) -> str | None:
    """Return where a field of a mapping links to: `number|sku` and `name@de_DE` are ways to write a field."""
    for one in name.split("|"):
        field = entity.fields.get(one.partition("@")[0])
        if field is not None:
            return field.target
    return None


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
