"""A plan of the shipped samples, in every generation: read in pages, empty after an import."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl import blocking
from tests.planning import shop

ROOT = Path(__file__).parent.parent


# 1.10 takes categories from the tree of the product's catalog only.
@pytest.mark.parametrize("sandbox_in_thread", shop.ALL[1:], indirect=True)
def test_a_plan_after_an_import_sees_links_that_single_records_hide_and_asks_in_pages(
    sandbox_in_thread, tmp_path
):
    sandbox, state = sandbox_in_thread, tmp_path / "state"
    products = tmp_path / "products.yaml"
    text = (ROOT / "mappings" / "products.yaml").read_text(encoding="utf-8")
    products.write_text(text.replace("key: number\n", "key: number|sku\n"), encoding="utf-8")
    table = ROOT / "samples" / "products.csv"
    with blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim:
        for feed in ("brands", "categories"):
            blocking.import_table(None, ROOT / "mappings" / f"{feed}.yaml", pim, state_dir=state)
        assert blocking.import_table(table, products, pim, state_dir=state).rows.created == 198
        before = len(sandbox.requests)
        plan = blocking.plan(table, products, pim, state_dir=state)
        asked = [one.path for one in sandbox.requests if one.method == "GET"][
            -(len(sandbox.requests) - before) :
        ]
        assert not plan.has_changes
        assert plan.summary.rows.unchanged == 198
        assert len(asked) < 12
        assert not [path for path in asked if "/Product/" in path]
        assert shop.writes(sandbox) == sum(one.method != "GET" for one in list(sandbox.requests)[:before])

        # Somebody takes a product out of its categories: the plan puts it back.
        async def first() -> str:
            page = await pim.client.list("Product", select=("id", "categoriesIds"), max_size=200)
            return next(str(one["id"]) for one in page.records if one["categoriesIds"])

        product = pim.loop.wait_for(first())
        pim.loop.wait_for(pim.client.patch("Product", product, payload={"categoriesIds": []}))
        plan = blocking.plan(table, products, pim, state_dir=state)
        assert plan.records["Product"]["update"] == 1
        assert plan.fields == {"Product": {"categories": 1}}


CHANNELS = """\
entity: Product
key: number|sku
fields:
  number|sku: Number
  name: Name
  channels: {column: Channels, split: "|", link: {by: code, missing: create}, links: replace}
"""


@pytest.mark.parametrize("sandbox_in_thread", shop.ALL, indirect=True)
def test_links_of_products_are_compared_though_a_single_product_does_not_show_them(
    sandbox_in_thread, tmp_path
):
    sandbox, state = sandbox_in_thread, tmp_path / "state"
    mapping, table = tmp_path / "products.yaml", tmp_path / "products.csv"
    mapping.write_text(CHANNELS, encoding="utf-8")
    table.write_text("Number,Name,Channels\n1,Hammer,web|print\n2,Zange,web\n", encoding="utf-8")
    with blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim:
        shop.store(pim, "Channel", [{"id": one, "code": one, "name": one} for one in ("web", "print")])
        assert blocking.import_table(table, mapping, pim, state_dir=state).rows.created == 2
        assert not blocking.plan(table, mapping, pim, state_dir=state).has_changes
        table.write_text("Number,Name,Channels\n1,Hammer,print|web\n2,Zange,print\n", encoding="utf-8")
        plan = blocking.plan(table, mapping, pim, state_dir=state)
        assert plan.records == {"Product": {"unchanged": 1, "update": 1}}
        assert [(one.key, one.old, one.new) for one in plan.first] == [("2", "web", "print")]
