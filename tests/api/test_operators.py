"""Every operator of AtroCore, one by one, said in the language of filters and carried out by the sandbox."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import orjson
import pytest

from etl.api.filters import to_where
from etl.api.where import Operator
from etl.sandbox import Sandbox
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS
from etl.schema import read_metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from etl.api import Client, Condition

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
TODAY = NOW.date()
MONTH = TODAY.replace(day=1)
LAST_MONTH = (MONTH - dt.timedelta(days=1)).replace(day=15)
NEXT_MONTH = (MONTH + dt.timedelta(days=32)).replace(day=15)
# Product -> the day it was made.
MADE = {"0": TODAY, "1": dt.date(TODAY.year - 1, 2, 15), "2": LAST_MONTH, "3": NEXT_MONTH}
PRODUCTS = [
    {"id": "p0", "name": "Saw", "price": 5.0, "isActive": True, "tag": ["a", "b"], "brandId": "b0",
     "categoriesIds": ["k0"], "mpn": "100%"},
    {"id": "p1", "name": "Axe", "price": 12.5, "isActive": True, "tag": ["b"], "brandId": "b0"},
    {"id": "p2", "name": "Saw blade", "price": 30.0, "isActive": False, "tag": []},
    {"id": "p3", "name": "Rope", "isActive": False},
]  # fmt: skip


def made(fits: Callable[[dt.date], bool]) -> str:
    return "".join(one for one, day in MADE.items() if fits(day))


def quarter(day: dt.date) -> int:
    return day.year * 4 + (day.month - 1) // 3


def month(day: dt.date) -> int:
    return day.year * 12 + day.month


DAY = dt.timedelta(days=1)
CASES: dict[Operator, tuple[str, str]] = {
    Operator.EQUALS: ("name = 'Saw'", "0"),
    Operator.NOT_EQUALS: ("name != 'Saw'", "123"),
    Operator.ON: (f"createdAt on {TODAY}", "0"),
    Operator.NOT_ON: (f"createdAt notOn {TODAY}", "123"),
    Operator.GREATER_THAN: ("price > 5", "12"),
    Operator.LESS_THAN: ("price < 12.5", "0"),
    Operator.GREATER_THAN_OR_EQUALS: ("price >= 12.5", "12"),
    Operator.LESS_THAN_OR_EQUALS: ("price <= 12.5", "01"),
    Operator.AFTER: (f"createdAt after {TODAY}", made(lambda day: day >= TODAY)),
    Operator.BEFORE: (f"createdAt before '{TODAY} 00:00'", made(lambda day: day < TODAY)),
    Operator.BETWEEN: ("price between 5 and 12.5", "01"),
    Operator.LIKE: ("name like 'S_w'", "0"),
    Operator.NOT_LIKE: ("name notLike 'S%'", "13"),
    Operator.STARTS_WITH: ("name startsWith 'Saw'", "02"),
    Operator.ENDS_WITH: ("name endsWith 'e'", "123"),
    Operator.CONTAINS: ("mpn contains '0%'", "0"),
    Operator.NOT_CONTAINS: ("name notContains 'a'", "3"),
    Operator.IS_NULL: ("price is null", "3"),
    Operator.IS_NOT_NULL: ("price is not null", "012"),
    Operator.EVER: ("price ever", "012"),
    Operator.IN: ("name in ('Saw', 'Rope')", "03"),
    Operator.NOT_IN: ("name notIn ('Saw', 'Rope')", "12"),
    Operator.IS_TRUE: ("isActive is true", "01"),
    Operator.IS_FALSE: ("isActive = false", "23"),
    Operator.TODAY: ("createdAt today", "0"),
    Operator.PAST: ("createdAt past", made(lambda day: day < TODAY)),
    Operator.FUTURE: ("createdAt future", made(lambda day: day > TODAY)),
    Operator.LAST_SEVEN_DAYS: ("createdAt lastSevenDays", made(lambda day: TODAY - 7 * DAY <= day <= TODAY)),
    Operator.CURRENT_MONTH: ("createdAt currentMonth", "0"),
    Operator.LAST_MONTH: ("createdAt lastMonth", made(lambda day: month(day) == month(TODAY) - 1)),
    Operator.NEXT_MONTH: ("createdAt nextMonth", made(lambda day: month(day) == month(TODAY) + 1)),
    Operator.CURRENT_QUARTER: ("createdAt currentQuarter", made(lambda day: quarter(day) == quarter(TODAY))),
    Operator.LAST_QUARTER: ("createdAt lastQuarter", made(lambda day: quarter(day) == quarter(TODAY) - 1)),
    Operator.CURRENT_YEAR: ("createdAt currentYear", made(lambda day: day.year == TODAY.year)),
    Operator.LAST_YEAR: ("createdAt lastYear", made(lambda day: day.year == TODAY.year - 1)),
    Operator.LAST_X_DAYS: ("createdAt lastXDays 50", made(lambda day: TODAY - 50 * DAY <= day <= TODAY)),
    Operator.NEXT_X_DAYS: ("createdAt nextXDays 50", made(lambda day: TODAY <= day <= TODAY + 50 * DAY)),
    Operator.OLDER_THAN_X_DAYS: ("createdAt olderThanXDays 60", made(lambda day: day < TODAY - 60 * DAY)),
    Operator.AFTER_X_DAYS: ("createdAt afterXDays 1", made(lambda day: day > TODAY + DAY)),
    Operator.ARRAY_ANY_OF: ("tag arrayAnyOf ('a', 'x')", "0"),
    Operator.ARRAY_NONE_OF: ("tag arrayNoneOf ('a')", "123"),
    Operator.ARRAY_IS_EMPTY: ("tag arrayIsEmpty", "23"),
    Operator.ARRAY_IS_NOT_EMPTY: ("tag arrayIsNotEmpty", "01"),
    Operator.LINKED_WITH: ("categories linkedWith ('k0')", "0"),
    Operator.NOT_LINKED_WITH: ("categories notLinkedWith ('k0')", "123"),
    Operator.IS_LINKED: ("categories isLinked", "0"),
    Operator.IS_NOT_LINKED: ("categories isNotLinked", "123"),
    Operator.COLUMN_LIKE: ("place columnLike '1%'", "0"),
    Operator.COLUMN_IN: ("place columnIn ('12', '13')", "0"),
    Operator.COLUMN_NOT_IN: ("place columnNotIn ('13')", "0"),
    Operator.COLUMN_IS_NULL: ("place columnIsNull", "123"),
    Operator.SIMILAR: ("name similar 'saws'", "0"),
    Operator.WORD_SIMILAR: ("name wordSimilar 'blad'", "2"),
    Operator.BOOL: ("bool ('onlyActive', 'onlyMy')", "01"),
    # The sandbox has no module with such filters: AtroCore drops what it does not know.
    Operator.PRIMARY: ("primary 'x'", "0123"),
    Operator.SAVED_SEARCH: ("savedSearch ('Dear')", "12"),
    Operator.TEXT_FILTER: ("textFilter 'Rope'", "3"),
    Operator.AND: ("(name = 'Saw' and isActive) or price = 30", "02"),
    Operator.OR: ("name = 'Saw' or name = 'Rope'", "03"),
}


@pytest.fixture(params=["2.2", "2.3"])
async def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox in whose schema a field shows a column of a relation; the built-in ones have none."""
    made = builtin_metadata(GENERATIONS[request.param])
    shown = {"type": "varchar", "notStorable": True, "link": "categories", "column": "sorting"}
    made["entityDefs"]["Product"]["fields"]["place"] = shown
    metadata = tmp_path / "metadata.json"
    metadata.write_bytes(orjson.dumps(made))
    options = {"generation": request.param, "metadata": metadata, "clock": NOW.timestamp}
    async with Sandbox.open(tmp_path / "sandbox.db", seed=1, **options) as running:
        yield running


