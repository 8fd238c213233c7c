"""The values that a run created records with: kept as the columns that they are, compressed, for the history.

`created-1.arrows` in the folder of the run, one for each part of a resumed run: a stream of Arrow's for every
frame, one behind the other, each with the layout that its columns have. A record of twenty fields takes some
300 bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.model import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from etl.planning.comparing import Compared
    from etl.schema import EntitySchema

META = b"atro-etl-created"
"""Where it stands what a stream is about, among the metadata of its layout."""
ID = "\x1fid"
"""Name of the column of ids: no payload key is called so."""
NEVER_TOLD = frozenset({"id", "__attributes"})


@dataclass(frozen=True, slots=True)
class CreatedValue:
    """A value that a record was created with."""

    record_id: str
    field: str
    """AtroCore's name of it."""
    value: str
    """As JSON text, typed as it was sent."""
    text: str | None
    """Of links, what people call the records; None elsewhere."""


class CreatedValues:
    """Writes the values of one part of a run; its file is begun with the first of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: pa.OSFile | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def keep(self, compared: Compared, entity: EntitySchema) -> None:
        """Write what records will be created with."""
        changes = compared.changes
        columns: dict[str, pa.Array] = {}
        fields: dict[str, str] = {}
        names: dict[str, dict[str, str]] = {}
        for key, one in changes.columns.items():
            if key in NEVER_TOLD or one.null_count == len(one):
                continue
            known = entity.by_payload_key(key)
            if known is not None and known.type == "password":
                continue
            columns[key], fields[key] = one, known.name if known is not None else key
            if called := compared.names.get(key):
                names[key] = _named(one, called)
        about = {"entity": changes.entity, "fields": fields, "names": names}
        batch = pa.record_batch([changes.ids, *columns.values()], names=[ID, *columns])
        if changes.kinds.count(ChangeKind.CREATE) < len(changes):
            batch = batch.filter(pa.array([kind is ChangeKind.CREATE for kind in changes.kinds]))
        batch = batch.replace_schema_metadata({META: json.dumps(about).encode()})
        if self._file is None:
            number = len(_files(self._folder)) + 1
            self._file = pa.OSFile(str(self._folder / f"created-{number}.arrows"), "wb")
        options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
        with pa.ipc.new_stream(self._file, batch.schema, options=options) as stream:
            stream.write_batch(batch)


def _named(column: pa.Array, names: Mapping[str, str]) -> dict[str, str]:
    """The names of the records that are linked, as far as they are known."""
    flat = column.flatten() if pa.types.is_list(column.type) else column
    ids = pc.unique(flat.drop_null()).to_pylist() if pa.types.is_string(flat.type) else []
    return {one: names[one] for one in ids if one in names}


def read_created(folder: Path, entity: str, *, ids: Collection[str]) -> Iterator[CreatedValue]:
    """Yield what a run created some records with, as far as it was kept; of each record what was sent last.

    Holds a frame in memory. Of the frames without these records only the ids are unpacked.
    """
    wanted = pa.array(list(ids), pa.string())
    found: dict[str, list[CreatedValue]] = {}
    for path in _files(folder):
        with pa.OSFile(str(path)) as source:
            for batch in _frames(source, wanted):
                about = json.loads(batch.schema.metadata[META])
                if about["entity"] == entity:
                    for record in batch.to_pylist():
                        found[record[ID]] = list(_values(record, about))
    for values in found.values():
        yield from values


def _frames(source: pa.OSFile, wanted: pa.Array) -> Iterator[pa.RecordBatch]:
    """Yield the wanted records of each frame; what a kill cut off was never sent."""
    ids_alone = pa.ipc.IpcReadOptions(included_fields=[0], use_threads=False)
    while (start := source.tell()) < source.size():
        try:
            (batch,) = pa.ipc.open_stream(source, options=ids_alone)
            end = source.tell()
            is_wanted = pc.is_in(batch[ID], wanted)
            if pc.any(is_wanted).as_py():
                source.seek(start)
                (batch,) = pa.ipc.open_stream(source)
                yield batch.filter(is_wanted)
            source.seek(end)
        except (pa.ArrowInvalid, OSError, ValueError):
            return


def _values(
    record: Mapping[str, object], about: Mapping[str, Mapping[str, object]]
) -> Iterator[CreatedValue]:
    for key, name in about["fields"].items():
        value = record.get(key)
        if value is not None:
            names = about["names"].get(key)
            yield CreatedValue(
                str(record[ID]), str(name), orjson.dumps(value, default=str).decode(), _text(value, names)
            )


def _text(value: object, names: object) -> str | None:
    if not isinstance(names, dict):
        return None
    return ", ".join(str(names.get(one, one)) for one in (value if isinstance(value, list) else [value]))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("created-*.arrows"), key=lambda path: int(path.stem.partition("-")[2]))
