"""Records of a page as columns, made by Arrow out of the bytes of the answer: no Python object per value.

What is looked at record by record (links, units) comes as records besides. Where values are of other types
than the schema says, this page and all behind it are read record by record.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import starmap
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import json as arrow_json

from etl.api import answers
from etl.exporting.columns import TYPES
from etl.exporting.meta import is_meta

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import Record
    from etl.api.wire import Answer, Request
    from etl.exporting.columns import Column

LARGEST_BYTES = 2**31 - 2
"""Of a block that Arrow parses."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of a list."""

    total: int | None
    """Records that fit the filter, on this page and behind it; None: not counted."""
    count: int
    last_id: str
    """Empty: there is none."""
    records: Sequence[Record]
    """Whole where `columns` is empty, else with what is looked at one by one; empty: nothing is."""
    columns: Mapping[str, pa.Array]
    """Payload key -> values as JSON had them: dates are texts."""
    bytes: int
    """Of the answer."""

    def first(self, count: int) -> Rows:
        """Return the first `count` of them; where there is no more, all."""
        if count >= self.count:
            return self
        kept = {key: values.slice(0, count) for key, values in self.columns.items()}
        last = str(kept["id"][-1].as_py() if kept else self.records[count - 1]["id"]) if count else ""
        return replace(self, count=count, last_id=last, records=self.records[:count], columns=kept)


@dataclass(slots=True)
class RowReader:
    """Reads pages for some columns."""

    columns: Sequence[Column]
    is_quick: bool = field(init=False)
    """False: record by record."""
    _plain: dict[str, pa.DataType] = field(init=False, default_factory=dict)
    _single: dict[str, pa.DataType] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Find out what has to be looked at one by one. Values of attributes stand in several shapes."""
        self.is_quick = all(one.attribute is None and not _is_odd(one) for one in self.columns)
        self._plain["id"] = pa.string()
        for one in self.columns:
            if key := one.plain_key:
                self._expect(self._plain, key, TYPES.get(one.kind, pa.string()))
            elif one.steps:
                step = one.steps[0]
                self._expect(self._single, step.key, _ids(is_multiple=step.is_multiple))
            elif one.key:
                self._expect(self._single, one.key, TYPES.get(one.kind, pa.string()))
            if one.unit is not None and not one.steps:
                self._expect(self._single, one.unit.key, _ids(is_multiple=one.unit.is_multiple))

    def _expect(self, keys: dict[str, pa.DataType], key: str, kind: pa.DataType) -> None:
        raw = pa.string() if pa.types.is_temporal(kind) else kind
        both = (self._plain.get(key, raw), self._single.get(key, raw))
        self.is_quick = self.is_quick and both == (raw, raw)
        keys[key] = raw

    def read(self, request: Request, answer: Answer) -> Rows:
        """Return a page of a list.

        Raises:
            RequestFailed: it is no success, or no list.
        """
        if self.is_quick and len(answer.body) < LARGEST_BYTES and answers.is_json(request, answer):
            try:
                found = self._columns(answer.body)
            except pa.ArrowInvalid:
                self.is_quick = False
            else:
                if found is not None:
                    return found
        page = answers.read_page(request, answer)
        last = str(page.records[-1].get("id", "")) if page.records else ""
        return Rows(page.total, len(page.records), last, page.records, {}, len(answer.body))

    def _columns(self, body: bytes) -> Rows | None:
        """Return a page; None: there is no record in it.

        Raises:
            pa.ArrowInvalid: a value is of another type, or this is no JSON as expected.
        """
        kinds = {**self._plain, **self._single}
        schema = pa.schema([("total", pa.int64()), ("list", pa.list_(pa.struct(list(kinds.items()))))])
        page = arrow_json.read_json(
            pa.BufferReader(body),
            # One block: what it holds is one object.
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(body) + 1),
            parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
        records = page["list"].combine_chunks().flatten()
        if isinstance(records, pa.ChunkedArray):
            records = records.combine_chunks()
        if len(page) != 1 or records.null_count:
            raise pa.ArrowInvalid("no list of records")
        if not len(records):
            return None
        columns = {key: records.field(key) for key in kinds}
        for values in columns.values():
            values.validate(full=True)  # texts that are no UTF-8
        total = page["total"][0].as_py()
        last = columns["id"][-1].as_py()
        if columns["id"].null_count:
            raise pa.ArrowInvalid("a record without id")
        return Rows(
            total if total is not None and total >= 0 else None,
            len(records),
            str(last),
            _records({key: columns[key] for key in ("id", *self._single)}) if self._single else (),
            {key: columns[key] for key in self._plain},
            len(body),
        )


def _is_odd(column: Column) -> bool:
    """Tell whether a column needs what comes along with a record without being asked for."""
    return is_meta(column) or (column.address.form == "download" and not column.steps)


def _ids(*, is_multiple: bool) -> pa.DataType:
    return pa.list_(pa.string()) if is_multiple else pa.string()


def _records(columns: Mapping[str, pa.Array]) -> list[Record]:
    # A key without a value is left out: a list of ids that was not sent is asked for.
    cells = zip(*(one.to_pylist() for one in columns.values()), strict=True)
    keys = list(columns)

    def record(*row: object) -> Record:
        return {key: cell for key, cell in zip(keys, row, strict=True) if cell is not None}

    return list(starmap(record, cells))
