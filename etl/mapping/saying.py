"""What pydantic found wrong with a mapping, said in the words of whoever wrote it."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from etl.mapping.document import MappingDoc
from etl.mapping.findings import MappingProblem, choices, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from etl.mapping.positions import Document

EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "float_type": "a number",
    "dict_type": "keys and values",
    "mapping_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "list_type": "a list",
    "tuple_type": "a list",
}
BOUNDS = {
    "greater_than_equal": "a number of at least {ge}",
    "less_than_equal": "a number of at most {le}",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
}
UNION_STEPS = frozenset({"str", "int", "float", "bool", "constrained-str", "function-before[_name(), str]"})
"""What pydantic adds to a place to say which of several types it tried."""


def explained(
    error: ValidationError, document: Document, *, top: type[BaseModel] = MappingDoc
) -> Iterator[MappingProblem]:
    """Yield each problem once, however many types were tried at its place."""
    seen: set[tuple[str | int, ...]] = set()
    for one in error.errors(include_url=False):
        place = tuple(step for step in one["loc"] if step not in UNION_STEPS)
        is_union = len(place) < len(one["loc"])
        if not (is_union and place in seen):
            seen.add(place)
            yield _say({**one, "loc": place}, document, top)


def _say(error: ErrorDetails, document: Document, top: type[BaseModel]) -> MappingProblem:
    kind, where = error["type"], error["loc"]
    facts = error.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_at(where[:-1], top)
        return finding(
            "unknown_key",
            document.key_spot(*where),
            key=where[-1],
            choices=choices(str(where[-1]), known, what="Keys here"),
        )
    if kind == "missing":
        return finding("missing_key", document.spot(*where[:-1]), key=where[-1])
    if kind == "wrong_form":
        return finding("wrong_form", document.spot(*where), reason=facts["reason"], advice=facts["advice"])
    if kind in ("literal_error", "enum"):
        known = _options_at(where, top)
        return finding(
            "wrong_form",
            document.spot(*where),
            reason=f'"{_shown(error["input"])}" is not known here',
            advice=choices(str(error["input"]), known, what="Known are"),
        )
    expected = EXPECTED.get(kind)
    if kind in BOUNDS:
        expected = BOUNDS[kind].format_map(facts)
    reason = (
        f'{expected} is expected, "{_shown(error["input"])}" stands here'
        if expected
        else f'"{_shown(error["input"])}" cannot be used: {error["msg"]}'
    )
    return finding("wrong_form", document.spot(*where), reason=reason, advice="Correct it.")


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(map(str, value)) + "}"
    return str(value)[:60]


def _keys_at(where: tuple[str | int, ...], top: type[BaseModel]) -> list[str]:
    part = _annotation_at(where, top)
    if isinstance(part, type) and issubclass(part, BaseModel):
        return [field.alias or name for name, field in part.model_fields.items()]
    return []


def _options_at(where: tuple[str | int, ...], top: type[BaseModel]) -> list[str]:
    found: list[str] = []
    for one in _alternatives(_annotation_at(where, top)):
        if get_origin(one) is Literal:
            found += [str(option) for option in get_args(one) if option != ""]
        elif isinstance(one, type) and hasattr(one, "__members__"):
            found += [str(option) for option in one.__members__.values()]
    return found


def _alternatives(annotation: object) -> list[object]:
    if get_origin(annotation) in (Union, UnionType):
        return [inner for one in get_args(annotation) for inner in _alternatives(one)]
    if hasattr(annotation, "__metadata__"):
        return _alternatives(get_args(annotation)[0])
    return [annotation]


def _annotation_at(where: tuple[str | int, ...], top: type[BaseModel]) -> object:
    """Walk the models along the place of an error; steps that are no field (keys of entries) go inwards."""
    current: object = top
    for step in where:
        for one in _alternatives(current):
            if isinstance(one, type) and issubclass(one, BaseModel):
                fields = {field.alias or name: field for name, field in one.model_fields.items()}
                if step in fields:
                    current = fields[str(step)].annotation
                    break
            elif get_origin(one) is not None and get_args(one):
                current = get_args(one)[-1] if get_args(one)[-1] is not Ellipsis else get_args(one)[0]
                break
    parts = [one for one in _alternatives(current) if isinstance(one, type) and issubclass(one, BaseModel)]
    return parts[0] if parts else current
