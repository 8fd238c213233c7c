"""What will be sent of some rows, before anything is: cells, each conversion, and the JSON at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.columns import Columns
from etl.mapping.convert.cells import as_text
from etl.mapping.convert.converters import LINKS, LISTS
from etl.mapping.convert.faults import Faults
from etl.mapping.convert.link_texts import PART_MARK
from etl.mapping.convert.pieces import split
from etl.mapping.grouping import groups_of
from etl.problems import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.mapping.fields import FieldRule
    from etl.mapping.rules import Rules
    from etl.model import Frame, LinkTexts, Payloads

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"


@dataclass(frozen=True, slots=True)
class RowPreview:
    """What becomes of one record of a frame."""

    row: int
    """The first of its rows, as seen in the file."""
    payload: dict[str, Value]
    """What would be sent; links as `{"look up": …}`, files as `{"file": …}`. Empty: the row is not sent."""
    relations: tuple[tuple[str, dict[str, Value]], ...]
    """Records of relation entities: entity, and what would be sent."""
    attributes: dict[str, Value]
    """By address; with units and ends of ranges by `address (unit)`."""
    problems: tuple[str, ...]
    """Column and sentence of each."""
    state: str
    """`sent`, `invalid` or `skipped`."""


@dataclass(frozen=True, slots=True)
class FieldTrace:
    """How one value came about."""

    name: str
    """As the mapping writes it."""
    key: str
    """The payload key."""
    steps: tuple[tuple[str, str], ...]
    """What was done, and what stood there then, as JSON; the first is the cell."""


def previews(rules: Rules, frame: Frame) -> Iterator[RowPreview]:
    """Yield what becomes of each record of a frame, and of the rows that make none, by row."""
    payloads = rules.translate(frame)
    told: dict[int, list[str]] = {}
    for problem in payloads.problems:
        column = f'column "{problem.column}": ' if problem.column else ""
        told.setdefault(problem.row, []).append(column + say(problem))
    found = {
        row: _sent(payloads, at, tuple(told.get(row, ())))
        for at, row in enumerate(payloads.numbers.to_pylist())
    }
    for rows, state in ((payloads.invalid, "invalid"), (payloads.skipped, "skipped")):
        for row in rows:
            found[row] = RowPreview(row, {}, (), {}, tuple(told.get(row, ())), state)
    yield from (found[row] for row in sorted(found))


def payload_of(payloads: Payloads, position: int) -> dict[str, Value]:
    """Return what would be sent of one record, in the order of the mapping."""
    payload: dict[str, Value] = {}
    for key, values in payloads.columns.items():
        value = plain_value(values, position)
        if value is not None:
            payload[key] = value
        elif key in payloads.clears and payloads.clears[key][position].as_py():
            payload[key] = None
    for link in payloads.links:
        texts = link.texts[position].as_py()
        if texts is not None:
            payload[link.target.key] = _looked_up(link, texts)
        elif link.target.key in payloads.clears and payloads.clears[link.target.key][position].as_py():
            payload[link.target.key] = None
    return payload


def plain_value(values: pa.Array, position: int) -> Value:
    """Return one value as JSON knows it."""
    if isinstance(values, pa.ExtensionArray):
        text = values.storage[position].as_py()
        parsed: Value = None if text is None else orjson.loads(text)
        return parsed
    value: Value = values[position].as_py()
    return value


def trace(rules: Rules, frame: Frame, row: int, *, name: str | None = None) -> list[FieldTrace]:
    """Return how the values of one row came about; nothing where the frame has no such row.

    Args:
        row: as seen in the file.
        name: only this field; None: all.
    """
    numbers = frame.numbers.to_pylist()
    if row not in numbers:
        return []
    columns = Columns(frame, rules.bound.layout)
    groups = groups_of(columns)
    at = numbers.index(row)
    if groups is None:
        columns = columns.at(pa.array([at], pa.int64()), ())
        at = 0
    return [
        FieldTrace(rule.name, rule.key, tuple(_steps(rule, columns, at)))
        for rule in rules.fields
        if name is None or name in (rule.name, rule.key, rule.field.name)
    ]


def _sent(payloads: Payloads, at: int, problems: tuple[str, ...]) -> RowPreview:
    relations = []
    for records in payloads.relations:
        for position in pc.indices_nonzero(pc.equal(records.owners, at)).to_pylist():
            record: dict[str, Value] = {
                link.target.key: _looked_up(link, link.texts[position].as_py()) for link in records.links
            }
            for key, values in records.columns.items():
                if (value := plain_value(values, position)) is not None:
                    record[key] = value
            relations.append((records.entity, record))
    attributes: dict[str, Value] = {}
    for one in payloads.attributes:
        name = one.target.address if one.part == "value" else f"{one.target.address} ({one.part})"
        if (value := plain_value(one.values, at)) is not None:
            attributes[name] = value
        elif one.clears is not None and one.clears[at].as_py():
            attributes[name] = None
        elif one.unassigns is not None and one.unassigns[at].as_py():
            attributes[name] = {"unassign": True}
    row: int = payloads.numbers[at].as_py()
    return RowPreview(row, payload_of(payloads, at), tuple(relations), attributes, problems, "sent")


def _looked_up(link: LinkTexts, texts: str | list[str]) -> Value:
    if link.target.files is not None:
        files: list[Value] = [_file(one) for one in ([texts] if isinstance(texts, str) else texts)]
        return files[0] if isinstance(texts, str) else files
    where = f"{link.target.entity}.{'+'.join((link.target.by, *link.target.also_by))}"
    value: Value = texts if isinstance(texts, str) else [*texts]
    return {"look up": where, "text": value}


def _file(text: str) -> Value:
    parts = zip(("file", "folder", "name"), text.split(PART_MARK), strict=False)
    return {key: part for key, part in parts if part}


def _steps(rule: FieldRule, columns: Columns, at: int) -> Iterator[tuple[str, str]]:
    if rule.constant is not None:
        yield "constant", _shown(rule.constant, 0)
        return
    faults = Faults()
    cells = rule.origin.cells(columns, faults)
    yield f"cell of {', '.join(rule.labels) or type(rule.origin).__name__}", _shown(cells, at)
    cells = cells.slice(at, 1)
    if rule.field.kind in LISTS and rule.split is not None:
        pieces = split(cells, rule.split)
        yield f'split at "{rule.split.by}"', _shown(pieces, 0)
        cells = pieces.flatten()
    for step in rule.steps:
        cells = step.apply(as_text(cells), faults)
        yield step.name, _all(cells)
    if rule.values is not None:
        cells = rule.values.replace(as_text(cells), faults)
        yield "values", _all(cells)
    made = rule.make(columns)
    kind = f"look up {rule.link.entity} by {rule.link.by}" if rule.link else rule.field.type
    kind = "file" if rule.filing else kind
    if rule.field.kind in LINKS and rule.link is None:
        kind = "object"
    yield kind, _shown(made.values, at)
    for fault in made.faults:
        if fault.position == at:
            yield "problem", fault.code


def _shown(values: pa.Array, at: int) -> str:
    return orjson.dumps(plain_value(values, at), default=str).decode()


def _all(values: pa.Array) -> str:
    found = values.to_pylist()
    return orjson.dumps(found[0] if len(found) == 1 else found, default=str).decode()
