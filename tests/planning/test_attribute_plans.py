"""Attribute values in a plan: in the way that each server keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl import blocking
from tests.planning import shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = "number|sku: No\n  name: Name\nattributes:\n  colour: Colour\n  width: Width\n"
MAPPING = f"entity: Product\nkey: number|sku\nfields:\n  {HEAD}"
LINES = "No,Name,Colour,Width\n1,a,red,12.5\n2,b,blue,\n3,c,,\n"


@pytest.fixture(params=shop.ALL)
def pim(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[blocking.Pim]:
    """Somebody signed in where products have the attributes `colour` and `width`."""
    with (
        shop.running(tmp_path, request.param) as sandbox,
        blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim,
    ):
        code = "systemName" if request.param == "2.3" else "code"
        place = (
            {} if request.param == "1.10" else {"entityId": "Product", "attributePanelId": "attributeValues"}
        )
        for name, kind in (("colour", "varchar"), ("width", "float")):
            payload = {"name": name.title(), code: name, "type": kind, **place}
            pim.loop.wait_for(pim.client.create("Attribute", payload))
        yield pim


def test_a_plan_after_an_import_is_empty_and_one_value_is_one_difference(pim: blocking.Pim, tmp_path: Path):
    mapping, table, state = tmp_path / "m.yaml", tmp_path / "t.csv", tmp_path / "state"
    mapping.write_text(MAPPING, encoding="utf-8")
    table.write_text(LINES, encoding="utf-8")
    first = blocking.plan(table, mapping, pim, state_dir=state)
    assert (first.summary.rows.created, first.summary.rows.bad) == (3, 0)
    assert blocking.import_table(table, mapping, pim, state_dir=state).rows.created == 3
    again = blocking.plan(table, mapping, pim, state_dir=state)
    assert not again.has_changes, shop.changed(again)
    table.write_text(LINES.replace("red", "green"), encoding="utf-8")
    plan = blocking.plan(table, mapping, pim, state_dir=state)
    assert (plan.summary.rows.updated, plan.summary.rows.unchanged) == (1, 2)
    (line,) = [one for one in plan.first if one.kind == "update"]
    assert (line.old, line.new) == ("red", "green")
    done = blocking.import_table(table, mapping, pim, state_dir=state)
    assert (done.rows.updated, done.rows.unchanged) == (1, 2)
    assert sum(sum(counts.values()) for counts in done.fields.values()) == 1
    assert not blocking.plan(table, mapping, pim, state_dir=state).has_changes
