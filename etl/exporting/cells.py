"""Records into columns of cells: one Arrow array per column, typed by the schema."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.exporting.columns import DEEPEST
from etl.exporting.links import ids_in
from etl.exporting.meta import is_meta, meta_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.api import Record
    from etl.exporting.columns import Column, Naming, Step
    from etl.exporting.links import Links
    from etl.exporting.rows import Rows
    from etl.schema import FieldKind

LARGEST_WHOLE = 2**53


def to_table(rows: Rows, columns: Sequence[Column], *, links: Links) -> pa.Table:
    """Return records as a table, one column each, in their order; expressions are still empty."""
    arrays = [column_of(rows, column, links=links) for column in columns]
    return pa.table(arrays, names=[column.header for column in columns])


def column_of(rows: Rows, column: Column, *, links: Links) -> pa.Array:
    """Return the cells of one column."""
    if column.address.form == "constant":
        return pa.array([column.address.content] * rows.count, pa.string())
    if column.address.form == "expr":
        return pa.nulls(rows.count, pa.string())
    ready = rows.columns.get(column.plain_key)
    return _looked_at(rows.records, column, links) if ready is None else _as_it_stands(ready, column)


def _as_it_stands(values: pa.Array, column: Column) -> pa.Array:
    if pa.types.is_temporal(column.type):
        return _moments(values, column.type)
    return pc.if_else(pc.equal(values, ""), None, values) if column.is_id else values


def _looked_at(records: Sequence[Record], column: Column, links: Links) -> pa.Array:
    if is_meta(column):
        return typed([meta_of(one, column) for one in records], column.kind, column.type)
    if column.address.form == "count":
        return pa.array([len(ends_of(one, column.steps, links)) for one in records], pa.int64())
    if column.unit is not None:
        return pa.array(_with_units(records, column, column.unit, links=links), pa.string())
    if column.naming is not None:
        found = _named(records, column, column.naming, links=links)
    elif not column.steps:
        found = [one.get(column.key) for one in records]
    elif len(column.steps) == 1 and not column.steps[0].is_multiple:
        found = _one_step(records, column, links)
    else:
        found = _far(records, column, links)
    return typed(found, column.kind, column.type)


def typed(values: list[object], kind: FieldKind, wanted: pa.DataType) -> pa.Array:
    """Return JSON values as an Arrow array; what does not fit its type is null, what is odd is its text."""
    if wanted == pa.string():
        try:
            return pa.array(values, pa.string())
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            return pa.array([None if one is None else _text(one) for one in values], pa.string())
    if wanted in ONE_BY_ONE:
        try:
            return pa.array(values, wanted)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            return pa.array([ONE_BY_ONE[wanted](one) for one in values], wanted)
    if pa.types.is_list(wanted):
        lists = [one if isinstance(one, list) else None for one in values]
        inner = wanted.value_type
        return pa.array(
            [None if one is None else typed(one, kind, inner).to_pylist() for one in lists], wanted
        )
    return _moments(pa.array([one if isinstance(one, str) else None for one in values], pa.string()), wanted)


def _moments(texts: pa.StringArray, wanted: pa.DataType) -> pa.Array:
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    try:
        return texts.cast(wanted)
    except pa.ArrowInvalid:
        parse: Callable[[str], dt.date] = (
            dt.date.fromisoformat if wanted == pa.date32() else dt.datetime.fromisoformat
        )
        return pa.array([_parsed(one, parse) for one in texts.to_pylist()], wanted)


def _parsed(text: str | None, parse: Callable[[str], dt.date]) -> dt.date | None:
    try:
        return parse(text) if text else None
    except ValueError:
        return None


def _one_step(records: Sequence[Record], column: Column, links: Links) -> list[object]:
    step = column.steps[0]
    if column.key == "id":
        return [one.get(step.key) or None for one in records]
    found: list[object] = []
    for record in records:
        record_id = record.get(step.key)
        if not record_id:
            found.append(None)
            continue
        linked = links.get(step.entity, str(record_id))
        cell = linked.get(column.key) if linked is not None else None
        found.append(cell if not column.unnamed or _names(cell) else column.unnamed)
    return found


def _far(records: Sequence[Record], column: Column, links: Links) -> list[object]:
    single = not column.is_multiple
    found: list[object] = []
    for record in records:
        ends = ends_of(record, column.steps, links)
        cells: list[object] = [one.get(column.key) for one in ends]
        if column.unnamed and _is_lacking(record, cells, column):
            found.append([column.unnamed])
            continue
        if single:
            found.append(cells[0] if cells else None)
        else:
            flat = [piece for cell in cells for piece in (cell if isinstance(cell, list) else [cell])]
            found.append([piece for piece in flat if piece is not None])
    return found


def _named(records: Sequence[Record], column: Column, naming: Naming, *, links: Links) -> list[object]:
    found: list[object] = []
    for record in records:
        names = [_name(one, naming, links) for one in ends_of(record, column.steps, links)]
        found.append(names if column.is_multiple else names[0] if names else None)
    return found


def _name(record: Record, naming: Naming, links: Links) -> str:
    """Return what an import finds a record by. Where it stands in several places, one of them is enough."""
    names = [naming.between.join(_shown(record.get(key)) for key in naming.by)]
    while naming.above is not None and len(names) <= DEEPEST:
        above = ids_in(record, naming.above)
        parent = links.get(naming.above.entity, above[0]) if above else None
        if parent is None:
            break
        record = parent
        names.append(_shown(record.get(naming.by[0])))
    return naming.mark.join(reversed(names))


def _is_lacking(record: Record, cells: list[object], column: Column) -> bool:
    """Tell whether one of the linked records is gone or shows nothing."""
    linked = len(ids_in(record, column.steps[0])) if len(column.steps) == 1 else len(cells)
    return linked > len(cells) or not all(map(_names, cells))


def _names(cell: object) -> bool:
    """Tell whether an import finds a record by this: it trims texts of links and composes their letters."""
    return isinstance(cell, str) and cell.strip() == cell != "" and unicodedata.is_normalized("NFC", cell)


def ends_of(record: Record, steps: Sequence[Step], links: Links) -> list[Record]:
    """Return the records at the end of all links, in the order in which the server gives them."""
    front: list[Record] = [record]
    for step in steps:
        front = [
            found
            for one in front
            for record_id in ids_in(one, step)
            if (found := links.get(step.entity, record_id)) is not None
        ]
    return front


def _with_units(records: Sequence[Record], column: Column, unit: Step, *, links: Links) -> list[str | None]:
    found: list[str | None] = []
    for record in records:
        ends = ends_of(record, column.steps, links)
        value = ends[0].get(column.key) if ends else None
        if value is None:
            found.append(None)
            continue
        ids = ids_in(ends[0], unit)
        named = links.get(unit.entity, ids[0]) if ids else None
        name = named.get("name") if named else None
        found.append(f"{_text(value)} {name}" if name else column.unnamed or _text(value))
    return found


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and float(value).is_integer() else None


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


# What a value of another type than its field's becomes.
ONE_BY_ONE: dict[pa.DataType, Callable[[object], object]] = {
    pa.float64(): _number,
    pa.int64(): _whole,
    pa.bool_(): _truth,
}


def _shown(value: object) -> str:
    return "" if value is None else _text(value)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_WHOLE:
        return str(int(value))
    return orjson.dumps(value).decode()
