"""What a plan promises: it is empty after an import, and an import does exactly what it said."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from etl import blocking
from etl.resolving import own_id
from tests.planning import shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.blocking import Pim
    from etl.sandbox import Sandbox

ROWS = [
    {"number": "A1", "name": "Hammer", "name_de": "der Hammer", "note": 'a "b"\n\\c', "body": "<p>x</p>",
     "stock": "3", "weight": "1.25", "price": "0.1", "isActive": "false", "isOpen": "true",
     "since": "2026-01-31", "moment": "2026-01-31 12:00:00", "state": "ready", "tags": "new|old",
     "labels": "z|a", "data": '{"a": [1, {"b": null}]}', "maker": "Makita", "groups": "G1|G2",
     "shelves": "G3"},
    {"number": "A2", "name": "Zange"},
    {"number": "A3", "name": "Feile", "groups": "G2", "shelves": "G1|G2", "stock": "0", "price": "7"},
]  # fmt: skip


class Shop:
    """A sandbox, somebody signed in there, and the files of the tests."""

    def __init__(self, sandbox: Sandbox, pim: Pim, folder: Path) -> None:
        self.sandbox, self.pim, self.folder = sandbox, pim, folder
        self.mapping = shop.write_mapping(folder / "items.yaml")
        self._numbers = itertools.count()

    def table(self, rows: list[dict[str, str]]) -> Path:
        return shop.write_table(self.folder / f"items-{next(self._numbers)}.csv", rows)

    def plan(self, table: Path) -> blocking.Foreseen:
        return blocking.plan(table, self.mapping, self.pim, state_dir=self.folder / "state")

    def carry(self, table: Path) -> blocking.Summary:
        return blocking.import_table(table, self.mapping, self.pim, state_dir=self.folder / "state")

    def items(self) -> dict[str, dict[str, object]]:
        """What stands on the server: key -> payload key -> value."""

        async def read() -> dict[str, dict[str, object]]:
            pages = self.pim.client.pages("Item", select=KEYS)
            return {str(one["number"]): dict(one) async for page in pages for one in page.records}

        return self.pim.loop.wait_for(read())


KEYS = (
    "number", "name", "nameDeDe", "note", "body", "stock", "weight", "price", "isActive", "isOpen", "since",
    "moment", "state", "tags", "labels", "data", "makerId", "groupsIds", "shelvesIds",
)  # fmt: skip


@pytest.fixture(scope="module", params=shop.ALL)
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with (
        shop.running(folder, request.param) as sandbox,
        blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim,
    ):
        yield Shop(sandbox, pim, folder)


def test_a_plan_right_after_an_import_is_empty_and_another_import_sends_nothing(there):
    table = there.table([{**row, "number": f"E{row['number']}"} for row in ROWS])
    done = there.carry(table)
    assert (done.rows.created, done.rows.bad) == (3, 0)
    before = shop.writes(there.sandbox)
    plan = there.plan(table)
    assert not plan.has_changes
    assert plan.summary.rows.unchanged == 3
    assert there.carry(table).rows.unchanged == 3
    assert shop.writes(there.sandbox) == before


@pytest.mark.parametrize("there", ["2.2"], indirect=True)
@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("name", "Hammer!"), ("name_de", "Fäustel"), ("note", "a"), ("body", "<p>y</p>"), ("stock", "4"),
        ("weight", "1.26"), ("price", "0.2"), ("isActive", "true"), ("isOpen", "false"),
        ("since", "2026-02-01"), ("moment", "2026-01-31 12:00:01"), ("state", "sold"), ("tags", "new"),
        ("labels", "a|z"), ("data", "{}"), ("maker", "Bosch"), ("groups", "G1|G2|G9"), ("shelves", "G1"),
        ("note", "NULL"), ("maker", "NULL"), ("stock", "NULL"), ("tags", "NULL"),
    ],
)  # fmt: skip
def test_one_edited_cell_is_one_record_and_one_field_in_plan_and_import(there, column, cell):
    there.carry(there.table(ROWS))
    before = there.items()
    edited = there.table([{**ROWS[0], column: cell}, *ROWS[1:]])
    plan = there.plan(edited)
    assert shop.changed(plan) == {"A1": {"nameDeDe" if column == "name_de" else column}}
    assert (plan.summary.rows.updated, plan.summary.rows.unchanged) == (1, 2)
    done = there.carry(edited)
    assert (done.rows.updated, done.rows.unchanged) == (1, 2)
    after = there.items()
    assert len([key for key in KEYS if before["A1"].get(key) != after["A1"].get(key)]) == 1
    assert {key: after[key] for key in ("A2", "A3")} == {key: before[key] for key in ("A2", "A3")}


def test_missing_link_targets_are_creates_of_their_own_and_ids_are_shown_by_name(there):
    plan = there.plan(there.table([{"number": "L1", "maker": "Festool", "groups": "G77"}]))
    found = {(one["entity"], one["key"], one["row"], one["kind"]) for one in shop.lines(plan)}
    assert found == {
        ("Maker", "Festool", 0, "create"),
        ("Group", "G77", 0, "create"),
        ("Item", "L1", 2, "create"),
    }
    (maker,) = [one for one in shop.lines(plan) if one["field"] == "maker"]
    assert json.loads(maker["new"]) == own_id("Maker", ("name",), key="Festool")
    assert maker["new_text"] == "Festool"


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=12) | st.sampled_from(
    ["a\nb", "a\r\nb", "tab\there", '"quoted"', "back\\slash", "=1+1", "007", "null", "{{ x }}", "  padded "]
)
CODES = st.lists(st.sampled_from(["G1", "G2", "G3", "G4"]), max_size=4).map("|".join)
CELLS = {
    "name": TEXTS, "name_de": TEXTS, "note": TEXTS, "body": TEXTS.map(lambda text: f"<p>{text}</p>"),
    "stock": st.integers(-(2**31), 2**31 - 1).map(str),
    "weight": st.decimals(-9999, 9999, places=2).map(str),
    "price": st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: f"{value:.6f}"),
    "isActive": st.sampled_from(["true", "false"]), "isOpen": st.sampled_from(["true", "false"]),
    "since": st.dates(date(1900, 1, 1)).map(str),
    "moment": st.integers(0, 2**32).map(lambda second: f"{datetime.fromtimestamp(second, UTC):%F %T}"),
    "state": st.sampled_from(["draft", "ready", "sold"]),
    "tags": st.lists(st.sampled_from(["new", "sale", "old"]), max_size=3).map("|".join),
    "labels": st.lists(st.sampled_from(["a", "b", "c d"]), max_size=3).map("|".join),
    "data": st.dictionaries(st.sampled_from(["a", "b"]), st.integers(-5, 5) | st.none()).map(json.dumps),
    "maker": st.sampled_from(["Makita", "Bosch", "Metabo"]), "groups": CODES, "shelves": CODES,
}  # fmt: skip
CLEARABLE = frozenset(CELLS) - {"groups", "isOpen", "name", "name_de"}


def cells(column: str) -> st.SearchStrategy[str]:
    """A cell of a column: a value, empty, or the marker that clears."""
    marks = ["", "NULL"] if column in CLEARABLE else [""]
    return CELLS[column] | st.sampled_from(marks)


TABLES = st.lists(
    st.fixed_dictionaries(
        {"number": st.sampled_from(["1", "2", "3", "4"])},
        optional={column: cells(column) for column in CELLS},
    ),
    max_size=4,
    unique_by=lambda row: row["number"],
)


@pytest.mark.parametrize("there", ["1.10", "2.1", "2.2"], indirect=True)
@settings(
    max_examples=5,
    phases=(Phase.explicit, Phase.generate),  # shrinking against a server takes minutes
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(first=TABLES, then=TABLES, example=st.uuids())
def test_an_import_does_exactly_what_the_plan_said(there, first, then, example):
    def own(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [{**row, "number": f"{example}-{row['number']}"} for row in rows]

    there.carry(there.table(own(first)))
    table = there.table(own(then))
    before = there.items()
    plan = there.plan(table)
    done = there.carry(table)
    after = there.items()

    assert plan.summary.rows == done.rows
    assert plan.summary.records == done.records
    said = [one for one in shop.lines(plan) if one["entity"] == "Item"]
    assert {one["key"] for one in said if one["kind"] == "create"} == after.keys() - before.keys()
    changed = {
        (number, key)
        for number in before
        for key in KEYS
        if as_said(before[number].get(key)) != as_said(after[number].get(key))
    }
    assert {(one["key"], one["payload_key"]) for one in said if one["kind"] == "update"} == changed
    for one in said:
        if one["field"] and one["kind"] in ("create", "update"):
            stands = as_said(after[one["key"]][one["payload_key"]])
            assert stands == becomes(one, before.get(one["key"], {}).get(one["payload_key"]))
    assert not there.plan(table).has_changes


def as_said(value: object) -> object:
    """A value without what means nothing: the order of ids and options, line ends, one empty or another."""
    if value in ("", [], {}):
        return None
    if isinstance(value, list):
        return sorted(value, key=str)
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def becomes(line: dict[str, object], before: object) -> object:
    """What stands there once a line of a plan is carried out."""
    new = json.loads(line["new"])
    if line["mode"] == "add":
        new = [*(before or []), *new]
    return as_said([*dict.fromkeys(new)] if isinstance(new, list) else new)
