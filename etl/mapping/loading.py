"""A mapping from its file: read, checked in its form, frozen. Every problem is told at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from etl.errors import MappingInvalid, SourceMissing
from etl.mapping.document import FieldDoc, MappingDoc, SourceDoc
from etl.mapping.findings import MappingProblem, choices, close_to, finding, in_order
from etl.mapping.positions import Document, parse

if TYPE_CHECKING:
    from collections import abc
    from pathlib import Path

    from pydantic_core import ErrorDetails

MAX_BYTES = 4_000_000
EXPECTED = {
    "string_type": "a text", "int_type": "a whole number", "bool_type": "true or false", "dict_type": "keys and values",
    "mapping_type": "keys and values", "list_type": "a list", "tuple_type": "a list", "float_type": "a number",
    "model_type": "keys and values", "model_attributes_type": "keys and values",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping that is right in its form."""

    path: Path
    digest: str
    """SHA-256 of the text, and of the texts it extends."""
    document: MappingDoc
    text: Document
    """Where everything stands, for messages."""

    @property
    def entity(self) -> str:
        """The entity that is written."""
        return self.document.entity

    @property
    def key(self) -> tuple[str, ...]:
        """The fields that tell records apart; empty: every row is a new record."""
        return self.document.key

    @property
    def write(self) -> Literal["upsert", "create", "update", "none"]:
        """What may be done to records."""
        return self.document.write

    @property
    def source(self) -> SourceDoc:
        """Where the rows come from, as written; `source_path` is ready to be opened."""
        return self.document.source

    @property
    def source_path(self) -> Path | None:
        """The source, found from where the mapping lies; None where the mapping names none."""
        return self.path.parent / self.source.file if self.source.file else None

    @property
    def fields(self) -> abc.Mapping[str, FieldDoc]:
        """What each field is made of, in the order of the text."""
        return self.document.fields

    @property
    def on_duplicate(self) -> Literal["fail", "first", "last"]:
        """What happens to a key that stands twice in the source."""
        return self.document.on_duplicate


def load(path: Path) -> Mapping:
    """Return the mapping in the file at `path`.

    Raises:
        SourceMissing: there is no such file.
        MappingInvalid: with every problem of its form, sorted by line.
    """
    mapping, problems = read(path)
    if mapping is None:
        raise MappingInvalid(str(path), problems=[str(one) for one in problems])
    return mapping


def read(path: Path) -> tuple[Mapping | None, list[MappingProblem]]:
    """Return the mapping, or None and every problem of its form, sorted by line.

    Raises:
        SourceMissing: there is no such file.
    """
    document, digest = _text(path)
    if document.problems:
        return None, in_order(document.problems)
    try:
        return Mapping(path, digest, MappingDoc.model_validate(document.data or {}), document), []
    except ValidationError as error:
        return None, in_order(_say(one, document) for one in error.errors(include_url=False))


def _text(path: Path) -> tuple[Document, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        near = sorted(one.name for one in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        close = close_to(path.name, near)
        raise SourceMissing(str(path), close=[str(path.with_name(close))] if close else []) from error
    digest = hashlib.sha256(content).hexdigest()
    document = Document(str(path))
    advice = "Save it as UTF-8."
    if len(content) > MAX_BYTES:
        reason, advice = f"it has {len(content)} bytes", "A mapping is a text that people write."
        document.problems.append(finding("yaml_invalid", document.spot(), reason=reason, advice=advice))
        return document, digest
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is no UTF-8"
        document.problems.append(finding("yaml_invalid", document.spot(), reason=reason, advice=advice))
        return document, digest
    return parse(text, str(path)), digest


def _say(error: ErrorDetails, document: Document) -> MappingProblem:
    kind, where = error["type"], error["loc"]
    facts = error.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_at(where[:-1])
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
        known = _options_at(where)
        return finding(
            "wrong_form",
            document.spot(*where),
            reason=f'"{_shown(error["input"])}" is not known here',
            advice=choices(str(error["input"]), known, what="Known are"),
        )
    expected = EXPECTED.get(kind)
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


def _keys_at(where: tuple[str | int, ...]) -> list[str]:
    part = _annotation_at(where)
    if isinstance(part, type) and issubclass(part, BaseModel):
        return [field.alias or name for name, field in part.model_fields.items()]
    return []


def _options_at(where: tuple[str | int, ...]) -> list[str]:
    found: list[str] = []
    for one in _alternatives(_annotation_at(where)):
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


def _annotation_at(where: tuple[str | int, ...]) -> object:
    """Walk the models along the place of an error; steps that are no field (a key of a mapping) go inwards."""
    current: object = MappingDoc
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
