"""The text of a mapping, with the mappings it extends worked in: own keys win."""

from __future__ import annotations

import hashlib
import os
from pathlib import PurePath
from typing import TYPE_CHECKING

from etl.errors import SourceMissing
from etl.mapping.findings import close_to, finding
from etl.mapping.positions import Document, Plain, parse

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 4_000_000
MERGED = frozenset({"fields", "attributes", "associations", "columns", "markers", "source", "rows"})
"""Keys whose entries are worked in one by one; a null takes the entry of the base away."""


def read_text(path: Path, *, above: tuple[Path, ...] = ()) -> tuple[Document, str]:
    """Return the values of the file and of all it extends, and the digest of all their texts.

    Raises:
        SourceMissing: there is no such file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        near = sorted(one.name for one in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        close = close_to(path.name, near)
        raise SourceMissing(str(path), close=[str(path.with_name(close))] if close else []) from error
    document = _parsed(content, str(path))
    digest = hashlib.sha256(content).hexdigest()
    base = document.data.get("extends") if isinstance(document.data, dict) else None
    if document.problems or not isinstance(base, str):
        return document, digest
    place = path.parent / base
    reason = ""
    if place.resolve() in {one.resolve() for one in (*above, path)}:
        reason = "it extends itself"
    elif not place.is_file():
        reason = "there is no such file"
    if reason:
        document.problems.append(
            finding("extends_unusable", document.spot("extends"), file=base, reason=reason)
        )
        return document, digest
    below, below_digest = read_text(place, above=(*above, path))
    document.problems += below.problems
    _work_in(document, below, folder=os.path.relpath(place.parent, path.parent))
    return document, hashlib.sha256(f"{digest}{below_digest}".encode()).hexdigest()


def _parsed(content: bytes, file: str) -> Document:
    document = Document(file)
    if len(content) > MAX_BYTES:
        reason, advice = f"it has {len(content)} bytes", "A mapping is a text that people write."
        document.problems.append(finding("yaml_invalid", document.spot(), reason=reason, advice=advice))
        return document
    try:
        return parse(content.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is no UTF-8"
        advice = "Save it as UTF-8."
        document.problems.append(finding("yaml_invalid", document.spot(), reason=reason, advice=advice))
        return document


def _work_in(own: Document, below: Document, *, folder: str) -> None:
    """Add to `own` what only `below` says; places lead to where each entry was written."""
    if not isinstance(own.data, dict) or not isinstance(below.data, dict):
        return
    if folder != ".":
        _move_files(below.data, folder)
    for key, value in below.data.items():
        if key == "extends":
            continue
        if key not in own.data:
            own.data[key] = value
            _lead(own, below, (key,))
        elif key in MERGED and isinstance(value, dict) and isinstance(own.data[key], dict):
            entries = own.data[key]
            assert isinstance(entries, dict)  # noqa: S101  the line above, for the type checker
            merged = {**value, **entries}
            own.data[key] = {name: entry for name, entry in merged.items() if entry is not None}
            for name in value:
                if name not in entries:
                    _lead(own, below, (key, name))


def _lead(own: Document, below: Document, path: tuple[str | int, ...]) -> None:
    for spots, further in ((own.values, below.values), (own.keys, below.keys)):
        spots.update({place: spot for place, spot in further.items() if place[: len(path)] == path})


def _move_files(value: Plain, folder: str) -> None:
    """Let files that the base names be found from the mapping that extends it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "file" and isinstance(inner, str):
                value[key] = f"{folder}/{inner}"
            elif key == "file" and isinstance(inner, dict) and isinstance(inner.get("base"), str):
                # A folder from the root of the disk stays what it is.
                inner["base"] = str(PurePath(folder, str(inner["base"])))
            else:
                _move_files(inner, folder)
    elif isinstance(value, list):
        for inner in value:
            _move_files(inner, folder)
