"""Law 3: an exported file imported untouched sends nothing; an edited cell changes that field alone."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from etl import aio
from etl.api import connect
from etl.exporting import How, What, mapping_of, run_export
from etl.sandbox import run_in_thread
from etl.sandbox.builtin.notation import read_notation
from tests.exporting.conftest import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.sandbox import Sandbox

THINGS = """
Thing Base
  name varchar required multilang
  code varchar unique
  note text
  page wysiwyg
  count int
  weight float measure=dimension
  price float
  isActive bool
  day date
  moment datetime
  colour enum options=red,green,dark,blue,
  marks multiEnum options=a,b,c
  words array
  data jsonObject
  maker link Maker
  makers many Maker.things ThingMaker
Maker Base
  name varchar
  code varchar unique
  things many Thing.makers ThingMaker
Unit Base
  name varchar required
  code varchar
  symbol varchar
  measure link Measure
  isMain bool
  convertTo link Unit
  multiplier float
  isActive bool
Measure Base
  name varchar
  code varchar
User Base
  name varchar
  userName varchar
  isActive bool
  isAdmin bool
"""
COLUMNS = (
    "code,name,note,page,count,weight,weight.unit,price,isActive,day,moment,colour,marks,words,data,maker.name,"
    "makers.name"
)
LONG = "x" * 33_000
MAKERS = ["Oak", "Birch, Ash", "50% \\ off", " spaced", "", "=1+1"]
TEXTS = st.one_of(
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12),
    st.sampled_from(["", " ", "=1+1", "+1", "-", "@x", "'", '"', "a\nb", "a\r\nb", "a\rb", "_x0041_", "TRUE", "1,5",
                     "007", "2026-11-01", "#N/A", "null", "NULL", ",", "\\", "a, b", "\u00a0", "ümläut", "🙂",
                     "(not editable here)", "https://x.example/a", "\x01", "\ufeff", "<long>"]),
)  # fmt: skip
FLOATS = st.floats(-1e9, 1e9, allow_nan=False).map(lambda one: round(one, 6))


def maybe(values):
    return st.one_of(st.none(), values)


RECORDS = st.lists(
    st.fixed_dictionaries(
        {"name": TEXTS.filter(bool)},
        optional={
            "note": maybe(TEXTS),
            "page": maybe(TEXTS),
            "count": maybe(st.integers(-(2**31), 2**31 - 1)),
            "weight": maybe(FLOATS),
            "weightUnitId": maybe(st.sampled_from(["pixel", "inch"])),
            "price": maybe(FLOATS),
            "isActive": st.booleans(),
            "day": maybe(st.dates(dt.date(1900, 3, 1), dt.date(2200, 1, 1)).map(str)),
            "moment": maybe(
                st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(2200, 1, 1)).map(  # noqa: DTZ001  as AtroCore keeps it
                    lambda one: one.strftime("%Y-%m-%d %H:%M:%S")
                )
            ),
            "colour": maybe(st.sampled_from(["red", "green"])),
            "marks": maybe(st.lists(st.sampled_from("abc"), max_size=3, unique=True)),
            "words": maybe(st.lists(TEXTS.filter(lambda one: len(one) < 100), max_size=3)),
            "data": maybe(
                st.dictionaries(st.sampled_from("xy"), st.one_of(st.integers(-9, 9), st.text(max_size=3)))
            ),
            "makerId": maybe(st.sampled_from([f"m{n}" for n in range(len(MAKERS))])),
            "makersIds": st.lists(
                st.sampled_from([f"m{n}" for n in range(len(MAKERS))]), max_size=3, unique=True
            ),
        },
    ),
    min_size=8,
    max_size=20,
)


async def stored(pim, entity: str, payloads: list[dict[str, object]]) -> None:
    items = [{"entity": entity, "payload": one} for one in payloads]
    answers = await pim.upsert(orjson.dumps(items), count=len(items))
    assert {one.kind for one in answers} == {"created"}, answers


async def there_and_back(url: str, place: Place, records: list[dict[str, object]], *, at: str) -> None:
    """Store the records, export them into a workbook and import it untouched."""
    folder = place.cwd
    path = folder / f"{at}.xlsx"
    async with connect(url, username="admin", password="admin") as pim:
        await stored(
            pim, "Thing", [{"id": f"{at}t{n}", "code": f"{at}t{n}", **one} for n, one in enumerate(records)]
        )
        what = What(entity="Thing", columns=COLUMNS, where=f"code startsWith '{at}t'")
        await run_export(what, pim, place=place, how=How(output=path.name))
        mapping = mapping_of(path, url=pim.url, state=folder / "state")
        await aio.plan(path, mapping, pim, state_dir=folder / "state", output=folder / f"{at}.parquet")
        summary = await aio.import_table(path, mapping, pim, state_dir=folder / "state")
    changes = parquet.read_table(folder / f"{at}.parquet").to_pylist() if summary.rows.updated else []
    assert summary.rows.unchanged == summary.rows.read == len(records), (changes, summary.problems[:3])


@pytest.fixture
def things(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of one entity with a field of each type."""
    metadata = tmp_path / "metadata.json"
    metadata.write_bytes(orjson.dumps(read_notation(THINGS)))
    generation = getattr(request, "param", "2.2")
    with run_in_thread(db=tmp_path / "s.db", seed=1, metadata=metadata, generation=generation) as sandbox:

        async def makers() -> None:
            async with connect(sandbox.url, username="admin", password="admin") as pim:
                named = [{"id": f"m{n}", "code": f"m{n}", "name": name} for n, name in enumerate(MAKERS)]
                await stored(pim, "Maker", named)

        asyncio.run(makers())
        yield sandbox


@pytest.mark.parametrize("things", ["1.10", "2.1", "2.2"], indirect=True)
def test_an_untouched_workbook_sends_nothing(things: Sandbox, tmp_path: Path):
    numbers, place = itertools.count(), Place(tmp_path, tmp_path / "state")

    @settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate], database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(RECORDS)
    def prove(records: list[dict[str, object]]) -> None:
        asyncio.run(there_and_back(things.url, place, records, at=f"e{next(numbers)}"))

    prove()
