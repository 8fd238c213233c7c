"""Which run gave a record its values: told from what the runs of a state folder keep; asks no server.

A run keeps what became of each record (`results.parquet`), and the old and new values of what it changed
(`changes.parquet`), and what it created them with (`created-1.arrows`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from etl.errors import EtlError
from etl.mapping import load
from etl.planning import read_ground, read_kept
from etl.planning.created import read_created
from etl.report.foreseen import lines_from, readable
from etl.report.results import FILE as RESULTS
from etl.resolving.keys import PART_SEPARATOR
from etl.runs import list_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.mapping import Mapping as MappingDocument
    from etl.planning import PartGround
    from etl.planning.created import CreatedValue
    from etl.runs import Run

CHANGING = ("created", "updated", "deleted")
NEEDED = ("file", "sheet", "row", "entity", "key", "status", "id")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a run did to a record: to one field, or to the record as a whole."""

    run: str
    verb: str
    started: str
    """ISO 8601 in UTC."""
    url: str
    status: str
    """created, updated or deleted."""
    key: str
    record_id: str
    file: str
    """Empty: no row of a source stands for it."""
    sheet: str | None
    row: int
    """1-based as seen in the file; 0: no row."""
    field: str
    """Empty: the record as a whole."""
    mode: str
    """set, add, remove or clear; empty without a field."""
    old: str
    """As people read it; empty: nothing, or not kept."""
    new: str
    place: str
    """Where the mapping says it, as `file:line:column`; empty: it was edited since, or is gone."""


def history_of(state: Path, entity: str, *, key: str, field: str = "") -> Iterator[Event]:
    """Yield what the runs of a state folder did to a record, the newest first.

    Args:
        key: its key, parts joined by ` / `; or its id.
        field: only what was done to this field, and the record's creation and deletion; empty: everything.
    """
    for run in list_runs(state):
        if not (run.folder / RESULTS).exists():
            continue
        found = _results(run.folder / RESULTS, entity, key)
        if not found:
            continue
        yield from _events(run, entity, found, field)


def _results(path: Path, entity: str, key: str) -> list[dict[str, object]]:
    """What became of the record, read with a filter: no more of the file than its groups may hold it."""
    keys = pa.array([key, key.replace(" / ", PART_SEPARATOR)])
    is_it = pc.field("key").isin(keys) | (pc.field("id") == key)
    wanted = (pc.field("entity") == entity) & is_it & pc.field("status").isin(pa.array(CHANGING))
    table = parquet.read_table(path, columns=list(NEEDED), filters=wanted)
    found: list[dict[str, object]] = table.to_pylist()
    return found


def _events(run: Run, entity: str, found: Sequence[Mapping[str, object]], field: str) -> Iterator[Event]:
    rows = {str(one["id"]): one for one in found}
    places = _Places(run)
    told = set()
    for batch in read_kept(run.folder):
        lines = batch.filter(pc.is_in(batch["id"], pa.array(list(rows))))
        for line in lines_from([lines.filter(pc.equal(lines["entity"], entity))]):
            if not line.field or (field and line.field != field):
                continue
            told.add(line.record_id)
            yield _event(
                run,
                rows[line.record_id],
                field=line.field,
                mode=line.mode,
                old=line.old,
                new=line.new,
                place=places.of(entity, line.field),
            )
    values: dict[str, list[CreatedValue]] = {}
    created = [record_id for record_id, one in rows.items() if one["status"] == "created"]
    for value in read_created(run.folder, entity, ids=created) if created else ():
        if not field or value.field == field:
            values.setdefault(value.record_id, []).append(value)
    for record_id, one in rows.items():
        held = values.get(record_id, [])
        is_whole = one["status"] != "updated" or (record_id not in told and not field)
        if is_whole and not (field and held):
            yield _event(run, one, place=places.of(entity, field) if field else "")
        for value in held:
            yield _event(
                run,
                one,
                field=value.field,
                mode="set",
                new=readable(value.value, value.text),
                place=places.of(entity, value.field),
            )


def _event(
    run: Run,
    one: Mapping[str, object],
    *,
    field: str = "",
    mode: str = "",
    old: str = "",
    new: str = "",
    place: str = "",
) -> Event:
    row = one["row"]
    return Event(
        run.id,
        run.facts.verb,
        run.facts.started,
        run.facts.url,
        str(one["status"]),
        str(one["key"]).replace(PART_SEPARATOR, " / "),
        str(one["id"]),
        str(one["file"] or ""),
        str(one["sheet"]) if one["sheet"] is not None else None,
        row if isinstance(row, int) else 0,
        field,
        mode,
        old,
        new,
        place,
    )


class _Places:
    """Where the mapping of a run says what becomes of a field, while it is the same mapping."""

    def __init__(self, run: Run) -> None:
        self._mapping = _mapping_of(run)
        self._ground = read_ground(run.folder)

    def of(self, entity: str, field: str) -> str:
        """Return `file:line:column`; empty where it is not known."""
        if self._mapping is None:
            return ""
        for part in self._mapping.parts():
            for group, names in (("fields", part.doc.fields), ("attributes", part.doc.attributes)):
                for name in names if part.entity == entity else ():
                    if _is_named(name, field, self._ground):
                        return str(part.key_spot(group, name))
        return ""


def _is_named(name: str, field: str, ground: Sequence[PartGround]) -> bool:
    """Tell whether an entry of a mapping is about a field: `name@de_DE` fills `nameDeDe`."""
    keys = {one.target.key for part in ground for one in part.attributes if one.target.address == name}
    return field in keys or any(_flat(one) == field for one in name.split("|"))


def _flat(name: str) -> str:
    base, _, language = name.partition("@")
    return base + "".join(part.capitalize() for part in language.replace("-", "_").split("_"))


def _mapping_of(run: Run) -> MappingDocument | None:
    first = run.facts.mappings[0] if run.facts.mappings else None
    path = Path(str(run.facts.options.get("cwd", "."))) / first.name if first is not None else None
    if first is None or path is None or not path.is_file():
        return None
    try:
        mapping = load(path)
    except EtlError:  # edited since, and wrong now
        return None
    return mapping if mapping.digest == first.digest else None
