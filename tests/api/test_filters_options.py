"""Options of lists and units are named in a filter as people see them; the server is asked by their ids."""

from __future__ import annotations

import re

import orjson
import pytest

from etl.errors import FilterInvalid
from tests.api.test_filters_sandbox import found

OPTIONS = [
    {"id": "o1", "code": "red", "name": "Red"},
    {"id": "o2", "code": "blue", "name": "Blue, dark"},
    {"id": "o3", "code": "red2", "name": "Red"},
]
FILES = [
    {"id": "f0", "name": "f0.txt", "tags": ["o1", "o2"]},
    {"id": "f1", "name": "f1.txt", "tags": ["o2"]},
    {"id": "f2", "name": "f2.txt"},
]


@pytest.fixture
async def shop(pim):
    for entity, payload in [
        *(("ExtensibleEnum", {"id": one, "code": one, "name": one}) for one in ("l1", "fileTags")),
        *(("ExtensibleEnumOption", {**one, "extensibleEnumsIds": ["l1", "fileTags"]}) for one in OPTIONS),
        *(("File", {**one, "fileContents": "data:text/plain;base64,aGVsbG8="}) for one in FILES),
    ]:
        if await pim.get(entity, payload["id"]) is None:
            await pim.create(entity, payload)
    colour = {"code": "colour", "name": "Colour", "type": "extensibleEnum", "extensibleEnumId": "l1"}
    made = await pim.create(
        "Attribute", {**colour, "entityId": "Product", "attributePanelId": "attributeValues"}
    )
    products = [
        {"id": f"p{n}", "name": f"P{n}", "number": f"N{n}", "__attributes": [made["id"]], "colour": value}
        for n, value in enumerate(("o1", "o2", "o3", None))
    ]
    items = [{"entity": "Product", "payload": one} for one in products]
    assert {one.kind for one in await pim.upsert(orjson.dumps(items), count=len(items))} == {"created"}
    return pim


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("tags arrayAnyOf ('Red')", "0"),
        ("tags arrayAnyOf ('blue')", "01"),
        ("tags arrayAnyOf ('Red', 'blue')", "01"),
        ("tags arrayNoneOf ('Red')", "12"),
        ("tags arrayIsEmpty", "2"),
    ],
)
async def test_fields_of_lists_go_by_name_or_code(shop, text, ids):
    assert await found(shop, text, "File") == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("colour = 'Red'", "02"),
        ("colour = 'red'", "0"),
        ("colour in ('red2', 'Blue, dark')", "12"),
        ("colour = 'o2'", "1"),
    ],
)
async def test_attributes_of_lists_go_by_name_code_or_id_and_a_name_may_mean_several(shop, text, ids):
    assert await found(shop, text) == ids


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("tags in ('Red', 'Blue, dark')", "Write tags arrayAnyOf ('Red', 'Blue, dark')."),
        ("tags != 'Red'", "Write tags arrayNoneOf ('Red')."),
    ],
)
async def test_a_list_compared_like_a_single_value_is_refused_with_what_is_meant(shop, text, meant):
    with pytest.raises(FilterInvalid, match=re.escape(meant)):
        await found(shop, text, "File")


async def test_an_option_that_is_none_is_refused_with_the_one_that_was_meant(shop):
    with pytest.raises(FilterInvalid, match=r'"Rde" is no option of .*[Cc]olour.* Did you mean "Red"'):
        await found(shop, "colour = 'Rde'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 5 kg", "name has no unit"),
        ("price between 5 EUR and 10 USD", "two units stand in one condition"),
        ("price = 5 Taler", '"Taler" is no unit of price'),
    ],
)
async def test_a_unit_that_cannot_be_meant_is_refused(shop, text, message):
    with pytest.raises(FilterInvalid, match=message):
        await found(shop, text)
