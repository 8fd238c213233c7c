"""Pages that were read, kept in the folder of the run until the file is whole: so an export can go on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.exporting.pulling import Exported

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LAST, RECORDS = b"last", b"records"
PIECE_ROWS, PIECE_BYTES = 10_000, 16 * 2**20
"""Of pages that are written at once."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How far the pages on disk go."""

    records: int
    last_ids: Mapping[int, str]
    """Range -> the id to go on behind."""


class Stage:
    """Pages on disk, each with the id to go on behind; range by range, those of a range in their order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._count = len(self._files())

    def put(self, page: Exported) -> None:
        """Keep a page; after a kill it is there as a whole or not at all."""
        facts = {LAST: page.last_id.encode(), RECORDS: str(page.records).encode()}
        table = page.rows.replace_schema_metadata(facts)
        self._count += 1
        if page.files is not None:
            # First, so that a page that is there has its files.
            self._keep(page.files, f"{page.range:03}-{self._count:08}.files")
        self._keep(table, f"{page.range:03}-{self._count:08}.arrow")

    def _keep(self, table: pa.Table, name: str) -> None:
        part = self.folder / "page.part"
        with pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        part.replace(self.folder / name)

    def files(self) -> Iterator[pa.Table]:
        """Yield which files belong to the records of each page, in the order of the pages."""
        for path in self._files():
            with pa.OSFile(str(path.with_suffix(".files")), "rb") as source:
                yield pa.ipc.open_file(source).read_all()

    def pages(self) -> Iterator[Exported]:
        """Yield the pages that are kept, one in memory at a time."""
        for path in self._files():
            with pa.OSFile(str(path), "rb") as source:
                table = pa.ipc.open_file(source).read_all()
            facts = table.schema.metadata or {}
            yield Exported(
                table.replace_schema_metadata(None),
                int(facts.get(RECORDS, b"0")),
                facts.get(LAST, b"").decode(),
                range=_range(path),
            )

    def tables(self) -> Iterator[pa.Table]:
        """Yield all rows, several pages at once: files are written in fewer, larger pieces."""
        held: list[pa.Table] = []
        for page in self.pages():
            held.append(page.rows)
            if sum(map(len, held)) >= PIECE_ROWS or sum(one.nbytes for one in held) >= PIECE_BYTES:
                yield pa.concat_tables(held).combine_chunks()
                held = []
        if held:
            yield pa.concat_tables(held).combine_chunks()

    def kept(self) -> Kept:
        """Return how far the pages go."""
        records = 0
        last_ids: dict[int, str] = {}
        for path in self._files():
            with pa.OSFile(str(path), "rb") as source:
                facts = pa.ipc.open_file(source).schema.metadata or {}
            records += int(facts.get(RECORDS, b"0"))
            last_ids[_range(path)] = facts.get(LAST, b"").decode()
        return Kept(records, last_ids)

    def clear(self) -> None:
        """Throw all pages away."""
        shutil.rmtree(self.folder)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.arrow"))


def _range(path: Path) -> int:
    return int(path.name.partition("-")[0])
