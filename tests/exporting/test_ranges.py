"""Many records are read in ranges side by side: each exactly once, whatever happens meanwhile."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pytest
from pyarrow import csv

from etl.api import connect
from etl.exporting import What, read_table, resume_export
from etl.exporting import ranges as ranges_module
from etl.exporting import reading as reading_module
from etl.exporting.reading import LEAST_RECORDS, PageSize
from etl.model import Limits
from etl.runs import list_runs
from tests.api.clock import Clock
from tests.api.stub import PASSWORD, USER, Stub, json, serving, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

    from etl.api import Client
    from tests.exporting.conftest import Place

BRANDS = 400


@pytest.fixture
async def brands(pim: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Brands of eight days, some of one second, some of which nobody knows when they were made."""
    monkeypatch.setattr(ranges_module, "LEAST_RECORDS", 50)
    monkeypatch.setattr(reading_module, "FIRST_RECORDS", 20)
    items = [
        {"entity": "Brand", "payload": {"id": f"b{n:04}", "code": f"b{n}", "name": f"B{n}"}}
        for n in range(BRANDS)
    ]
    answers = await pim.upsert(orjson.dumps(items), count=len(items))
    assert {one.kind for one in answers} == {"created"}
    with closing(sqlite3.connect(tmp_path / "sandbox.db")) as store, store:
        for n in range(BRANDS):
            made = None if n % 50 == 0 else f"2026-11-{10 + n * 7 % 8:02} 10:00:{n % 3:02}"
            store.execute('UPDATE "Brand" SET "createdAt" = ? WHERE id = ?', (made, f"b{n:04}"))
    return pim


@pytest.mark.parametrize("sandbox", ["1.10", "2.1", "2.2", "2.3"], indirect=True)
async def test_every_record_comes_once_in_ranges_of_about_the_same_size(brands: Client):
    what = What(entity="Brand", columns="code,createdAt")
    found = await read_table(what, brands)
    assert sorted(found["code"].to_pylist()) == sorted(f"b{n}" for n in range(BRANDS))
    dates = [str(one) for one in found["createdAt"].to_pylist() if one is not None]
    assert dates != sorted(dates)
    bounds = await ranges_module.bounds_of(brands, await entity(brands), (), total=BRANDS)
    sizes = [await brands.total("Brand", where) for where in ranges_module.ranges_of(bounds)]
    assert sum(sizes) == BRANDS
    assert len(sizes) == Limits().in_flight
    assert min(sizes) > BRANDS / 8


async def entity(pim: Client) -> object:
    from etl.schema import read_metadata  # noqa: PLC0415  only here

    return read_metadata(await pim.metadata()).entity("Brand")


@pytest.mark.parametrize("stops_after", [1, 3, 6])
async def test_an_export_in_ranges_goes_on_in_each_behind_its_last_page(
    brands: Client, export: Callable, place: Place, stops_after: int
):
    asked = itertools.count()
    how = {"is_stopping": lambda: next(asked) >= stops_after}
    summary = await export("b.csv", entity="Brand", columns="code", how=how)
    assert summary.status == "stopped"
    # What is made while it rests belongs to no promise, and disturbs none.
    await brands.create("Brand", {"id": "a0", "code": "new", "name": "New"})
    summary = await resume_export(list_runs(place.state)[0], brands, place=place)
    codes = csv.read_csv(place.cwd / "b.csv")["code"].to_pylist()
    assert sorted(set(codes) - {"new"}) == sorted(f"b{n}" for n in range(BRANDS))
    assert len(codes) == len(set(codes)) == summary.records["Brand"].exported


async def test_few_records_and_limited_ones_are_one_range_in_the_servers_order(brands: Client):
    found = await read_table(What(entity="Brand", columns="code", limit=120), brands)
    assert found["code"].to_pylist() == [f"b{n}" for n in range(120)]
    some = await read_table(What(entity="Brand", columns="code", where="code in ('b7', 'b5')"), brands)
    assert some["code"].to_pylist() == ["b5", "b7"]


async def test_a_page_that_is_too_much_for_the_server_is_asked_for_in_smaller_ones():
    records = [{"id": f"b{n:04}", "code": str(n)} for n in range(300)]
    sizes: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/Metadata"):
            fields = {"code": {"type": "varchar"}, "name": {"type": "varchar"}}
            return json({"entityDefs": {"Brand": {"fields": fields}}, "scopes": {"Brand": {"entity": True}}})
        asked = int(request.query["maxSize"])
        after = request.query.get("where[0][value]", "")
        left = [one for one in records if one["id"] > after]
        if "totalOnly" in request.query:
            return json({"total": len(records), "list": []})
        sizes.append(asked)
        return text("", 500) if asked > 120 else json({"total": len(left), "list": left[:asked]})

    async with (
        serving(Stub(answer)) as server,
        connect(server.url, username=USER, password=PASSWORD, retry=Clock().retry()) as pim,
    ):
        found = await read_table(What(entity="Brand", columns="code"), pim)
    assert found.equals(pa.table({"code": [one["code"] for one in records]}))
    assert LEAST_RECORDS <= min(sizes) <= 120 < max(sizes)


@pytest.mark.parametrize(
    ("seconds", "page_bytes", "records"),
    [(0.5, 1_000_000, 400), (2.0, 1_000_000, 200), (6.0, 1_000_000, 100), (0.5, 10 * 2**20, 200),
     (0.5, 20 * 2**20, 100)],
)  # fmt: skip
def test_pages_grow_while_they_come_quickly_and_are_not_large(seconds, page_bytes, records):
    size = PageSize(most=5000)
    size.learn(seconds, page_bytes=page_bytes)
    assert size.records == records
