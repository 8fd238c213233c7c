"""Columns of what is no field: addresses of files, permissions, options with all that belongs to them."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import aiohttp
import pytest

from etl import aio
from etl.errors import ConfigurationInvalid, EntityUnknown, FilterInvalid
from etl.exporting import How, What, mapping_of, read_table, run_export
from etl.exporting.addresses import read_addresses
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from etl.api import Client
    from tests.exporting.conftest import Place

CONTENT = "data:text/plain;base64," + base64.b64encode(b"hello").decode()


@pytest.mark.parametrize("sandbox", ["1.10", "2.1", "2.2", "2.3"], indirect=True)
async def test_files_are_told_with_the_addresses_they_are_fetched_from(pim: Client):
    for file_id in ("f1", "f2"):
        await pim.create("File", {"id": file_id, "name": f"{file_id}.txt", "fileContents": CONTENT})
    number = "sku" if pim.generation.name == "1.10" else "number"
    await pim.create("Product", {"id": "p1", "name": "Saw", number: "1"})
    for file_id in ("f1", "f2"):
        await pim.create("ProductFile", {"productId": "p1", "fileId": file_id})
    await pim.create("Sharing", {"id": "s1", "name": "s", "fileId": "f1", "active": True})
    await pim.create("Sharing", {"id": "s2", "name": "t", "fileId": "f2", "active": False})
    what = What(entity="Product", columns="name,download(files) as d,shared(files) as s,count(files) as n")
    row = (await read_table(what, pim)).to_pylist()[0]
    assert (row["name"], row["n"]) == ("Saw", 2)
    assert all(one.startswith(f"{pim.url}/") for one in row["d"])
    assert len(row["s"]) == 1
    async with aiohttp.ClientSession() as everybody, everybody.get(row["s"][0]) as answer:
        assert await answer.read() == b"hello"
    async with aiohttp.ClientSession() as everybody, everybody.get(row["d"][0]) as answer:
        assert answer.status == 401


async def test_permissions_and_options_come_from_what_the_server_tells_besides(pim: Client):
    if await pim.get("ExtensibleEnum", "fileTags") is None:
        await pim.create("ExtensibleEnum", {"id": "fileTags", "name": "File tags"})
    for number, colour in (("1", "ff0000"), ("2", "00ff00")):
        option = {"id": f"o{number}", "name": f"Tag {number}", "code": f"t{number}", "color": colour}
        await pim.create("ExtensibleEnumOption", {**option, "extensibleEnumsIds": ["fileTags"]})
    made = {"id": "f1", "name": "f1.txt", "fileContents": CONTENT, "tags": ["o1", "o2"]}
    await pim.create("File", made)
    columns = (
        "_meta.permissions.edit as may,_meta.permissions.fly as no,tags,_meta.options.tags.color as colour"
    )
    found = {"may": True, "no": None, "tags": ["Tag 1", "Tag 2"], "colour": "ff0000, 00ff00"}
    assert (await read_table(What(entity="File", columns=columns), pim)).to_pylist() == [found]


async def test_linked_records_go_by_their_ids_too(pim: Client, place: Place):
    for code in ("k1", "k2"):
        await pim.create("Category", {"id": code, "code": code, "name": f"Category {code}"})
    await pim.create("Brand", {"id": "b1", "code": "b1", "name": "Oak"})
    await pim.create("Product", {"id": "p1", "name": "Saw", "brandId": "b1", "categoriesIds": ["k1", "k2"]})
    what = What(entity="Product", columns="name,brand.id,categories.id,count(categories)")
    row = (await read_table(what, pim)).to_pylist()[0]
    assert sorted(row.pop("categories.id")) == ["k1", "k2"]
    assert row == {"name": "Saw", "brand.id": "b1", "count(categories)": 2}
    await run_export(what, pim, place=place, how=How(output="a.xlsx"))
    mapping = mapping_of(place.cwd / "a.xlsx", url=pim.url, state=place.state)
    summary = await aio.import_table(place.cwd / "a.xlsx", mapping, pim, state_dir=place.state)
    assert summary.rows.unchanged == 1, summary.problems


def test_every_column_of_the_readme_is_one():
    text = (
        (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Columns\n")[2].partition("\n## ")[0]
    )
    told = re.findall(
        r"`([^`]+)`", "".join(line.split("|")[1] for line in text.splitlines() if "| `" in line)
    )
    assert len(told) > 15
    assert [one.text for one in read_addresses("\n".join(told))][:-1] == told[:-1]


async def test_an_entity_that_is_not_there_is_refused_with_the_one_that_was_meant(pim: Client):
    with pytest.raises(EntityUnknown, match="Did you mean Product"):
        await read_table(What(entity="Produkt", columns="name"), pim)


@pytest.mark.parametrize("sandbox", ["2.1"], indirect=True)
async def test_an_instance_that_tells_no_meta_is_refused(pim: Client):
    await pim.create("Product", {"id": "p1", "name": "Saw", "number": "1"})
    with pytest.raises(ConfigurationInvalid, match="tells nothing of _meta"):
        await read_table(What(entity="Product", columns="_meta.permissions.edit"), pim)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("download(brand)", "brand leads to Brand, not to files"),
        ("_meta.options.nothing.name", "nothing that AtroCore tells of Product"),
        ("_meta.audit", "nothing that AtroCore tells of Product"),
    ],
)
async def test_what_leads_to_no_file_or_no_option_is_refused_with_its_place(pim: Client, columns, words):
    with pytest.raises(FilterInvalid, match=words):
        await read_table(What(entity="Product", columns=f"name,{columns}"), pim)
