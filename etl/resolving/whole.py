"""An entity read whole, once, into an Arrow file of the run's folder, and looked up there by key or id.

In memory stand two hashes and two positions per record (32 bytes); the records stay on disk.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import xxhash

from etl.resolving.keys import keys_of_records

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from etl.resolving.keys import Record

Hashes: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint64]]"
LAYOUT = pa.schema([("id", pa.string()), ("key", pa.string()), ("record", pa.binary())])


class PageOfRecords(Protocol):
    """What a page of the API looks like from here."""

    @property
    def records(self) -> Sequence[Record]: ...  # noqa: D102  see the class


class WholeEntity:
    """All records of an entity, as they were when they were read."""

    def __init__(self, mapped: mmap.mmap, *, key_hashes: Hashes, id_hashes: Hashes) -> None:
        table = pa.ipc.open_file(pa.py_buffer(mapped)).read_all()
        self._mapped, self._table = mapped, table
        self._pages = table.to_batches()
        self._firsts = np.cumsum([0, *(len(page) for page in self._pages)])[:-1].tolist()
        self._by_key, self._by_id = _Index(key_hashes), _Index(id_hashes)

    def __len__(self) -> int:
        return len(self._table)

    def with_keys(self, keys: Sequence[str]) -> list[Record]:
        """Return every record that has one of `keys` (canonical), in no particular order."""
        wanted = set(keys)
        return [record for key, record in self._at(self._by_key.find(keys), "key") if key in wanted]

    def with_ids(self, ids: Sequence[str]) -> list[Record]:
        """Return every record that has one of `ids`, in no particular order."""
        wanted = set(ids)
        return [record for found, record in self._at(self._by_id.find(ids), "id") if found in wanted]

    def keys(self) -> list[str]:
        """Return all keys; only for entities small enough to be held, for "did you mean"."""
        return [key for key in self._table["key"].to_pylist() if key is not None]

    def _at(self, positions: list[int], column: str) -> list[tuple[str, Record]]:
        # Page by page: taking from all pages at once would first copy the whole entity into memory.
        wanted = np.sort(np.asarray(positions, np.int64))
        found: list[tuple[str, Record]] = []
        for first, page in zip(self._firsts, self._pages, strict=True):
            begin, end = np.searchsorted(wanted, (first, first + len(page)))
            if begin < end:
                rows = page.select([column, "record"]).take(pa.array(wanted[begin:end] - first))
                texts, records = rows[column].to_pylist(), rows["record"].to_pylist()
                found += [(text, orjson.loads(record)) for text, record in zip(texts, records, strict=True)]
                self._forget()
        return found

    def _forget(self) -> None:
        """Give back the memory of what was read of the file; it is read again when it is needed."""
        if hasattr(self._mapped, "madvise"):
            self._mapped.madvise(mmap.MADV_DONTNEED)


async def read_whole(
    pages: AsyncIterator[PageOfRecords], path: Path, *, key_fields: Sequence[str]
) -> WholeEntity:
    """Write all pages of an entity to `path` and return them as something to look up in.

    Args:
        key_fields: payload keys that make the key; empty where only ids are looked up.
    """
    key_hashes: list[Hashes] = []
    id_hashes: list[Hashes] = []
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, LAYOUT) as writer:
        async for page in pages:
            records = page.records
            ids = [str(record["id"]) for record in records]
            keys = keys_of_records(records, key_fields)
            writer.write_batch(
                pa.record_batch([ids, keys, [orjson.dumps(record) for record in records]], schema=LAYOUT)
            )
            id_hashes.append(_hashes(ids))
            key_hashes.append(_hashes([key or "" for key in keys]))
    with path.open("rb") as written:
        mapped = mmap.mmap(written.fileno(), 0, access=mmap.ACCESS_READ)
    nothing = np.empty(0, np.uint64)
    return WholeEntity(
        mapped,
        key_hashes=np.concatenate([nothing, *key_hashes]),
        id_hashes=np.concatenate([nothing, *id_hashes]),
    )


class _Index:
    """Hash -> positions, by binary search."""

    def __init__(self, hashes: Hashes) -> None:
        self._order = np.argsort(hashes, kind="stable")
        self._sorted = hashes[self._order]

    def find(self, texts: Sequence[str]) -> list[int]:
        """Return the positions of all hashes that are equal to those of `texts`; some may be false hits."""
        wanted = np.unique(_hashes(texts))
        first = np.searchsorted(self._sorted, wanted, side="left")
        last = np.searchsorted(self._sorted, wanted, side="right")
        counts = last - first
        # Where each hit lies among the sorted ones: the runs of all that were wanted behind each other.
        places = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        positions: list[int] = self._order[places].tolist()
        return positions


def _hashes(texts: Sequence[str]) -> Hashes:
    return np.fromiter(map(xxhash.xxh3_64_intdigest, map(str.encode, texts)), np.uint64, len(texts))
