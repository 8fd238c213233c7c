"""Which files belong to exported records, and under which names they shall lie.

A name is a template: `{number}/{file.name}`. What stands in braces is a column of the export or one of
`file.name`, `file.stem`, `file.ext`, `file.id` and `n`, the place of the file in its record, from 1. Slashes
of the template make folders; those in values do not, so that no name leads out of the folder.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.errors import ConfigurationInvalid
from etl.exporting.addresses import Address
from etl.exporting.cells import ends_of
from etl.exporting.columns import Column, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.api import Record
    from etl.exporting.links import Links
    from etl.exporting.rows import Rows
    from etl.schema import EntitySchema

FILE = "File"
NAMED = "{file.name}"
"""The usual template."""
KEYS = ("name", "hash", "fileSize")
"""What is read of each file; `downloadUrl` comes along. Source: api-contract §7.5, §10; recorded answers."""
SCHEMA = pa.schema(
    [("id", pa.string()), ("target", pa.string()), ("hash", pa.string()), ("bytes", pa.int64()),
     ("url", pa.string()), ("record", pa.string())]
)  # fmt: skip
PLACES = re.compile(r"\{([^{}]+)\}")
OF_FILE = ("file.name", "file.stem", "file.ext", "file.id", "n")
# What Windows, ZIP programs or a path take for something else.
UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
LONGEST_BYTES = 200
"""Of one step of a path: file systems take 255, and clashes add some."""


@dataclass(frozen=True, slots=True)
class Gallery:
    """The files of an export."""

    template: str
    chains: tuple[tuple[Step, ...], ...]
    """Links from a record to its files, the nearest first; the last step of each leads to File. An empty one:
    the record is the file."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What has to be read for it; their headers mean nothing."""
        return tuple(
            Column(Address("value" if chain else "download", FILE, ""), "", chain, key, "text")
            for chain in self.chains
            for key in KEYS
        )

    def of(self, rows: Rows, table: pa.Table, *, links: Links) -> pa.Table:
        """Return the files of a page in the order of its records, with the names that the template gives.

        Args:
            table: the same records as cells, a row each.
        """
        wanted = [one for one in PLACES.findall(self.template) if one not in OF_FILE]
        cells = {name: table[name].to_pylist() for name in dict.fromkeys(wanted)}
        found = [
            _line(record, file, self._target(file, number, {name: cells[name][at] for name in cells}))
            for at, record in enumerate(rows.records)
            for number, file in enumerate(self._files(record, links), start=1)
        ]
        return pa.Table.from_pylist(found, SCHEMA)

    def _files(self, record: Record, links: Links) -> Iterator[Record]:
        """Yield each file of a record once."""
        seen = set()
        for chain in self.chains:
            for file in ends_of(record, chain, links):
                if str(file["id"]) not in seen:
                    seen.add(str(file["id"]))
                    yield file

    def _target(self, file: Record, number: int, cells: Mapping[str, object]) -> str:
        name = PurePosixPath(_safe(str(file.get("name") or file["id"])))
        facts: dict[str, object] = {
            "file.name": name, "file.stem": name.stem, "file.ext": name.suffix.lstrip("."),
            "file.id": file["id"], "n": number, **cells,
        }  # fmt: skip
        steps = self.template.strip("/").split("/")
        return "/".join(_safe(PLACES.sub(lambda one: _plain(facts[one[1]]), step)) for step in steps)


def gallery_of(
    columns: Sequence[Column],
    entity: EntitySchema,
    *,
    template: str,
    headers: Sequence[str],
    is_by_mapping: bool = False,
) -> Gallery:
    """Return which files an export takes along: those its columns lead to; without any, all of the records.

    Args:
        is_by_mapping: its columns are those of a mapping, which leads to files without a column of its own.

    Raises:
        ConfigurationInvalid: nothing leads to files, or the template names what is not there.
    """
    chains = [
        one.steps[: at + 1] for one in columns for at, step in enumerate(one.steps) if step.entity == FILE
    ]
    if not chains and entity.name == FILE:
        chains = [()]
    elif not chains or is_by_mapping:
        chains += [
            (Step(one.payload_key, FILE, one.kind == "links", one),)
            for one in entity.fields.values()
            if one.kind == "file" or (one.kind in ("link", "links") and one.target == FILE)
        ]
    if not chains:
        what = f"{entity.name} has no files."
        raise ConfigurationInvalid(
            "--with-files", what=what, advice="Name a column that leads to them: brand.logo."
        )
    template = template or NAMED
    for name in PLACES.findall(template):
        if name not in (*OF_FILE, *headers):
            known = ", ".join(f"{{{one}}}" for one in (*OF_FILE, *headers))
            raise ConfigurationInvalid(
                "--files-name", what=f'"{{{name}}}" means nothing here.', advice=f"Known are {known}."
            )
    return Gallery(template, tuple(dict.fromkeys(chains)))


@dataclass(slots=True)
class Names:
    """Names that are taken in a folder: two files never share one, on any file system."""

    _taken: dict[str, str] = field(default_factory=dict)
    """What a file system may take for the same -> id of the file that has it."""
    _counts: Counter[str] = field(default_factory=Counter)

    def of(self, target: str, file_id: str) -> str | None:
        """Return the name for a file; None: it has this one already."""
        path = PurePosixPath(target)
        candidate = target
        while (owner := self._taken.get(_alike(candidate))) is not None:
            if owner == file_id:
                return None
            self._counts[_alike(target)] += 1
            number = self._counts[_alike(target)] + 1
            candidate = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        self._taken[_alike(candidate)] = file_id
        return candidate


def _alike(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _line(record: Record, file: Record, target: str) -> dict[str, object]:
    size = file.get("fileSize")
    return {
        "id": str(file["id"]),
        "target": target,
        "hash": str(file.get("hash") or ""),
        "bytes": int(size) if isinstance(size, int | float) else None,
        "url": str(file.get("downloadUrl") or ""),
        "record": str(record["id"]),
    }


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _safe(text: str) -> str:
    """Return a text as one step of a path, on every system; none of them is empty or leads upwards."""
    text = UNSAFE.sub("_", unicodedata.normalize("NFC", text)).strip(". ")
    if RESERVED.fullmatch(text):
        text = f"_{text}"
    if len(text.encode()) > LONGEST_BYTES:
        path = PurePosixPath(text)
        ending = path.suffix if len(path.suffix.encode()) < LONGEST_BYTES // 4 else ""
        kept = LONGEST_BYTES - len(ending.encode())
        text = text.encode()[:kept].decode(errors="ignore").rstrip(". ") + ending
    return text or "_"
