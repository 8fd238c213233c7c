"""Headers as AtroCore calls its fields for people, and what of them survives the way back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import openpyxl
import pytest
from pyarrow import parquet

from etl import aio
from etl.errors import ConfigurationInvalid
from etl.exporting import How, What, mapping_of, run_export

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.api import Client
    from etl.report import Summary
    from etl.sandbox import Sandbox
    from tests.exporting.conftest import Place


def generations(*names: str) -> pytest.MarkDecorator:
    options = [{"generation": one, "languages": ("de_DE", "fr_FR")} for one in names]
    return pytest.mark.parametrize("sandbox", options, indirect=True)


@pytest.fixture
async def saw(sandbox: Sandbox, pim: Client) -> str:
    """One product; returns what its number is called."""
    number = "sku" if sandbox.options.generation == "1.10" else "number"
    await pim.create("Brand", {"id": "b1", "name": "Oak", "code": "oak"})
    made = {"id": "p1", "name": "Saw", "nameDeDe": "Säge", number: "1", "price": 3.5, "priceUnitId": "EUR"}
    await pim.create("Product", {**made, "brandId": "b1", "tag": ["a", "b"], "isActive": True})
    return number


async def headers(export: Callable[..., object], place: Place, columns: str, **what: object) -> list[str]:
    form = {"is_forced": True}
    await export("a.jsonl", entity="Product", columns=columns, headers="labels", how=form, **what)
    return list(json.loads((place.cwd / "a.jsonl").read_text()))


@generations("1.10", "2.1", "2.2", "2.3")
async def test_headers_are_what_the_instance_calls_its_fields(
    saw: str, export: Callable[..., object], place: Place
):
    columns = f"id,{saw},name,price,price.unit,brand,brand.code,brand.id,categories.parents.code,"
    columns += "count(categories),download(mainImage),isActive,data"
    assert await headers(export, place, columns) == [
        "ID", {"sku": "SKU", "number": "Article number"}[saw], "Product name", "Price", "Price (unit)",
        "Brand", "Brand: Code", "Brand: ID", "Categories: Parents: Code", "Categories (#)",
        "Main picture (URL)", "Active", "data",
    ]  # fmt: skip
    assert (await headers(export, place, columns, language="de_DE"))[3:7] == [
        "Preis", "Preis (Einheit)", "Marke", "Marke: Code",
    ]  # fmt: skip


@generations("1.10", "2.2")
async def test_headers_tell_in_which_language_a_field_is(
    sandbox: Sandbox, saw: str, export: Callable[..., object], place: Place
):
    del saw
    # 1.10 tells the language of every variant by its code, later ones by name where it is not the reader's.
    german, own = ("de_DE", " / de_DE") if sandbox.options.generation == "1.10" else ("German", "")
    assert await headers(export, place, "name,name@de_DE") == ["Product name", f"Product name / {german}"]
    assert await headers(export, place, "name,description", language="de_DE") == [
        f"Produktname{own}", f"Beschreibung{own}",
    ]  # fmt: skip


async def test_two_columns_with_one_label_are_told_apart_and_what_was_said_stays(
    saw: str, export: Callable[..., object], place: Place
):
    columns = f"price,price[unit],{saw} as Price,name as N,='x',{{{{ row.price * 2 }}}} as double"
    assert await headers(export, place, columns) == [
        "Price (price)", "Price (price[unit])", "Price", "N", "='x'", "double",
    ]  # fmt: skip


async def test_attributes_are_called_by_their_names_in_the_language(
    saw: str, pim: Client, export: Callable[..., object], place: Place
):
    del saw
    await pim.create("Channel", {"id": "c1", "name": "Shop", "code": "shop"})
    for one in (
        {"code": "width", "name": "Width", "type": "float", "measureId": "dimension"},
        {"code": "size", "name": "Size", "type": "rangeInt", "channelId": "c1"},
    ):
        await pim.create("Attribute", {"entityId": "Product", "attributePanelId": "attributeValues", **one})
    columns = "width,width.unit,size.from,size.to"
    assert await headers(export, place, columns) == [
        "Width", "Width (unit)", "Size from / Shop", "Size to / Shop",
    ]  # fmt: skip
    assert "Width" in await headers(export, place, "attributes.*")


@pytest.mark.parametrize("sandbox", [{"languages": ("de_DE",)}], indirect=True)
async def test_names_of_attributes_are_read_in_the_language_asked_for(
    saw: str, pim: Client, export: Callable[..., object], place: Place
):
    del saw
    named = {"code": "width", "name": "Width", "nameDeDe": "Breite", "type": "float", "entityId": "Product"}
    await pim.create("Attribute", {**named, "attributePanelId": "attributeValues"})
    assert await headers(export, place, "width") == ["Width"]
    assert await headers(export, place, "width", language="de_DE") == ["Breite"]


async def test_sorting_spreading_and_calculating_go_by_names(
    saw: str, export: Callable[..., object], place: Place
):
    columns = f"{saw},tag,{{{{ row.{saw} ~ '!' }}}} as x"
    form = {"sort": f"-{saw}"}
    what = {"entity": "Product", "headers": "labels", "columns": columns}
    await export("a.parquet", how=form, spread="tag", **what)
    table = parquet.read_table(place.cwd / "a.parquet")
    assert table.to_pylist() == [{"Article number": "1", "Tags 1": "a", "Tags 2": "b", "x": "1!"}]
    assert table.schema.metadata[b"atro-etl.column.Article number"] == saw.encode()
    template = place.cwd / "t.j2"
    each = "{% for one in header %}{{ labels[one] }}={{ row[one] }};{% endfor %}"
    template.write_text(f"{{% for row in rows %}}{each}{{% endfor %}}")
    await export("a.txt", how={"template": template}, **what)
    assert (place.cwd / "a.txt").read_text() == "Article number=1;Tags=['a', 'b'];x=1!;"


@generations("1.10", "2.3")
async def test_a_workbook_with_labels_goes_back_like_any_other(saw: str, pim: Client, place: Place):
    what = What(
        entity="Product",
        columns=f"{saw},name,price[unit],brand,isActive,tag,count(categories)",
        headers="labels",
    )
    await run_export(what, pim, place=place, how=How(output="a.xlsx"))
    path = place.cwd / "a.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book["Product"]
    found = [one.value for one in sheet[1]]
    assert found[1:6] == ["Product name", "Price", "Brand", "Active", "Tags"]
    assert found[-2:] == ["_id", "_modifiedAt"]
    assert [str(one.sqref)[0] for one in sheet.data_validations.dataValidation] == ["E"]
    sent = await sent_back(path, pim, place)
    assert (sent.rows.read, sent.rows.unchanged) == (1, 1), sent.problems
    sheet["B2"].value = "Handsaw"
    book.save(path)
    sent = await sent_back(path, pim, place)
    assert sent.rows.updated == 1, sent.problems
    stored = await pim.get("Product", "p1")
    assert (stored["name"], stored["price"], stored["brandId"]) == ("Handsaw", 3.5, "b1")


async def sent_back(path: Path, pim: Client, place: Place) -> Summary:
    mapping = mapping_of(path, url=pim.url, state=place.state)
    return await aio.import_table(path, mapping, pim, state_dir=place.state)


async def test_a_language_that_the_instance_has_no_labels_in_is_refused_with_those_it_has(
    saw: str, export: Callable[..., object], place: Place
):
    with pytest.raises(ConfigurationInvalid, match=r"no labels in fr_FR\. Its locales are in de_DE, en_US\."):
        await headers(export, place, saw, language="fr_FR")
