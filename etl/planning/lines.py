"""Changes written out: a line for every record and field, with what stood there and what is sent.

Values stand as JSON text, typed as they are sent: `12.5`, `"text"`, `["id"]`, `null`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.batching import to_json
from etl.model import ChangeKind
from etl.planning.phases import RELATIONS
from etl.problems import is_error, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.model import Changes, Outcome
    from etl.planning.comparing import Compared
    from etl.schema import EntitySchema

Positions: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"
Names: TypeAlias = "Mapping[str, str]"
"""Id of a linked record -> what people call it; ids that are not known are missing."""

SENT = (ChangeKind.CREATE, ChangeKind.UPDATE)
LAYOUT = pa.schema(
    [
        ("file", pa.string()),
        ("sheet", pa.string()),
        # 1-based as seen in the file; 0: no row stands for the record (a link target that is created).
        ("row", pa.int64()),
        ("entity", pa.string()),
        # Which of several records of a row; empty: the row's own.
        ("part", pa.string()),
        ("key", pa.string()),
        ("id", pa.string()),
        # A ChangeKind, or `upload` (see `planning/uploads.py`), `invalid` or `skipped`.
        ("kind", pa.string()),
        # AtroCore's name of the field; null: a record without fields to send.
        ("field", pa.string()),
        ("payload_key", pa.string()),
        # set, clear, or add: ids are added to those that are linked. In the plan of an undo also remove.
        ("mode", pa.string()),
        ("old", pa.string()),
        ("new", pa.string()),
        # Of links, what people call the records; of a record that is deleted, its name; null elsewhere.
        ("old_text", pa.string()),
        ("new_text", pa.string()),
        # Of the live record, as the server answered it; null: there is none.
        ("modified_at", pa.string()),
        ("code", pa.string()),
        ("message", pa.string()),
        # All rows of the record, `2 3 4`, where several made it; null: `row` alone.
        ("members", pa.string()),
        # What stands in a later step is sent when all of the steps before have been answered.
        ("step", pa.int64()),
    ]
)


def lines_of(compared: Compared, *, entity: EntitySchema | None = None) -> pa.RecordBatch:
    """Return the lines of some changes in the order of their records; every record has one at least.

    Args:
        entity: names the fields; None: they are called as they travel.
    """
    changes = compared.changes
    is_sent = np.array([kind in SENT for kind in changes.kinds], np.bool_)
    parts = [
        part
        for key in dict.fromkeys((*changes.columns, *changes.clears))
        for part in _parts(changes, key, is_sent)
    ]
    told = np.zeros(len(changes), np.bool_)
    for part in parts:
        told[part.positions] = True
    parts.append(_Part(np.flatnonzero(~told)))
    positions = np.concatenate([part.positions for part in parts])
    order = np.argsort(positions, kind="stable")
    of_record = pa.array(positions[order])
    fields = {
        name: pa.concat_arrays(
            [part.column(name, changes, entity=entity, names=compared.names) for part in parts]
        ).take(pa.array(order))
        for name in ("field", "payload_key", "mode", "old", "new", "old_text", "new_text")
    }
    if ChangeKind.DELETE in changes.kinds:
        fields["old_text"] = pc.coalesce(fields["old_text"], _names_of_deleted(compared).take(of_record))
    whole = _of_records(compared)
    columns = [fields[name] if name in fields else whole[name].take(of_record) for name in LAYOUT.names]
    return pa.record_batch(columns, schema=LAYOUT)


def unsent_lines(outcomes: Sequence[Outcome]) -> pa.RecordBatch:
    """Return a line for each row that is in no change: invalid ones, and those that the mapping skips."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "file": one.file,
                "sheet": one.sheet,
                "row": one.row,
                "entity": one.entity,
                "part": one.part,
                "key": one.key,
                "kind": one.status.value,
                "code": one.code,
                "message": one.message,
                "step": 0,
            }
            for one in outcomes
        ],
        schema=LAYOUT,
    )


