"""Attributes of each type, however the server shows them."""

from __future__ import annotations

import json

import orjson
import pytest

from etl import aio
from etl.errors import FilterInvalid
from etl.exporting import mapping_of

TYPES = {
    "width": "float", "pieces": "int", "made": "date", "seen": "datetime", "isNew": "bool",
    "remark": "varchar",    "story": "text", "size": "rangeInt", "words": "array", "colour": "extensibleEnum",
    "colours": "extensibleMultiEnum",
}  # fmt: skip
VALUES = {
    "width": 7.5, "pieces": 3, "made": "2026-11-01", "seen": "2026-11-01 08:30:00", "isNew": True,
    "remark": "small", "story": "two\nlines", "sizeFrom": 3, "sizeTo": 9, "words": ["a", "b"],
    "colour": "o1", "colours": ["o1", "o2"],
}  # fmt: skip
COLUMNS = (
    "number,width,pieces,made,seen,isNew,remark,story,size.from,size.to,words,colour,colours,"
    "weight,weight.unit"
)


@pytest.fixture
async def shop(pim):
    for entity, payload in [
        ("ExtensibleEnum", {"id": "l1", "code": "l1", "name": "Colours"}),
        ("ExtensibleEnumOption", {"id": "o1", "code": "o1", "name": "Red", "extensibleEnumsIds": ["l1"]}),
        (
            "ExtensibleEnumOption",
            {"id": "o2", "code": "o2", "name": "Blue, dark", "extensibleEnumsIds": ["l1"]},
        ),
    ]:
        await pim.create(entity, payload)
    ids = []
    for code, kind in [*TYPES.items(), ("weight", "float")]:
        payload = {"code": code, "name": code.title(), "type": kind, "entityId": "Product"}
        payload |= {"extensibleEnumId": "l1"} if kind.startswith("extensible") else {}
        payload |= {"measureId": "dimension"} if code == "weight" else {}
        found = await pim.create("Attribute", {**payload, "attributePanelId": "attributeValues"})
        ids.append(str(found["id"]))
    products = [
        {"id": "p1", "number": "N1", "name": "Saw", "__attributes": ids, **VALUES, "weight": 2.5,
         "weightUnitId": "inch"},
        {"id": "p2", "number": "N2", "name": "Axe"},
    ]  # fmt: skip
    items = [{"entity": "Product", "payload": one} for one in products]
    assert {one.kind for one in await pim.upsert(orjson.dumps(items), count=2)} == {"created"}
    return pim


@pytest.mark.parametrize("sandbox", ["2.1", "2.2"], indirect=True)
async def test_values_of_each_type_come_beside_the_fields(shop, export, place):
    await export("a.jsonl", entity="Product", columns=COLUMNS)
    first, second = (json.loads(line) for line in (place.cwd / "a.jsonl").read_text().splitlines())
    assert first == {
        "number": "N1", "width": 7.5, "pieces": 3, "made": "2026-11-01", "seen": "2026-11-01 08:30:00",
        "isNew": True, "remark": "small", "story": "two\nlines", "size.from": 3, "size.to": 9,
        "words": ["a", "b"],
        "colour": "Red",
        "colours": ["Red", "Blue, dark"], "weight": 2.5, "weight.unit": "Inch",
    }  # fmt: skip
    assert {value for key, value in second.items() if key != "number" and value != []} == {None}


@pytest.mark.parametrize("sandbox", ["2.1", "2.2"], indirect=True)
async def test_all_attributes_come_sorted_by_code(shop, export, place):
    await export("a.csv", entity="Product", columns="number,attributes.*,weight[unit]")
    lines = (place.cwd / "a.csv").read_text(encoding="utf-8").split("\n")
    assert lines[0].split(",")[:4] == ["number", "colour", "colours", "isNew"]
    assert "weight.unit" in lines[0]
    assert "2.5 Inch" in "".join(lines)


@pytest.mark.parametrize("sandbox", ["2.1", "2.2"], indirect=True)
async def test_a_workbook_with_attributes_imported_untouched_sends_nothing(shop, export, place):
    await export("a.xlsx", entity="Product", columns=COLUMNS)
    mapping = mapping_of(place.cwd / "a.xlsx", url=shop.url, state=place.state)
    summary = await aio.import_table(place.cwd / "a.xlsx", mapping, shop, state_dir=place.state)
    assert summary.rows.unchanged == 2, (summary.rows, summary.problems)


