"""Old values of what a run changes, in its folder: on disk before the request leaves, so a kill loses none.

While the run is under way they stand in streams (`changes-1.arrows`, one for each part of a resumed run); at
its end they become `changes.parquet`. The lines are those of a plan.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Self

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from pyarrow import parquet

from etl.model import ChangeKind, Outcomes, Status
from etl.planning.created import CreatedValues
from etl.planning.lines import LAYOUT, lines_of
from etl.resolving import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from etl.api import Client
    from etl.model import Outcome
    from etl.planning.comparing import Compared
    from etl.schema import EntitySchema, Schema

CHANGES = "changes.parquet"
"""Name in the folder of a run; absent where nothing was to be changed."""
OVERWRITING = (ChangeKind.UPDATE, ChangeKind.DELETE)


class KeptValues:
    """Writes the old values of one part of a run, and those of new records, before they are sent.

    A file is begun with the first of them.
    """

    def __init__(self, folder: Path, schema: Schema) -> None:
        self._folder, self._schema = folder, schema
        self._file: pa.OSFile | None = None
        self._writer: pa.RecordBatchWriter | None = None
        self._created = CreatedValues(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._created.close()
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.close()

    def keep(self, compared: Compared) -> None:
        """Write what stands there of records that will be changed or deleted, and what new ones will hold."""
        changes = compared.changes
        kinds = set(changes.kinds)
        if ChangeKind.CREATE in kinds:
            self._created.keep(compared, self._schema.entity(changes.entity))
        if kinds.isdisjoint(OVERWRITING):
            return
        entity = self._schema.entity(changes.entity)
        lines = lines_of(compared, entity=entity)
        overwriting = pa.array([kind.value for kind in OVERWRITING])
        lines = _with_fields(lines.filter(pc.is_in(lines["kind"], overwriting)), compared, entity)
        if self._writer is None:
            number = len(_streams(self._folder)) + 1
            self._file = pa.OSFile(str(self._folder / f"changes-{number}.arrows"), "wb")
            self._writer = pa.ipc.new_stream(self._file, LAYOUT)
        self._writer.write_batch(lines)


async def with_whole_records(compared: Compared, client: Client, entity: EntitySchema) -> Compared:
    """Return the same, the records that are to be deleted read whole, so that they can be made again.

    Raises:
        RequestFailed, NoAccess: the server could not be asked.
    """
    if ChangeKind.DELETE not in compared.changes.kinds:
        return compared
    rows = zip(compared.changes.ids.to_pylist(), compared.changes.kinds, strict=True)
    ids = [one for one, kind in rows if kind is ChangeKind.DELETE]
    select = ("id", *_stored_keys(entity), "modifiedAt")
    whole = {str(one["id"]): one for one in await client.look_up(entity.name, "id", ids, select=select)}
    known = compared.found
    all_ids = compared.changes.ids.to_pylist()
    before = list(known.records) if known is not None else [None] * len(all_ids)
    records = [whole.get(one, record) for one, record in zip(all_ids, before, strict=True)]
    return dataclasses.replace(compared, found=Found(all_ids, records, {}))


def _stored_keys(entity: EntitySchema) -> list[str]:
    """Payload keys that make a record what it is; links that are kept on the other side are left out."""
    fields = [
        one
        for one in entity.fields.values()
        if not one.is_read_only and not (one.kind == "links" and one.relation is None)
    ]
    keys = [key for one in fields for key in (one.payload_key, one.unit_key) if key]
    return [key for key in dict.fromkeys(keys) if key not in NOT_GIVEN]


NOT_GIVEN = frozenset({"id", "deleted", "createdAt", "modifiedAt", "createdById", "modifiedById"})


def _with_fields(lines: pa.RecordBatch, compared: Compared, entity: EntitySchema) -> pa.RecordBatch:
    """Put in place of the line of each deleted record one for each of its filled fields."""
    if compared.found is None or not pc.any(pc.equal(lines["kind"], "delete")).as_py():
        return lines
    records = {str(one["id"]): one for one in compared.found.records if one is not None}
    keys = _stored_keys(entity)
    made = []
    for line in lines.to_pylist():
        record = records.get(line["id"], {}) if line["kind"] == "delete" else {}
        filled = [key for key in keys if record.get(key) not in (None, "", [])]
        for key in filled:
            known = entity.by_payload_key(key)
            old, name = orjson.dumps(record[key]).decode(), known.name if known else key
            of_field = {"field": name, "payload_key": key, "mode": "clear", "old": old, "new": "null"}
            made.append({**line, **of_field, "old_text": None})
        if not filled:
            made.append(line)
    return pa.RecordBatch.from_pylist(made, schema=LAYOUT)


def write_kept(folder: Path, outcomes: Iterable[Iterable[Outcome]]) -> dict[str, dict[str, int]]:
    """Put everything that was kept into one file; return entity -> field -> records that were changed in it.

    Where a stopped part of the run kept a value already, that one counts: it is the older one.

    Args:
        outcomes: of the run; only fields of records that were updated are counted.
    """
    streams = _streams(folder)
    path = folder / CHANGES
    if not streams and not path.exists():
        return {}
    updated = np.sort(_hashes(_updated(outcomes)))
    counts: Counter[tuple[str, str]] = Counter()
    beside = path.with_name(f"{CHANGES}.new")
    with parquet.ParquetWriter(beside, LAYOUT, compression="zstd") as writer:
        for lines in _first_of_each(_kept(folder), is_one=len(streams) == 1 and not path.exists()):
            writer.write_batch(lines)
            counts.update(_changed(lines, updated))
    beside.replace(path)
    for stream in streams:
        stream.unlink()
    found: dict[str, dict[str, int]] = {}
    for (entity, name), count in sorted(counts.items()):
        found.setdefault(entity, {})[name] = count
    return found


def read_kept(folder: Path) -> Iterator[pa.RecordBatch]:
    """Yield the lines of old values of a run, whether it has ended or was killed; see `lines.LAYOUT`."""
    yield from _kept(folder)


def _updated(outcomes: Iterable[Iterable[Outcome]]) -> Iterator[str]:
    for portion in map(Outcomes.of, outcomes):
        for alike in portion.alike:
            if alike.status is Status.UPDATED:
                yield from (f"{alike.entity}\x1f{one}" for one in alike.ids.to_pylist())
        yield from (
            f"{one.entity}\x1f{one.record_id}" for one in portion.told if one.status is Status.UPDATED
        )


def _kept(folder: Path) -> Iterator[pa.RecordBatch]:
    if (path := folder / CHANGES).exists():
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=5000):
                yield _of_layout(batch)
    for stream in _streams(folder):
        with pa.OSFile(str(stream), "rb") as source:
            for batch in _whole_batches(source):
                yield _of_layout(batch)


def _of_layout(batch: pa.RecordBatch) -> pa.RecordBatch:
    """What an earlier version kept lacks the columns that came later."""
    columns = [
        batch[one.name] if one.name in batch.schema.names else pa.nulls(len(batch), one.type)
        for one in LAYOUT
    ]
    return pa.record_batch(columns, schema=LAYOUT)


def _whole_batches(source: pa.OSFile) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a stream; one that a kill cut off was never sent either."""
    try:
        yield from pa.ipc.open_stream(source)
    except (pa.ArrowInvalid, OSError):
        return


