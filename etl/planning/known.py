"""What is known of the records that a mapping made in an instance: a sorted Parquet file in the state folder.

A line for each key: the record's id, what its row was made from, the server's `modifiedAt` after it, and what
was last written into each field. The file is rewritten beside and renamed; what a run learns stands in a
journal beside it before that, so that a killed run loses none of it. What cannot be trusted is not read.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import xxhash
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Halves: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint64]]"
Marks: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bool_]]"

FOLDER = "known"
"""Name in the state folder."""
FORMAT = 1
"""Of the file; what another format holds is not read."""
META = b"atro-etl-known"
"""Where the header stands among the key-value metadata of the file."""
DIGEST_BYTES = 16
WROTE = "wrote:"
"""What columns begin with that hold prints of written values; the payload key follows."""
LAYOUT = pa.schema(
    [
        # xxh3_128 of the canonical key; the file is sorted by it.
        ("key", pa.binary(DIGEST_BYTES)),
        ("text", pa.string()),
        # Null, in a journal: there is no such record any more.
        ("id", pa.string()),
        # Fingerprint of what the row was made from; null: the row is compared with the server next time.
        ("made_from", pa.binary(DIGEST_BYTES)),
        # As the server writes it: `2026-11-21 18:23:56`, UTC.
        ("modified_at", pa.string()),
    ]
)
PART_LINES = 65_536
"""Lines that are sorted or compared at once."""
GROUP_LINES = 16_384
SPACE = 1 << 64


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a known state is about; one of anything else is not trusted."""

    url: str
    """Of the instance."""
    mapping: str
    """Its file, seen from the folder that the state folder lies in."""
    block: str
    """Of the mapping; empty: it has none."""
    entity: str
    key_fields: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its files, without suffix."""
        stem = re.sub(r"[^\w.-]+", "-", self.mapping.rpartition("/")[2].rpartition(".")[0] or "mapping")
        whole = f"{self.url}\x1f{self.mapping}\x1f{self.block}"
        parts = [stem[:40], self.block, xxhash.xxh3_64_hexdigest(whole.encode())]
        return "-".join(part for part in parts if part)


def name_of(mapping: Path, state: Path) -> str:
    """Return the name of a mapping as its known state says it; the project may be moved as a whole."""
    path, home = mapping.resolve(), state.resolve().parent
    try:
        return Path(os.path.relpath(path, home)).as_posix()
    except ValueError:  # on another drive
        return path.as_posix()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHeader:
    """What a known state says of itself."""

    about: About
    context: str = ""
    """Digest of all that rows are made with besides their cells: mapping, tables, schema, package."""
    seen_to: str = ""
    """The newest `modifiedAt` when the last run began: what is later is asked for. Empty: there was none."""
    turn: float = 0.0
    """Where the rereading of known records goes on: a share of all keys, 0 to 1."""
    is_complete: bool = False
    """True: once a whole source was imported, and each of its rows has a line."""
    run: str = ""
    """The run that wrote it."""


@dataclass(frozen=True, slots=True)
class Known:
    """The known state of one mapping, or of one block of it, in one instance. Holds no line in memory."""

    folder: Path
    header: KnownHeader
    lines: int = 0
    why: str = ""
    """Why nothing of an earlier state is used, in words; empty: it is."""
    of: str = ""
    """The run that wrote the file."""

    @property
    def path(self) -> Path:
        """The file; it need not be there."""
        return self.folder / f"{self.header.about.name}.parquet"

    @property
    def journal(self) -> Path:
        """The journal beside it; it need not be there."""
        return self.folder / f"{self.header.about.name}.journal"

    @property
    def fields(self) -> tuple[str, ...]:
        """Payload keys whose written values are remembered."""
        if not self.lines:
            return ()
        names = parquet.read_schema(self.path).names
        return tuple(name.removeprefix(WROTE) for name in names if name.startswith(WROTE))

    def parts(self, columns: Sequence[str], *, count: int | None = None) -> Iterator[pa.Table]:
        """Yield some columns of all lines, sorted by `key`, an equal share of the range of keys at a time.

        Args:
            count: how many shares; None: as many as `PART_LINES` lines at once ask for.

        Raises:
            OSError, pa.ArrowException: the file is damaged.
        """
        count = count or part_count(self.lines)
        wanted = list(dict.fromkeys(("key", *columns)))
        if not self.lines:
            nothing = layout_of(self.fields).empty_table()
            yield from (nothing.select([one for one in wanted if one in nothing.column_names]),) * count
            return
        with parquet.ParquetFile(self.path, pre_buffer=False, page_checksum_verification=True) as file:
            layout = file.schema_arrow
            wanted = [one for one in wanted if one in layout.names]
            batches = file.iter_batches(GROUP_LINES, columns=wanted, use_threads=False)
            left: pa.Table | None = None
            for part in range(count):
                last = np.uint64((part + 1) * SPACE // count - 1)
                held = []
                while left is not None or (batch := next(batches, None)) is not None:
                    table = pa.Table.from_batches([batch]) if left is None else left
                    inside = int(np.searchsorted(first_halves(table["key"]), last, side="right"))
                    held.append(table.slice(0, inside).select(wanted))
                    left = table.slice(inside) if inside < len(table) else None
                    if left is not None:
                        break
                names = [layout.field(one) for one in wanted]
                yield pa.concat_tables(held).combine_chunks() if held else pa.schema(names).empty_table()


def part_count(lines: int) -> int:
    """Return in how many parts the range of keys is looked at."""
    return max(1, -(-lines // PART_LINES))


def read_known(state: Path, about: About) -> Known:
    """Return what is known, without what a killed run left in its journal.

    A file that is of another format or about something else is not used: `why` says so, and it is replaced
    when it is written the next time. Damage further inside shows while `parts` are read.
    """
    return _read(Known(state / FOLDER, KnownHeader(about=about)))


def damaged(known: Known) -> Known:
    """Return a known state as it is used once its file turned out to be damaged: nothing is known."""
    return Known(known.folder, KnownHeader(about=known.header.about), why=DAMAGED)


DAMAGED = "the known state is damaged"
BESIDE = ".json"
"""Suffix of what is written beside the file."""
BROKEN = (OSError, pa.ArrowException)
"""What reading a damaged Parquet file raises."""


def _read(empty: Known) -> Known:
    path = empty.path
    if not path.exists():
        return dataclasses.replace(empty, why="there is no known state yet")
    try:
        with parquet.ParquetFile(path) as file:
            schema, lines = file.schema_arrow, file.metadata.num_rows
        said = json.loads((schema.metadata or {}).get(META, b"null"))
    except (*BROKEN, ValueError):
        return damaged(empty)
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        return dataclasses.replace(empty, why="the known state was written by another version")
    header = header_from(said)
    if header is None or any(one not in schema for one in LAYOUT):
        return damaged(empty)
    if header.about != empty.header.about:
        return dataclasses.replace(empty, why="the known state is about another instance, mapping or key")
    return Known(empty.folder, _later(empty.path, header), lines, of=header.run)


def _later(path: Path, header: KnownHeader) -> KnownHeader:
    """Return what was written beside the file since; what is damaged there only costs time."""
    try:
        said = json.loads(path.with_suffix(BESIDE).read_bytes())
    except (OSError, ValueError):
        return header
    later = header_from(said) if isinstance(said, dict) and said.get("of") == header.run else None
    return later if later is not None and later.about == header.about else header


def layout_of(fields: Sequence[str]) -> pa.Schema:
    """Return the layout of lines that remember what was written into these payload keys; 0: nothing."""
    return pa.schema([*LAYOUT, *(pa.field(f"{WROTE}{name}", pa.uint32()) for name in fields)])


def is_damage(error: Exception) -> bool:
    """Tell a file that cannot be understood, or was forgotten meanwhile, from a disk that is full or away."""
    return not isinstance(error, OSError) or error.errno is None or isinstance(error, FileNotFoundError)


def first_halves(digests: pa.ChunkedArray | pa.Array) -> Halves:
    """Return the first eight bytes of each digest as a number: the order of numbers is that of the bytes."""
    return _halves(digests)[:, 0].astype(np.uint64)


def second_halves(digests: pa.ChunkedArray | pa.Array) -> Halves:
    """Return the last eight bytes of each digest as a number; those of nulls mean nothing."""
    return _halves(digests)[:, 1].astype(np.uint64)


def _halves(digests: pa.ChunkedArray | pa.Array) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    array = digests.combine_chunks() if isinstance(digests, pa.ChunkedArray) else digests
    if isinstance(array, pa.ChunkedArray):  # combining none gives none
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, array.type)
    if not len(array):
        return np.empty((0, 2), ">u8")
    start = array.offset * DIGEST_BYTES
    held = memoryview(array.buffers()[1])[start : start + len(array) * DIGEST_BYTES]
    return np.frombuffer(held, ">u8").reshape(-1, 2)


def to_plain(header: KnownHeader) -> dict[str, object]:
    """Return the header as JSON takes it."""
    return {"format": FORMAT, **dataclasses.asdict(header)}


def header_from(said: Mapping[str, object]) -> KnownHeader | None:
    """Return the header that `to_plain` gave; None: it is none of this format."""
    try:
        about = said["about"]
        if not isinstance(about, dict) or said.get("format") != FORMAT:
            return None
        return KnownHeader(
            about=About(**{**about, "key_fields": tuple(about["key_fields"])}),
            context=str(said["context"]),
            seen_to=str(said["seen_to"]),
            turn=float(str(said["turn"])),
            is_complete=said["is_complete"] is True,
            run=str(said["run"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
