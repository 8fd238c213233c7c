"""What stands on the server and what the source says, compared by meaning, in every generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl import blocking
from tests.planning import shop

if TYPE_CHECKING:
    from pathlib import Path

EQUAL = [
    ("name", "Hammer", "Hammer"),
    ("name", "Säge ÄÖ ß 日本 😀", "Säge ÄÖ ß 日本 😀"),
    ("name", None, ""),
    ("nameDeDe", "Hammer", "Hammer"),
    ("note", "two\r\nlines", "two\nlines"),
    ("note", "two\nlines", "two\r\nlines"),
    ("note", "007", "007"),
    ("body", "<p>a &amp; b</p>", "<p>a &amp; b</p>"),
    ("stock", 1, "1"),
    ("stock", 1, "+1"),
    ("stock", 0, "0"),
    ("stock", -3, "-3"),
    ("price", 1.0, "1"),
    ("price", 12.5, "12.50"),
    ("price", 0.1 + 0.2, "0.3"),
    ("price", 1234567.89, "1234567.89"),
    ("weight", 1.01, "1.012"),
    ("isActive", True, "true"),
    ("isActive", False, "false"),
    ("isOpen", False, "0"),
    ("since", "2026-02-28", "2026-02-28"),
    ("moment", "2026-02-28 10:00:00", "2026-02-28 10:00:00"),
    ("moment", "2026-02-28 10:00:00", "2026-02-28T11:00:00+01:00"),
    ("state", "draft", "draft"),
    ("tags", ["sale", "new"], "new|sale"),
    ("tags", ["new"], "new|new"),
    ("labels", ["a", "b"], "a|b"),
    ("labels", ["a", "b"], "a|b|a"),
    ("data", {"a": 1, "b": [True]}, '{"b": [true], "a": 1.0}'),
    ("data", [], "{}"),
    ("data", {}, "NULL"),
    ("makerId", "m1", "Makita"),
    ("groupsIds", ["g1", "g2"], "G2|G1"),
    ("groupsIds", ["g1", "g2"], "G1"),
    ("shelvesIds", ["g1", "g2"], "G2|G1"),
    ("note", "old", ""),
    ("groupsIds", ["g1"], ""),
    ("note", None, "NULL"),
    ("note", "", "NULL"),
    ("stock", None, "NULL"),
    ("tags", [], "NULL"),
    ("makerId", None, "NULL"),
]
"""Payload key, what stands there, the cell: nothing is to be sent."""

UNEQUAL = [
    ("name", "Hammer", "hammer"),
    ("name", "Hammer", "Hammers"),
    ("name", None, "Hammer"),
    ("nameDeDe", "Hammer", "Zange"),
    ("note", "two lines", "two\nlines"),
    ("note", "7", "007"),
    ("note", "1.0", "1"),
    ("body", "<p>a</p>", "<p>b</p>"),
    ("stock", 1, "2"),
    ("stock", None, "0"),
    ("price", 12.5, "12.51"),
    ("price", None, "0"),
    ("weight", 1.01, "1.02"),
    ("isActive", True, "false"),
    ("isOpen", False, "true"),
    ("since", "2026-02-28", "2026-03-01"),
    ("moment", "2026-02-28 10:00:00", "2026-02-28 10:00:01"),
    ("state", "draft", "ready"),
    ("tags", ["new"], "new|sale"),
    ("tags", ["new", "sale"], "new"),
    ("labels", ["a", "b"], "b|a"),
    ("data", {"a": 1}, '{"a": 2}'),
    ("data", {"a": "1"}, '{"a": 1}'),
    ("makerId", "m1", "Bosch"),
    ("makerId", None, "Bosch"),
    ("groupsIds", ["g1"], "G1|G2"),
    ("groupsIds", [], "G1"),
    ("shelvesIds", ["g1", "g2"], "G1"),
    ("note", "old", "NULL"),
    ("stock", 0, "NULL"),
    ("tags", ["new"], "NULL"),
    ("makerId", "m1", "NULL"),
    ("shelvesIds", ["g1"], "NULL"),
]
"""Payload key, what stands there, the cell: this one field is to be sent."""

COLUMN = {"nameDeDe": "name_de", "makerId": "maker", "groupsIds": "groups", "shelvesIds": "shelves"}
FIELD = {"makerId": "maker", "groupsIds": "groups", "shelvesIds": "shelves"}


@pytest.mark.parametrize("generation", shop.ALL)
def test_only_what_means_something_else_is_a_change_and_import_agrees_with_plan(
    generation: str, tmp_path: Path
):
    pairs = [*EQUAL, *UNEQUAL]
    mapping = shop.write_mapping(tmp_path / "items.yaml")
    rows = [{"number": f"N{i}", COLUMN.get(key, key): cell} for i, (key, _, cell) in enumerate(pairs)]
    table = shop.write_table(tmp_path / "items.csv", rows)
    expected = {f"N{len(EQUAL) + i}": {FIELD.get(key, key)} for i, (key, _, _) in enumerate(UNEQUAL)}
    with (
        shop.running(tmp_path, generation) as sandbox,
        blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim,
    ):
        shop.store(pim, "Maker", [{"id": "m1", "name": "Makita"}, {"id": "m2", "name": "Bosch"}])
        shop.store(pim, "Group", [{"id": f"g{i}", "code": f"G{i}"} for i in (1, 2)])
        shop.store(
            pim,
            "Item",
            [
                {"id": f"i{i}", "number": f"N{i}", **({} if there is None else {key: there})}
                for i, (key, there, _) in enumerate(pairs)
            ],
        )
        before = shop.writes(sandbox)
        plan = blocking.plan(table, mapping, pim, state_dir=tmp_path / "state")
        assert shop.changed(plan) == expected
        assert [one.message for one in plan.summary.problems] == []
        assert plan.summary.rows.unchanged == len(EQUAL)
        assert shop.writes(sandbox) == before
        done = blocking.import_table(table, mapping, pim, state_dir=tmp_path / "state")
        assert (done.rows.updated, done.rows.unchanged) == (len(UNEQUAL), len(EQUAL))
        again = blocking.plan(table, mapping, pim, state_dir=tmp_path / "state")
        assert shop.changed(again) == {}
