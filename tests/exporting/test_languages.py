"""`--locale`: values in one language, and where they go when they are sent back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openpyxl
import orjson
import pytest

from etl import aio
from etl.exporting import How, What, mapping_of, read_table, run_export

if TYPE_CHECKING:
    from etl.api import Client
    from tests.exporting.conftest import Place

pytestmark = pytest.mark.parametrize(
    "sandbox", [{"generation": one, "languages": ("de_DE",)} for one in ("2.1", "2.2")], indirect=True
)


@pytest.fixture
async def saw(pim: Client) -> None:
    made = {"code": "remark", "name": "Remark", "type": "varchar", "isMultilang": True, "entityId": "Product"}
    found = await pim.create("Attribute", {**made, "attributePanelId": "attributeValues"})
    product = {"id": "p1", "number": "N1", "name": "Saw", "nameDeDe": "Säge", "__attributes": [found["id"]]}
    values = {"remark": "sharp", "remarkDeDe": "scharf"}
    await pim.upsert(orjson.dumps([{"entity": "Product", "payload": {**product, **values}}]), count=1)


async def test_fields_and_attributes_come_in_the_language_asked_for(saw: None, pim: Client):
    columns = "number,name,remark,name@de_DE as german"
    what = What(entity="Product", columns=columns, language="de_DE")
    assert (await read_table(what, pim)).to_pylist() == [
        {"number": "N1", "name": "Säge", "remark": "scharf", "german": "Säge"}
    ]


async def test_a_workbook_in_a_language_says_so_and_changes_that_language_alone(
    saw: None, pim: Client, place: Place
):
    what = What(entity="Product", columns="number,name,remark", language="de_DE")
    await run_export(what, pim, place=place, how=How(output="a.xlsx", sort="name"))
    path = place.cwd / "a.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book["Product"]
    assert [one.value for one in sheet[1]][:3] == ["number", "name@de_DE", "remark@de_DE"]
    mapping = mapping_of(path, url=pim.url, state=place.state)
    sent = await aio.import_table(path, mapping, pim, state_dir=place.state)
    assert sent.rows.unchanged == 1, sent.problems
    sheet["B2"].value = "Handsäge"
    book.save(path)
    sent = await aio.import_table(path, mapping, pim, state_dir=place.state)
    assert sent.rows.updated == 1, sent.problems
    stored = await pim.get("Product", "p1")
    assert (stored["name"], stored["nameDeDe"]) == ("Saw", "Handsäge")
