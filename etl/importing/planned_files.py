"""What a plan would upload, and for which rows, until it is written into the plan."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from etl.files import Address
from etl.planning.uploads import PlannedFile, upload_lines
from etl.resolving.keys import PART_SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from etl.files import Stored
    from etl.model import FilesFrom
    from etl.planning.ends import FilesOfRows

Key: TypeAlias = "tuple[FilesFrom, str]"
"""What makes one file of a mapping: where it is found and how it is kept, and the text of its cell."""
Rows: TypeAlias = "dict[PlannedFile, dict[int, None]]"


class PlannedFiles:
    """Files that are not in AtroCore yet, each told with every portion of rows that needs it."""

    def __init__(self) -> None:
        self._files: dict[Key, PlannedFile] = {}
        self._rows: defaultdict[tuple[str, str | None], Rows] = defaultdict(dict)
        """By file and sheet of the source."""

    def add(self, key: Key, stored: Stored, *, file_id: str) -> None:
        """Learn of a file that would be uploaded."""
        wanted, share = stored.wanted, stored.wanted.share
        where = wanted.source
        is_path = isinstance(where, Path)
        self._files[key] = PlannedFile(
            file_id,
            key[1].partition(PART_SEPARATOR)[0],
            path=str(where.absolute()) if isinstance(where, Path) else "",
            url=where.url if isinstance(where, Address) else "",
            fetch="client" if is_path else key[0].fetch,
            size_bytes=stored.size_bytes,
            md5=stored.md5,
            name=wanted.name,
            folder=wanted.folder,
            type_=wanted.type_,
            tags=wanted.tags,
            is_shared=share is not None,
            share_name=share.name if share is not None else "",
            share_till=share.valid_till if share is not None else "",
            extensions=wanted.rules.extensions,
            most_bytes=wanted.rules.most_bytes,
        )

    def need(self, files: FilesOfRows) -> None:
        """Learn which rows need the files that were added."""
        origin = files.links.target.files
        if origin is None or not self._files:
            return
        rows = self._rows[files.file, files.sheet]
        for row, texts in zip(files.numbers.to_pylist(), files.links.texts.to_pylist(), strict=True):
            for text in texts if isinstance(texts, list) else [texts]:
                if (planned := self._files.get((origin, text))) is not None:
                    named = dataclasses.replace(planned, column=files.links.column)
                    rows.setdefault(named, {})[row] = None

    def take(self) -> Iterator[pa.RecordBatch]:
        """Yield the lines of what was needed since the last call."""
        taken = dict(self._rows)
        self._rows.clear()
        for (file, sheet), files in taken.items():
            if files:
                lines = {one: sorted(rows) for one, rows in files.items()}
                yield upload_lines(lines, file=file, sheet=sheet)
