"""YAML text into plain values with their places. Plain scalars stay what was typed: `010`, `no`, `12:30`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from etl.mapping.findings import MappingProblem, Spot, finding

if TYPE_CHECKING:
    from collections.abc import Mapping

Path_: TypeAlias = "tuple[str | int, ...]"
"""Where a value stands: keys and 0-based positions from the top."""
Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"

MAX_DEPTH = 40
WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
FRACTION = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?")
WORDS: Mapping[str, bool | None] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip
KNOWN_TAGS = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp")
)


@dataclass(slots=True)
class Document:
    """The values of one YAML text."""

    file: str
    """As the user gave it; for messages."""
    data: Plain = None
    values: dict[Path_, Spot] = field(default_factory=dict)
    """Path -> where its value begins."""
    keys: dict[Path_, Spot] = field(default_factory=dict)
    """Path of an entry -> where its key stands."""
    problems: list[MappingProblem] = field(default_factory=list)

    def spot(self, *path: str | int) -> Spot:
        """Return where the value at `path` stands, or the nearest one above it that is written down."""
        return _nearest(self.values, path, self.file)

    def key_spot(self, *path: str | int) -> Spot:
        """Return where the key of the entry at `path` stands, or the nearest entry above it."""
        return _nearest({**self.values, **self.keys}, path, self.file)


def parse(text: str, file: str) -> Document:
    """Return the values of `text` and every problem of its form.

    YAML 1.2. A key given twice, an anchor, an alias, a tag are problems; no tag ever constructs anything.
    """
    document = Document(file)
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except RecursionError:
        document.problems.append(_invalid(Spot(file=file), "it is nested too deeply", "Flatten it."))
        return document
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = Spot(mark.line + 1, mark.column + 1, file) if mark else Spot(file=file)
        document.problems.append(_invalid(spot, str(error.problem or error.context), "Correct it."))
        return document
    except YAMLError as error:
        document.problems.append(_invalid(Spot(file=file), str(error).splitlines()[0], "Correct it."))
        return document
    if node is not None:
        document.data = _plain(node, (), document=document, seen=set())
    return document


def _plain(node: Node, path: Path_, *, document: Document, seen: set[int]) -> Plain:
    spot = _spot(node, document.file)
    document.values[path] = spot
    if id(node) in seen:
        reason = "anchors and aliases (& and *) are not used here"
        document.problems.append(_invalid(spot, reason, 'Write it out, or use "extends".'))
        return None
    seen.add(id(node))
    if node.tag not in KNOWN_TAGS:
        document.problems.append(_invalid(spot, f"the tag {node.tag} means nothing here", "Remove it."))
        return None
    if len(path) > MAX_DEPTH:
        document.problems.append(_invalid(spot, "it is nested too deeply", "Flatten it."))
        return None
    if isinstance(node, ScalarNode):
        return _scalar(node)
    if isinstance(node, SequenceNode):
        return [
            _plain(item, (*path, position), document=document, seen=seen)
            for position, item in enumerate(node.value)
        ]
    return _mapping(node, path, document=document, seen=seen) if isinstance(node, MappingNode) else None


def _mapping(node: MappingNode, path: Path_, *, document: Document, seen: set[int]) -> dict[str, Plain]:
    entries: dict[str, Plain] = {}
    for key, value in node.value:
        spot = _spot(key, document.file)
        if not isinstance(key, ScalarNode):
            document.problems.append(_invalid(spot, "a key is not a single text", "Quote it."))
            continue
        name = str(key.value)
        if name in entries:
            first = document.keys[*path, name].line
            reason = f'the key "{name}" stands here a second time, the first is in line {first}'
            document.problems.append(_invalid(spot, reason, "Keep one of them."))
            continue
        document.keys[*path, name] = spot
        entries[name] = _plain(value, (*path, name), document=document, seen=seen)
    return entries


def _scalar(node: ScalarNode) -> Plain:
    text = str(node.value)
    if node.style is not None:
        return text
    if text in WORDS:
        return WORDS[text]
    if WHOLE.fullmatch(text):
        return int(text)
    return float(text) if FRACTION.fullmatch(text) else text


def _spot(node: Node, file: str) -> Spot:
    return Spot(node.start_mark.line + 1, node.start_mark.column + 1, file)


def _nearest(spots: Mapping[Path_, Spot], path: Path_, file: str) -> Spot:
    for length in range(len(path), -1, -1):
        if path[:length] in spots:
            return spots[path[:length]]
    return Spot(file=file)


def _invalid(spot: Spot, reason: str, advice: str) -> MappingProblem:
    return finding("yaml_invalid", spot, reason=reason, advice=advice)