@pytest.fixture
async def shop(pim: Client, tmp_path: Path) -> Client:
    for entity, record in (("Brand", "b0"), ("Category", "k0")):
        await pim.create(entity, {"id": record, "code": record, "name": record})
    items = [{"entity": "Product", "payload": {"number": one["id"], **one}} for one in PRODUCTS]
    assert {one.kind for one in await pim.upsert(orjson.dumps(items), count=len(items))} == {"created"}
    rules = [{"id": "price", "operator": "greater", "value": "10"}]
    saved = {"entityType": "Product", "data": {"condition": "AND", "rules": rules}}
    await pim.create("SavedSearch", {"id": "s1", "name": "Dear", **saved})
    await pim.create("SavedSearch", {"id": "s2", "name": "Dear", **saved, "entityType": "Brand"})
    with closing(sqlite3.connect(tmp_path / "sandbox.db")) as store, store:
        store.execute('UPDATE "ProductCategory" SET sorting = 12')
        for one, day in MADE.items():
            store.execute('UPDATE "Product" SET "createdAt" = ? WHERE id = ?', (f"{day} 12:00:00", f"p{one}"))
    return pim


def operators(where: Iterator[Condition] | tuple[Condition, ...]) -> Iterator[Operator]:
    for one in where:
        yield one.operator
        yield from operators(one.conditions)


def test_no_operator_is_left_out():
    assert set(CASES) == set(Operator)


async def test_each_operator_reaches_the_server_and_finds_what_it_says(shop: Client):
    schema = read_metadata(await shop.metadata())
    wrong, unsaid = {}, []
    for operator, (text, ids) in CASES.items():
        if operator in shop.generation.dropped:
            continue
        where = await to_where(shop, text, entity=schema.entity("Product"), schema=schema)
        if operator not in set(operators(where)):
            unsaid.append((text, [one.value for one in operators(where)]))
        page = await shop.list("Product", select=("id",), where=where, sort_by="id", asc=True)
        found = "".join(str(one["id"])[1:] for one in page.records)
        if found != ids:
            wrong[text] = (found, ids)
    assert (wrong, unsaid) == ({}, [])