def _first_of_each(batches: Iterator[pa.RecordBatch], *, is_one: bool) -> Iterator[pa.RecordBatch]:
    """Leave out the lines whose record and field stood in an earlier stream."""
    if is_one:
        yield from batches
        return
    seen: set[int] = set()
    for lines in batches:
        hashes = _line_hashes(lines, ("entity", "id", "part", "payload_key"))
        wanted = [one not in seen for one in hashes.tolist()]
        seen.update(hashes.tolist())
        yield lines.filter(pa.array(wanted, pa.bool_()))


def _changed(
    lines: pa.RecordBatch, updated: np.ndarray[tuple[int], np.dtype[np.uint64]]
) -> Mapping[tuple[str, str], int]:
    is_updated = np.isin(_line_hashes(lines, ("entity", "id")), updated)
    told = lines.filter(pc.and_(pa.array(is_updated), pc.is_valid(lines["field"])))
    if not len(told):
        return {}
    table = pa.Table.from_batches([told.select(["entity", "field"])])
    return {
        (one["entity"], one["field"]): one["count_all"]
        for one in table.group_by(["entity", "field"]).aggregate([([], "count_all")]).to_pylist()
    }


def _line_hashes(
    lines: pa.RecordBatch, names: tuple[str, ...]
) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    columns = [pc.fill_null(lines[name], "") for name in names]
    return _hashes(pc.binary_join_element_wise(*columns, "\x1f").to_pylist())


def _hashes(texts: Iterable[str]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.fromiter((xxhash.xxh3_64_intdigest(text.encode()) for text in texts), np.uint64)


def _streams(folder: Path) -> list[Path]:
    return sorted(folder.glob("changes-*.arrows"), key=lambda path: int(path.stem.partition("-")[2]))
