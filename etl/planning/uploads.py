"""Files that a plan would have uploaded, as lines of it: which content, from where, and how it is kept.

Their lines stand before those of the rows that need them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa

from etl.planning.from_lines import members_of
from etl.planning.lines import LAYOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

UPLOAD = "upload"
"""The kind of these lines."""
PART = "uploads"
ENTITY = "File"


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that is not in AtroCore, and shall stand there."""

    file_id: str
    """Of the record that it becomes. Of an address that nobody has fetched yet, a stand-in."""
    cell: str
    """As the source names it."""
    column: str = ""
    """Of the source."""
    path: str = ""
    """Absolute; empty: it has an address."""
    url: str = ""
    fetch: str = "client"
    """Who fetches the address: `client` or `server`."""
    size_bytes: int = 0
    md5: str = ""
    """Hexadecimal; empty: the content is not known beforehand."""
    name: str = ""
    """In AtroCore; empty: that of the path, or the last part of the address."""
    folder: str = ""
    type_: str = ""
    tags: tuple[str, ...] = ()
    """Ids."""
    is_shared: bool = False
    share_name: str = ""
    share_till: str = ""
    extensions: tuple[str, ...] = ()
    most_bytes: int | None = None

    @property
    def text(self) -> str:
        """What is told of it: `a.png, 20,480 bytes, MD5 9e10…, into shop/images`."""
        known = [f"{self.size_bytes:,} bytes, MD5 {self.md5}"] if self.md5 else ["not fetched yet"]
        name = self.name or PurePosixPath(self.cell).name
        return ", ".join([name, *known, *([f"into {self.folder}"] if self.folder else [])])


def upload_lines(
    files: Mapping[PlannedFile, Sequence[int]], *, file: str, sheet: str | None
) -> pa.RecordBatch:
    """Return a line for each file, with the source rows that need it."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "file": file,
                "sheet": sheet,
                "row": rows[0],
                "entity": ENTITY,
                "part": PART,
                "key": one.cell,
                "id": one.file_id,
                "kind": UPLOAD,
                "new": orjson.dumps(_facts(one)).decode(),
                "new_text": one.text,
                "members": " ".join(map(str, rows)) if len(rows) > 1 else None,
                "step": 0,
            }
            for one, rows in files.items()
        ],
        schema=LAYOUT,
    )


def planned_files(lines: pa.RecordBatch) -> Iterator[tuple[PlannedFile, tuple[int, ...]]]:
    """Yield the files that lines of this kind tell of, and the source rows that need each."""
    for line in lines.to_pylist():
        said = orjson.loads(line["new"])
        said |= {name: tuple(said[name]) for name in ("tags", "extensions")}
        yield PlannedFile(line["id"], line["key"], **said), members_of(line["members"], line["row"])


def _facts(one: PlannedFile) -> dict[str, object]:
    said = dataclasses.asdict(one)
    return {name: value for name, value in said.items() if name not in ("file_id", "cell")}
