"""JSON lines and JSON documents: a record per line, or a list of records somewhere in a document.

A row's number is its physical line, or its 1-based position in the list. Lists and objects in a record stay
what they are. JSON lines are streamed; a document is held in memory.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import orjson

from etl.errors import SourceEmpty, SourceUnreadable
from etl.model import Problem, UnreadableRow
from etl.tables.columns import tell_apart
from etl.tables.origin import digest_of, opened
from etl.tables.table import Dialect, ReadOptions, Table
from etl.tables.typed import typed_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from etl.model import Frame
    from etl.tables.values import Cell

JSON_LINES = (".jsonl", ".ndjson")
JSON = (".json",)
BOM = b"\xef\xbb\xbf"


def read_json_lines(path: Path, *, name: str, frame_rows: int) -> Table:
    """Return the table of a file with one JSON object per line, after a pass that gathers their keys.

    Raises:
        SourceEmpty: no line has an object.
    """
    keys: dict[str, None] = {}
    for _, record in _lines(path):
        if isinstance(record, dict):
            keys |= dict.fromkeys(record)
    if not keys:
        raise SourceEmpty(str(path))
    return _table(path, list(keys), lambda: _lines(path), name=name, frame_rows=frame_rows, rows_total=None)


def read_json(path: Path, options: ReadOptions, *, name: str, frame_rows: int) -> Table:
    """Return the table of a list of records in a JSON document, which is held in memory while it is read.

    Raises:
        SourceEmpty: the list has no record.
        SourceUnreadable: no JSON, or no list of records at `record_path`.
    """
    records = _records(path, options.record_path)
    keys: dict[str, None] = {}
    for record in records:
        if isinstance(record, dict):
            keys |= dict.fromkeys(record)
    if not keys:
        raise SourceEmpty(str(path))
    return _table(
        path,
        list(keys),
        lambda: enumerate(_records(path, options.record_path), start=1),
        name=name,
        frame_rows=frame_rows,
        rows_total=len(records),
    )


def _table(
    path: Path,
    keys: list[str],
    numbered: Callable[[], Iterator[tuple[int, object]]],
    *,
    name: str,
    frame_rows: int,
    rows_total: int | None,
) -> Table:
    header = tell_apart(keys, name=name, sheet=None, row=0)

    def frames() -> Iterator[Frame]:
        rows = numbered()
        while chunk := list(islice(rows, frame_rows)):
            good = [(number, record) for number, record in chunk if isinstance(record, dict)]
            broken = [
                _unreadable(number, record, name) for number, record in chunk if not isinstance(record, dict)
            ]
            columns = [[_cell(record.get(key)) for _, record in good] for key in keys]
            numbers = np.array([number for number, _ in good], np.int64)
            yield from typed_frames(columns, header.names, numbers, name=name, unreadable=broken)

    return Table(
        name=name,
        sheet=None,
        header=header.names,
        dialect=Dialect("json"),
        rows_total=rows_total,
        path=path,
        passes=frames,
        fingerprint=lambda: digest_of(path),
        problems=header.problems,
        is_partial="_run" in header.names,
    )


def _cell(value: Cell) -> Cell:
    return None if value == "" else value


def _lines(path: Path) -> Iterator[tuple[int, object]]:
    with opened(path) as stream:
        for number, line in enumerate(stream, start=1):
            text = line.removeprefix(BOM).strip() if number == 1 else line.strip()
            if not text:
                continue
            try:
                yield number, orjson.loads(text)
            except orjson.JSONDecodeError as error:
                yield number, f"{error}\n{text.decode(errors='replace')}"


def _unreadable(number: int, found: object, name: str) -> UnreadableRow:
    reason, _, text = found.partition("\n") if isinstance(found, str) else ("", "", "")
    shown = text or orjson.dumps(found).decode()
    problem = Problem(
        "json_broken",
        name,
        row=number,
        value=shown[:200],
        facts={"reason": reason if text else "not an object"},
    )
    return UnreadableRow(number, (shown,), problem)


def _records(path: Path, record_path: str | None) -> list[object]:
    with opened(path) as stream:
        data = stream.read().removeprefix(BOM)
    try:
        found: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise SourceUnreadable(
            str(path), reason=f"this is no JSON ({error}).", advice="Was it sent completely?"
        ) from None
    for step in (record_path or "").split(".") if record_path else ():
        found = found.get(step) if isinstance(found, dict) else None
    if record_path is None and isinstance(found, dict):
        lists = [
            value
            for value in found.values()
            if isinstance(value, list) and any(isinstance(one, dict) for one in value)
        ]
        found = lists[0] if len(lists) == 1 else None
    if not isinstance(found, list):
        where = f'at "{record_path}"' if record_path else "that could be told from others"
        raise SourceUnreadable(
            str(path),
            reason=f"there is no list of records {where}.",
            advice="Set source.record_path, for example data.items.",
        )
    return found