class _Part:
    """The lines of one payload key that are sent in one way; without a key: records without such lines."""

    def __init__(self, positions: Positions, key: str | None = None, *, mode: str | None = None) -> None:
        self.positions, self._key, self._mode = positions, key, mode

    def column(
        self, name: str, changes: Changes, *, entity: EntitySchema | None, names: Mapping[str, Names]
    ) -> pa.StringArray:
        key, rows = self._key, pa.array(self.positions)
        if key is None:
            return pa.nulls(len(rows), pa.string())
        if name in ("old", "old_text"):
            values = changes.old[key].take(rows) if key in changes.old else pa.nulls(len(rows), pa.string())
        elif name in ("new", "new_text"):
            values = (
                pa.array(["null"] * len(rows))
                if self._mode == "clear"
                else to_json(changes.columns[key].take(rows))
            )
        else:
            known = entity.by_payload_key(key) if entity is not None and name == "field" else None
            text = {"field": known.name if known else key, "payload_key": key, "mode": self._mode}[name]
            return pa.array([text] * len(rows), pa.string())
        if name in ("old", "new"):
            return values
        return _named(values, names[key]) if key in names else pa.nulls(len(rows), pa.string())


def _parts(changes: Changes, key: str, is_sent: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[_Part]:
    nowhere = np.zeros(len(changes), np.bool_)
    clears, column = changes.clears.get(key), changes.columns.get(key)
    clear = nowhere if clears is None else _mask(pc.fill_null(clears, pa.scalar(value=False))) & is_sent
    sent = nowhere if column is None else _mask(pc.is_valid(column)) & is_sent & ~clear
    modes = ((sent, "add" if key in changes.appends else "set"), (clear, "clear"))
    return [_Part(np.flatnonzero(where), key, mode=mode) for where, mode in modes if where.any()]


def _of_records(compared: Compared) -> dict[str, pa.Array]:
    changes, count = compared.changes, len(compared.changes)
    live = compared.found.records if compared.found is not None else ()
    # By id and not by position: what travels by itself holds some of the records only.
    moments = {one["id"]: one.get("modifiedAt") for one in live if one is not None}
    modified = [moments.get(one) for one in changes.ids.to_pylist()]
    told: dict[int, list[tuple[str, str, bool]]] = {}
    for problem in changes.problems:
        told.setdefault(problem.row, []).append((problem.code, say(problem), is_error(problem)))
    reasons = [_reason(told.get(row, [])) if row else (None, None) for row in changes.numbers.to_pylist()]

    def all_of(text: str | None) -> pa.StringArray:
        return pa.array([text] * count, pa.string())

    members = changes.members
    rows = [" ".join(map(str, members.get(row, ()))) or None for row in changes.numbers.to_pylist()]
    return {
        "file": all_of(changes.file),
        "sheet": all_of(changes.sheet),
        "row": changes.numbers,
        "entity": all_of(changes.entity),
        "part": all_of(changes.part),
        "key": changes.keys,
        "id": changes.ids,
        # What follows the record of a new child is a part of its creation: nothing stood there before.
        "kind": all_of(ChangeKind.CREATE.value)
        if changes.part == RELATIONS
        else pa.array([kind.value for kind in changes.kinds], pa.string()),
        "modified_at": pa.array([m if isinstance(m, str) else None for m in modified], pa.string()),
        "code": pa.array([code for code, _ in reasons], pa.string()),
        "message": pa.array([message for _, message in reasons], pa.string()),
        "members": pa.array(rows, pa.string()) if members else pa.nulls(count, pa.string()),
        "step": pa.array(np.zeros(count, np.int64)),
    }


def _names_of_deleted(compared: Compared) -> pa.StringArray:
    """What people call the records that are deleted, as far as it was read."""
    live = compared.found.records if compared.found is not None else ()
    names = {one["id"]: one.get("name") for one in live if one is not None}
    rows = zip(compared.changes.ids.to_pylist(), compared.changes.kinds, strict=True)
    found = [names.get(one) if kind is ChangeKind.DELETE else None for one, kind in rows]
    return pa.array([name if isinstance(name, str) else None for name in found], pa.string())


def _reason(told: list[tuple[str, str, bool]]) -> tuple[str | None, str | None]:
    """Code of the first error and all errors in words; where there is no error, the same of the warnings."""
    wanted = [one for one in told if one[2]] or told
    return (wanted[0][0], " ".join(one[1] for one in wanted)) if wanted else (None, None)


def _named(values: pa.StringArray, names: Names) -> pa.StringArray:
    """Replace ids in JSON text by what people call the records; several stand one behind the other."""
    distinct = values.dictionary_encode()
    texts = [_name_of(orjson.loads(value), names) for value in distinct.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(distinct.indices)


def _name_of(value: object, names: Names) -> str | None:
    if isinstance(value, list):
        return ", ".join(names.get(str(one), str(one)) for one in value)
    return None if value is None else names.get(str(value), str(value))


def _mask(values: pa.BooleanArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(values.to_numpy(zero_copy_only=False), np.bool_)
