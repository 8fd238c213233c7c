"""Filters against the sandbox: what comes is what the filter says, in every generation."""

from __future__ import annotations

import orjson
import pytest

from etl.api import GENERATIONS
from etl.api.filters import to_where
from etl.errors import FilterInvalid
from etl.schema import read_metadata

SERVED = [name for name in GENERATIONS if name != "2.3"]
every_generation = pytest.mark.parametrize("sandbox", SERVED, indirect=True)

RECORDS = [
    *({"entity": "Brand", "payload": {"id": f"b{n}", "code": f"b{n}", "name": name}}
      for n, name in enumerate(["Oak & Söhne", "Birch", "50% off_x"])),
    *({"entity": "Category",
       "payload": {"id": f"k{n}", "code": f"k{n}", "name": f"Cat {n}", "isActive": n != 1}}
      for n in range(3)),
    *({"entity": "Product", "payload": one} for one in [
        {"id": "p0", "name": "Saw", "price": 5.0, "priceUnitId": "EUR", "quantity": 1.0, "isActive": True,
         "brandId": "b0", "categoriesIds": ["k0", "k1"], "tag": ["red", "blue"], "ean": "12345670"},
        {"id": "p1", "name": 'Hammer "XL"', "price": 12.0, "priceUnitId": "USD", "quantity": 0.0,
         "isActive": True, "brandId": "b1", "categoriesIds": ["k1"], "tag": ["red"]},
        {"id": "p2", "name": "100% wool_a", "price": 30.0, "quantity": 5.0, "isActive": False,
         "brandId": "b2", "categoriesIds": ["k2"]},
        {"id": "p3", "name": "line\none\\two", "isActive": False, "mpn": ""},
    ]),
]  # fmt: skip


async def found(pim, text: str, entity: str = "Product") -> str:
    """Return the ids that a filter finds, without their letter."""
    schema = read_metadata(await pim.metadata())
    where = await to_where(pim, text, entity=schema.entity(entity), schema=schema)
    pages = [page async for page in pim.pages(entity, select=("id",), where=where)]
    return "".join(str(one["id"])[1:] for page in pages for one in page.records)


def numbered(one, *, is_old: bool):
    """Return a payload as its generation has it: 1.10 takes categories from the tree of a catalog only."""
    payload = dict(one["payload"])
    if one["entity"] == "Product":
        payload["sku" if is_old else "number"] = payload["id"]
        if is_old:
            payload.pop("categoriesIds", None)
    return payload


@pytest.fixture
async def shop(sandbox, pim):
    is_old = sandbox.options.generation == "1.10"
    items = [{**one, "payload": numbered(one, is_old=is_old)} for one in RECORDS]
    answers = await pim.upsert(orjson.dumps(items), count=len(items))
    assert {answer.kind for answer in answers} == {"created"}
    return pim


