"""A mapping that imports gives an export, and the export imported with it sends nothing."""

from __future__ import annotations

import orjson
import pytest

from etl import aio

MAPPING = """entity: Product
key: number
source: {number: {decimal: ","}, date: DD.MM.YYYY}
fields:
  number: Artikel
  name: {column: Titel, required: true}
  price: Preis
  isActive: {column: Aktiv, values: {ja: true, nein: false}}
  tag: {column: Marken, split: "|"}
  brand: {column: Hersteller, link: {by: [name, code], delimiter: " / "}}
  categories: {column: Pfad, split: "|", link: {by: name, path: " > "}}
attributes:
  colour: {column: Farbe, link: {by: name}}
  made: {column: Gemacht}
  width: Breite
"""


@pytest.fixture
async def shop(pim):
    colours = {"id": "l1", "code": "l1", "name": "Colours"}
    await pim.create("ExtensibleEnum", colours)
    for n, name in enumerate(("Red", "Blue")):
        option = {"id": f"o{n}", "code": f"o{n}", "name": name, "extensibleEnumsIds": ["l1"]}
        await pim.create("ExtensibleEnumOption", option)
    attributes = []
    for code, kind in (("colour", "extensibleEnum"), ("made", "date"), ("width", "float")):
        payload = {"code": code, "name": code.title(), "type": kind, "entityId": "Product"}
        payload |= {"extensibleEnumId": "l1"} if code == "colour" else {}
        payload["attributePanelId"] = "attributeValues"
        attributes.append(str((await pim.create("Attribute", payload))["id"]))
    tree = [("k1", "Tools", None), ("k2", "Saws", "k1"), ("k3", "Sale", None), ("k4", "Hand saws", "k2")]
    items = [
        *({"entity": "Brand", "payload": {"id": f"b{n}", "code": f"B{n}", "name": "Acme"}} for n in range(2)),
        *(
            {
                "entity": "Category",
                "payload": {"id": one, "code": one, "name": name, "parentsIds": [up] if up else []},
            }
            for one, name, up in tree
        ),
        {
            "entity": "Product",
            "payload": {
                "id": "p1",
                "number": "N1",
                "name": "Saw",
                "price": 12.5,
                "isActive": True,
                "tag": ["a", "b"],
                "brandId": "b1",
                "categoriesIds": ["k4", "k3"],
                "__attributes": attributes,
                "colour": "o1",
                "made": "2026-11-01",
                "width": 7.5,
            },
        },
        {"entity": "Product", "payload": {"id": "p2", "number": "N2", "name": "Axe", "isActive": False}},
    ]
    assert {one.kind for one in await pim.upsert(orjson.dumps(items), count=len(items))} == {"created"}
    return pim


@pytest.mark.parametrize("sandbox", ["2.1", "2.2"], indirect=True)
async def test_paths_composite_links_and_attributes_come_back_as_the_mapping_reads_them(shop, export, place):
    (place.cwd / "m.yaml").write_text(MAPPING)
    await export("a.csv", mapping=place.cwd / "m.yaml")
    assert (place.cwd / "a.csv").read_text(encoding="utf-8").splitlines()[1:] == [
        'N1,Saw,"12,5",ja,a|b,Acme / B1,Tools > Saws > Hand saws|Sale,Blue,01.11.2026,"7,5"',
        "N2,Axe,,nein,,,,,,",
    ]
    summary = await aio.import_table(place.cwd / "a.csv", place.cwd / "m.yaml", shop, state_dir=place.state)
    assert summary.rows.unchanged == 2, (summary.rows, summary.problems)
