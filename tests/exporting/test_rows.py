"""Pages as columns: whether Arrow reads them or we do, record by record, the cells are the same."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import orjson
import pytest

from etl.api.wire import Answer, Request
from etl.errors import AnswerUnusable, DatabaseRefused
from etl.exporting.addresses import Address
from etl.exporting.cells import to_table
from etl.exporting.columns import Column, Step
from etl.exporting.rows import RowReader

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = {"name": "text", "count": "int", "weight": "float", "isActive": "bool", "day": "date",
         "moment": "datetime", "words": "array", "makerId": "text"}  # fmt: skip
COLUMNS = (
    *(Column(Address("value", key, key), key, (), key, kind) for key, kind in KINDS.items()),
    Column(
        Address("value", "maker.id", "m"), "m", (Step("makerId", "Maker", is_multiple=False),), "id", "text"
    ),
    Column(Address("constant", "='x'", "x", content="x"), "x", (), "", "text"),
)
ASKED = Request("GET", "Thing")
FULL = {"id": "a", "name": "Säge 🙂", "count": 3, "weight": 2.5, "isActive": True, "day": "2026-11-21",
        "moment": "2026-11-21 18:23:56", "words": ["a", "b"], "makerId": "m", "more": {"x": [1]}}  # fmt: skip


def answer(*records: dict[str, object], **more: object) -> Answer:
    return Answer(200, "application/json", orjson.dumps({"total": 7, "list": records, **more}))


def table(reader: RowReader, told: Answer) -> pa.Table:
    return to_table(reader.read(ASKED, told), COLUMNS, links=None)


def slow() -> RowReader:
    reader = RowReader(COLUMNS)
    reader.is_quick = False
    return reader


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"name": None, "words": None, "day": "", "moment": "", "makerId": ""},
        {"words": [], "name": "", "weight": 5, "count": -1},
        {"day": "no day", "moment": "2026-11-21T18:23:56"},
        {"name": 12.0},
        {"name": {"a": 1}},
        {"count": 3.0},
        {"count": "3", "weight": "heavy", "isActive": "yes"},
        {"weight": 1e300, "count": 2**53},
        {"words": [1, None, "a"]},
        {"words": "a"},
    ],
)
def test_cells_are_the_same_whoever_reads_them(changed):
    bare = {"id": "b"}
    told = answer(FULL, {**FULL, **changed}, bare)
    found = table(RowReader(COLUMNS), told)
    assert found.equals(table(slow(), told))
    assert found["name"].to_pylist()[::2] == ["Säge 🙂", None]
    assert found["x"].to_pylist() == ["x"] * 3


def test_a_value_of_another_type_ends_the_quick_reading_for_good():
    reader = RowReader(COLUMNS)
    reader.read(ASKED, answer(FULL))
    assert reader.is_quick
    reader.read(ASKED, answer({**FULL, "name": 1}))
    assert not reader.is_quick
    assert reader.read(ASKED, answer(FULL)).records == [FULL]


def test_links_come_as_records_without_what_was_not_sent():
    many = dataclasses.replace(
        COLUMNS[0], steps=(Step("makersIds", "Maker", is_multiple=True),), key="name", header="makers"
    )
    reader = RowReader((COLUMNS[0], many))
    rows = reader.read(ASKED, answer({"id": "a", "makersIds": ["m1"]}, {"id": "b"}))
    assert rows.records == [{"id": "a", "makersIds": ["m1"]}, {"id": "b"}]
    assert (rows.total, rows.count, rows.last_id) == (7, 2, "b")
    first = rows.first(1)
    assert (first.count, first.last_id, len(first.records), len(first.columns["name"])) == (1, "a", 1, 1)


def test_an_empty_page_and_an_uncounted_one_are_told_from_a_failure():
    reader = RowReader(COLUMNS)
    assert reader.read(ASKED, answer()).count == 0
    assert reader.read(ASKED, answer(FULL, total=-1)).total is None
    with pytest.raises(AnswerUnusable):
        reader.read(ASKED, Answer(200, "application/json", b'{"total":1,"list":[{"id":"a"'))
    with pytest.raises(AnswerUnusable):
        reader.read(ASKED, Answer(200, "application/json", b'{"total":1,"list":[{"id":"a","name":"\xff"}]}'))
    with pytest.raises(DatabaseRefused):
        reader.read(ASKED, Answer(200, "application/json", b"{}", reason="SQLSTATE[42703]"))