@pytest.mark.parametrize("sandbox", ["1.10"], indirect=True)
async def test_values_that_are_records_of_their_own_come_and_go_back_too(pim, export, place):
    await pim.create("ExtensibleEnum", {"id": "l1", "code": "l1", "name": "Colours"})
    for option in ({"id": "o1", "code": "o1", "name": "Red"}, {"id": "o2", "code": "o2", "name": "Blue"}):
        await pim.create("ExtensibleEnumOption", {**option, "extensibleEnumsIds": ["l1"]})
    await pim.create("Product", {"id": "p1", "sku": "N1", "name": "Saw"})
    await pim.create("Product", {"id": "p2", "sku": "N2", "name": "Axe"})
    rows = []
    for code, kind in [*TYPES.items(), ("weight", "float")]:
        payload = {"id": code, "code": code, "name": code.title(), "type": kind}
        payload |= {"extensibleEnumId": "l1"} if kind.startswith("extensible") else {}
        payload |= {"measureId": "dimension"} if code == "weight" else {}
        await pim.create("Attribute", payload)
        values = {**VALUES, "weight": 2.5, "weightUnitId": "inch"}
        parts = {key.removeprefix(code): one for key, one in values.items() if key.startswith(code)}
        parts = {end: one for end, one in parts.items() if end in ("", "From", "To", "UnitId")}
        row = {f"value{end}": one for end, one in parts.items()}
        rows.append({"productId": "p1", "attributeId": code, **row})
    items = [{"entity": "ProductAttributeValue", "payload": one} for one in rows]
    assert {one.kind for one in await pim.upsert(orjson.dumps(items), count=len(items))} == {"created"}
    columns = COLUMNS.replace("number", "sku")
    await export("a.jsonl", entity="Product", columns=columns)
    first, second = (json.loads(line) for line in (place.cwd / "a.jsonl").read_text().splitlines())
    assert first == {
        "sku": "N1", "width": 7.5, "pieces": 3, "made": "2026-11-01", "seen": "2026-11-01 08:30:00",
        "isNew": True, "remark": "small", "story": "two\nlines", "size.from": 3, "size.to": 9,
        "words": ["a", "b"], "colour": "Red", "colours": ["Red", "Blue"], "weight": 2.5,
        "weight.unit": "Inch",
    }  # fmt: skip
    assert {one for key, one in second.items() if key != "sku" and one != []} == {None}
    await export("a.xlsx", entity="Product", columns=columns)
    mapping = mapping_of(place.cwd / "a.xlsx", url=pim.url, state=place.state)
    summary = await aio.import_table(place.cwd / "a.xlsx", mapping, pim, state_dir=place.state)
    assert summary.rows.unchanged == 2, (summary.rows, summary.problems)


@pytest.fixture
async def channels(sandbox, pim):
    """A product whose colour is red, and crimson in one shop."""
    is_old = sandbox.options.generation == "1.10"
    number = "sku" if is_old else "number"
    await pim.create("Channel", {"id": "c1", "name": "Web shop", "code": "shop"})
    if is_old:
        await pim.create("Attribute", {"id": "colour", "code": "colour", "name": "Colour", "type": "varchar"})
        await pim.create("Product", {"id": "p1", "name": "Saw", number: "N1"})
        for value, channel in (("red", None), ("crimson", "c1")):
            row = {"productId": "p1", "attributeId": "colour", "value": value, "channelId": channel}
            await pim.create("ProductAttributeValue", row)
        return number
    ids = []
    for code, channel in (("colour", None), ("shopColour", "c1")):
        made = {"code": code, "name": "Colour", "type": "varchar", "channelId": channel}
        made |= {"entityId": "Product", "attributePanelId": "attributeValues"}
        ids.append(str((await pim.create("Attribute", made))["id"]))
    product = {"id": "p1", "name": "Saw", number: "N1", "__attributes": ids, "colour": "red"}
    item = [{"entity": "Product", "payload": {**product, "shopColour": "crimson"}}]
    await pim.upsert(orjson.dumps(item), count=1)
    return number


@pytest.mark.parametrize("sandbox", ["1.10", "2.1", "2.2"], indirect=True)
async def test_a_channel_has_values_of_its_own(sandbox, channels, export, place):
    columns = "colour,colour#shop,Colour#c1,attributes.*#shop"
    await export("a.jsonl", entity="Product", columns=columns)
    every = "colour#shop (2)" if sandbox.options.generation == "1.10" else "shopColour"
    expected = {"colour": "red", "colour#shop": "crimson", "Colour#c1": "crimson", every: "crimson"}
    assert json.loads((place.cwd / "a.jsonl").read_text()) == expected
    for wrong in ("colour#nowhere", "attributes.*#nowhere"):
        with pytest.raises(FilterInvalid, match='channel "nowhere"'):
            await export("b.jsonl", entity="Product", columns=wrong)


@pytest.mark.parametrize("sandbox", ["2.2"], indirect=True)
async def test_attributes_of_channels_go_back_too(channels, pim, export, place):
    await export(
        "a.xlsx", entity="Product", columns=f"{channels},attributes.*", where="colour#shop = 'crimson'"
    )
    mapping = mapping_of(place.cwd / "a.xlsx", url=pim.url, state=place.state)
    summary = await aio.import_table(place.cwd / "a.xlsx", mapping, pim, state_dir=place.state)
    assert (summary.rows.read, summary.rows.unchanged) == (1, 1), (summary.rows, summary.problems)
    feed = place.cwd / "feed.yaml"
    feed.write_text(
        "entity: Product\nkey: number\nwrite: update\nfields:\n  number: No\n"
        "attributes:\n  Colour: All\n  Colour#shop: Shop\n"
    )
    await export("b.csv", mapping=feed)
    assert (place.cwd / "b.csv").read_text().splitlines() == ["No,All,Shop", "N1,red,crimson"]


@pytest.mark.parametrize("sandbox", ["1.10"], indirect=True)
async def test_a_filter_cannot_tell_values_of_channels_apart(channels, export):
    with pytest.raises(FilterInvalid, match="filters cannot tell apart"):
        await export("a.csv", entity="Product", columns=channels, where="colour#shop = 'crimson'")


async def test_an_attribute_that_is_not_there_is_refused(shop, export):
    with pytest.raises(FilterInvalid, match='Did you mean "width"'):
        await export("a.csv", entity="Product", columns="widht")
    with pytest.raises(FilterInvalid, match=r"Name size\.from and size\.to"):
        await export("a.csv", entity="Product", columns="size")