CASES = {
    "": "0123",
    "isActive": "01",
    "not isActive": "23",
    "name = 'Saw'": "0",
    "name != 'Saw'": "123",
    "name in ('Saw', '100% wool_a')": "02",
    "name notIn ('Saw')": "123",
    "name contains '%'": "2",
    "name contains '_'": "2",
    "name contains '\"'": "1",
    "name startsWith '100%'": "2",
    "name startsWith '1__%'": "",
    "name endsWith 'l_a'": "2",
    "name = 'line\none\\two'": "3",
    "name like 's_w'": "0",
    "name notLike '%a%'": "3",
    "not name contains 'a'": "3",
    "price > 5": "12",
    "price >= 5 and price < 30": "01",
    "price between 5 and 12": "01",
    "not price between 5 and 12": "23",
    "price is null": "3",
    "price = null or price = 30": "23",
    "quantity = 0": "13",
    "mpn is empty": "0123",
    "ean is not empty": "0",
    "brand.name startsWith 'Oak'": "0",
    "brand.name contains '50% off_'": "2",
    "not brand.name = 'Birch'": "023",
    "brand is empty": "3",
    "brand is not empty": "012",
    "brand.name is empty": "3",
    "brand.id in ('b0', 'b1')": "01",
    "categories.code = 'k1'": "01",
    "categories.code in ('k0', 'k2')": "02",
    "not categories.code = 'k1'": "23",
    "categories has (code = 'k1' and isActive)": "",
    "categories has (code = 'k0' and isActive)": "0",
    "categories is empty": "3",
    "categories isLinked": "012",
    "categories linkedWith ('k2')": "2",
    "categories notLinkedWith ('k2')": "013",
    "tag arrayAnyOf ('blue')": "0",
    "tag arrayAnyOf ('blue', 'red')": "01",
    "tag arrayNoneOf ('blue')": "123",
    "tag is empty": "23",
    "tag is not empty": "01",
    "createdAt today": "0123",
    "createdAt lastXDays 1": "0123",
    "not createdAt lastXDays 1": "",
    "createdAt olderThanXDays 1": "",
    "createdAt currentYear and modifiedAt lastSevenDays": "0123",
    "createdAt past": "",
    "createdAt > 2020-01-01": "0123",
    "createdAt < '2020-01-01 10:00:00'": "",
    "only onlyActive": "01",
    "search 'Saw'": "0",
    "isActive and (price = 5 or brand.code = 'b1')": "01",
    "(isActive or price = 30) and not name = 'Saw'": "12",
}


@every_generation
async def test_each_filter_finds_what_it_says(sandbox, shop):
    wrong = {}
    for text, ids in CASES.items():
        if "categories" in text and sandbox.options.generation == "1.10":
            continue
        if (answer := await found(shop, text)) != ids:
            wrong[text] = answer
    assert not wrong


async def test_amounts_are_compared_across_units(shop):
    await shop.patch("Unit", "USD", payload={"multiplier": 0.5})
    # Two dollars are a euro; a number without a unit is no amount.
    assert await found(shop, "price > 5.5 EUR") == "1"
    assert await found(shop, "not price > 5.5 EUR") == "023"
    assert await found(shop, "price between 4 EUR and 5 EUR") == "0"
    for record in ("p0", "p1"):
        await shop.patch("Product", record, payload={"priceUnitId": None})
    assert await found(shop, "price > 1 EUR") == ""
    with pytest.raises(FilterInvalid, match='"kg" is no unit of price'):
        await found(shop, "price > 5 kg")


async def test_a_negation_that_has_no_opposite_is_refused(shop):
    with pytest.raises(FilterInvalid, match="cannot be negated"):
        await found(shop, "not createdAt currentYear")


async def attribute(pim, code: str, kind: str, **more: object) -> str:
    payload = {"code": code, "name": code.title(), "type": kind, "entityId": "Product", **more}
    payload["attributePanelId"] = "attributeValues"
    return str((await pim.create("Attribute", payload))["id"])


@pytest.mark.parametrize("sandbox", ["2.1", "2.2"], indirect=True)
async def test_attributes_go_by_code_name_or_id(shop):
    width = await attribute(shop, "width", "float")
    size = await attribute(shop, "size", "rangeInt")
    values = {"__attributes": [width, size], "width": 7.5, "sizeFrom": 3, "sizeTo": 9}
    item = [{"entity": "Product", "payload": {"id": "p0", **values}}]
    assert [one.kind for one in await shop.upsert(orjson.dumps(item), count=1)] == ["updated"]
    assert await found(shop, "width > 7") == "0"
    assert await found(shop, "attributes.Width > 7 and isActive") == "0"
    assert await found(shop, f"`{width}` < 7") == ""
    assert await found(shop, "not width > 8") == "0123"
    assert await found(shop, "size.from >= 3 and size.to < 10") == "0"
    assert await found(shop, "width isLinked") == "0"
    assert await found(shop, "width is empty") == "123"
    with pytest.raises(FilterInvalid, match='Did you mean "width"'):
        await found(shop, "widht > 7")
