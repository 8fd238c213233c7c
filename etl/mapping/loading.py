"""A mapping from its file: read, checked in its form, frozen. Every problem is told at once."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from etl.errors import MappingInvalid
from etl.mapping.document import MappingDoc
from etl.mapping.extending import read_text
from etl.mapping.findings import MappingProblem, finding, in_order
from etl.mapping.saying import explained

if TYPE_CHECKING:
    from collections import abc
    from pathlib import Path

    from etl.mapping.document import EntityDoc, FieldDoc
    from etl.mapping.findings import Spot
    from etl.mapping.positions import Document
    from etl.mapping.table_parts import SourceDoc


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping that is right in its form. With blocks it is all of them; `parts` are what can be run."""

    path: Path
    digest: str
    """SHA-256 of the text, and of the texts it extends."""
    document: MappingDoc
    """All that the text says."""
    doc: EntityDoc
    """What is said of the entity: the document, or one of its blocks."""
    text: Document
    """Where everything stands, for messages."""
    prefix: tuple[str | int, ...] = ()
    """Where `doc` stands in the text."""
    block: str = ""
    """The id of the block; empty: the mapping has none."""
    unknown: tuple[MappingProblem, ...] = ()
    """Keys of the text that nobody knows: left out, and told with whatever else is wrong."""

    @property
    def entity(self) -> str:
        """The entity that is written; of a mapping with blocks the first one."""
        return self.doc.entity or self.document.blocks[0].entity

    @property
    def key(self) -> tuple[str, ...]:
        """The fields that tell records apart; empty: every row is a new record."""
        return self.doc.key

    @property
    def write(self) -> Literal["upsert", "create", "update", "none"]:
        """What may be done to records."""
        return self.doc.write

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
        return self.doc.fields

    @property
    def on_duplicate(self) -> Literal["fail", "first", "last"]:
        """What happens to a key that stands twice in the source."""
        return self.doc.on_duplicate

    def parts(self) -> tuple[Mapping, ...]:
        """Return what is run, one by one: the mapping, or its blocks in the order their links need."""
        if not self.document.blocks:
            return (self,)
        parts = {
            block.id: dataclasses.replace(self, doc=block, prefix=("blocks", position), block=block.id)
            for position, block in enumerate(self.document.blocks)
        }
        needs = {name: block_needs(part.doc) - {name} for name, part in parts.items()}
        ordered: list[str] = []
        while len(ordered) < len(parts):
            free = [
                name for name in parts if name not in ordered and needs[name] & set(parts) <= set(ordered)
            ]
            # Blocks that need each other run in the order of the text; `check` told about them.
            ordered.append(free[0] if free else next(name for name in parts if name not in ordered))
        return tuple(parts[name] for name in ordered)

    def insist_on_known_keys(self) -> None:
        """Refuse a text with keys that nobody knows.

        Raises:
            MappingInvalid: with the place of each.
        """
        if self.unknown:
            raise MappingInvalid(str(self.path), problems=[str(one) for one in self.unknown])

    def spot(self, *path: str | int) -> Spot:
        """Return where a value of `doc` stands."""
        return self.text.spot(*self.prefix, *path)

    def key_spot(self, *path: str | int) -> Spot:
        """Return where the key of an entry of `doc` stands."""
        return self.text.key_spot(*self.prefix, *path)


def block_needs(doc: EntityDoc) -> set[str]:
    """Return the ids of the blocks whose records this one links to."""
    links = [one.link for one in (*doc.fields.values(), *doc.attributes.values()) if one.link]
    return {link.of for link in links if link.of}


def load(path: Path) -> Mapping:
    """Return the mapping in the file at `path`.

    Raises:
        SourceMissing: there is no such file.
        MappingInvalid: with every problem of its form, sorted by line.
    """
    mapping = load_to_bind(path)
    mapping.insist_on_known_keys()
    return mapping


def load_to_bind(path: Path) -> Mapping:
    """Return the mapping in the file at `path`; `bind_parts` tells of keys that nobody knows, with all else.

    Raises:
        SourceMissing: there is no such file.
        MappingInvalid: it has no form, with every problem of that.
    """
    mapping, problems = read(path)
    if mapping is None:
        raise MappingInvalid(str(path), problems=[str(one) for one in problems])
    return mapping


def read(path: Path) -> tuple[Mapping | None, list[MappingProblem]]:
    """Return the mapping as far as it is understood, and every problem of its form, sorted by line.

    Keys that are not known are told and left out, so that what else is wrong can be told with them. None:
    what is left has no form.

    Raises:
        SourceMissing: there is no such file.
    """
    document, digest = read_text(path)
    if document.problems:
        return None, in_order(document.problems)
    problems: list[MappingProblem] = []
    data = document.data if document.data is not None else {}
    if isinstance(data, dict) and not {"entity", "blocks"} & set(data):
        problems.append(finding("missing_key", document.spot(), key="entity"))
    whole = None
    try:
        whole = MappingDoc.model_validate(data)
    except ValidationError as error:
        told = list(explained(error, document))
        if all(one.code == "unknown_key" for one in told):
            whole = _without_unknown(data, error)
        problems += told
    if whole is None or any(one.code != "unknown_key" for one in problems):
        return None, in_order(problems)
    problems = in_order(problems)
    return Mapping(path, digest, whole, whole, document, unknown=tuple(problems)), problems


def _without_unknown(data: object, error: ValidationError) -> MappingDoc | None:
    """Read a document without the keys that nobody knows; None: it has no form without them either."""
    left = copy.deepcopy(data)
    for one in error.errors(include_url=False):
        inner: object = left
        for step in one["loc"][:-1]:
            # A step may be the name of a type that pydantic tried.
            if isinstance(inner, dict):
                inner = inner.get(step, inner)
            elif isinstance(inner, list) and isinstance(step, int):
                inner = inner[step]
        if isinstance(inner, dict):
            inner.pop(one["loc"][-1], None)
    try:
        return MappingDoc.model_validate(left)
    except ValidationError:
        return None
