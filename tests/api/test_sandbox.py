"""The client against the sandbox over HTTP, in every generation."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from etl import errors
from etl.api import GENERATIONS, ItemKind, connect
from etl.api.where import both, either, equals, greater_than, linked_with
from etl.model import Limits
from etl.schema import read_metadata

every_generation = pytest.mark.parametrize("sandbox", list(GENERATIONS), indirect=True)


def brands(count, **more):
    return [
        {"entity": "Brand", "payload": {"id": f"b{n:05}", "name": f"Brand {n}", "code": f"c-{n:05}", **more}}
        for n in range(count)
    ]


async def stored(pim, count):
    items = brands(count)
    return await pim.upsert(orjson.dumps(items), count=count)


@every_generation
async def test_a_sign_in_tells_who_and_what_this_is(sandbox, pim):
    assert pim.user == "admin"
    metadata = await pim.metadata()
    assert pim.generation.base == GENERATIONS[sandbox.options.generation].base
    schema = read_metadata(metadata)
    assert schema.entity("Product").fields["brand"].payload_key == "brandId"


@every_generation
async def test_a_record_is_created_read_changed_and_deleted(pim):
    record = await pim.create("Brand", {"name": "Oak & Söhne", "code": "oak"})
    assert record["name"] == "Oak & Söhne"
    assert await pim.patch("Brand", record["id"], payload={"name": "Oak"}) is not None
    assert await pim.patch("Brand", record["id"], payload={"name": "Oak"}) is None
    found = await pim.get("Brand", record["id"], select=("name",))
    assert found is not None
    assert found["name"] == "Oak"
    assert await pim.delete("Brand", record["id"]) is True
    assert await pim.delete("Brand", record["id"]) is False
    assert await pim.get("Brand", record["id"]) is None


@every_generation
async def test_a_bulk_upsert_creates_then_leaves_unchanged_then_updates(pim):
    first = await stored(pim, 20)
    assert {answer.kind for answer in first} == {ItemKind.CREATED}
    assert {answer.kind for answer in await stored(pim, 20)} == {ItemKind.UNCHANGED}
    changed = orjson.dumps([{"entity": "Brand", "payload": {"id": "b00003", "name": "New"}}])
    assert [answer.kind for answer in await pim.upsert(changed, count=1)] == [ItemKind.UPDATED]


@every_generation
async def test_an_item_that_is_refused_fails_alone_and_says_why(pim):
    items = brands(3)
    del items[1]["payload"]["name"]
    answers = await pim.upsert(orjson.dumps(items), count=3)
    assert [answer.kind for answer in answers] == [ItemKind.CREATED, ItemKind.FAILED, ItemKind.CREATED]
    assert answers[1].code == 400
    assert answers[1].text


@every_generation
async def test_an_old_value_that_is_not_there_any_more_is_a_conflict(pim):
    await stored(pim, 1)
    body = orjson.dumps(
        [{"entity": "Brand", "payload": {"id": "b00000", "name": "New", "_prev": {"name": "Another"}}}]
    )
    (answer,) = await pim.upsert(body, count=1)
    assert (answer.kind, answer.code) == (ItemKind.FAILED, 409)


@every_generation
async def test_everything_is_read_page_by_page_in_order(pim):
    await stored(pim, 25)
    pages = [page async for page in pim.pages("Brand", select=("code",), page_records=10)]
    ids = [record["id"] for page in pages for record in page.records]
    assert ids == [f"b{n:05}" for n in range(25)]
    assert [page.total for page in pages] == [25, 15, 5]
    assert await pim.total("Brand") == 25
    assert await pim.total("Brand", [greater_than("code", "c-00019")]) == 5


@every_generation
async def test_keys_are_looked_up_in_bulk(pim):
    await stored(pim, 250)
    asked = [f"c-{n:05}" for n in range(0, 500, 2)]
    records = await pim.look_up("Brand", "code", values=asked, select=("code",))
    assert sorted(record["code"] for record in records) == [f"c-{n:05}" for n in range(0, 250, 2)]


@every_generation
async def test_filters_mean_what_they_say(pim):
    await stored(pim, 10)
    where = [either(equals("code", "c-00001"), both(equals("name", "Brand 2"), equals("code", "c-00002")))]
    page = await pim.list("Brand", where=where, sort_by="code", asc=False)
    assert [record["id"] for record in page.records] == ["b00002", "b00001"]
    await pim.create("Product", {"id": "p1", "name": "P", "sku": "1", "number": "1", "brandId": "b00001"})
    assert await pim.total("Product", [linked_with("brand", ["b00001"])]) == 1
    assert await pim.total("Product", [linked_with("brand", ["b00002"])]) == 0


@every_generation
async def test_what_is_not_there_is_refused(pim):
    with pytest.raises(errors.Refused):
        await pim.list("NoSuchThing")
    with pytest.raises(errors.Refused):
        await pim.list("Brand", select=("noSuchField",))


@every_generation
async def test_a_sign_in_with_a_wrong_password_is_refused(sandbox):
    with pytest.raises(errors.SignInRefused):
        async with connect(sandbox.url, username="admin", password="wrong"):
            pass


@every_generation
async def test_too_many_refused_sign_ins_lock_the_address_but_not_the_token(sandbox, pim):
    for _ in range(12):
        with pytest.raises((errors.SignInRefused, errors.SignInLocked)) as caught:
            async with connect(sandbox.url, username="admin", password="wrong"):
                pass
    assert isinstance(caught.value, errors.SignInLocked)
    assert await pim.total("Brand") == 0


async def test_many_requests_at_once_share_one_client(pim):
    await stored(pim, 50)
    pages = await asyncio.gather(*(pim.list("Brand", select=("id",), max_size=50) for _ in range(40)))
    assert {len(page.records) for page in pages} == {50}


async def test_keys_of_every_kind_come_back_from_a_look_up(sandbox):
    keys = [
        "a,b",
        "50%",
        'say "hi"',
        "[x]",
        "a&b=c",
        "ä ö",
        "{y}",
        "+",
        " lead",
        "a\\b",
        "#1",
        "日本",
        "a/b?c",
        "%25",
    ]
    limits = Limits(lookup_keys=5)
    async with connect(sandbox.url, username="admin", password="admin", limits=limits) as pim:
        items = [
            {"entity": "Product", "payload": {"id": f"p{n}", "name": f"P{n}", "number": key}}
            for n, key in enumerate(keys)
        ]
        await pim.upsert(orjson.dumps(items), count=len(items))
        records = await pim.look_up("Product", "number", values=keys, select=("number",))
    assert sorted(record["number"] for record in records) == sorted(keys)


@every_generation
async def test_a_token_can_be_ended(sandbox):
    async with connect(sandbox.url, username="admin", password="admin") as client:
        token = client.token
        assert await client.sign_out() is True
    with pytest.raises(errors.SignInRefused):
        async with connect(sandbox.url, token=token):
            pass
