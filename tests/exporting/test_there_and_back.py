"""Law 3: an exported file imported untouched sends nothing; an edited cell changes that field alone."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import shutil
import subprocess
from typing import TYPE_CHECKING

import openpyxl
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from etl import aio
from etl.api import connect
from etl.errors import ConfigurationInvalid, SourceUnreadable
from etl.exporting import How, What, mapping_of, mappings_of, read_self_description, run_export
from etl.sandbox import Sandbox, run_in_thread
from etl.sandbox.builtin.notation import read_notation
from tests.exporting.conftest import Place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from etl.api import Client
    from etl.report import Summary

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
    st.sampled_from(["ümläut", "🙂", "", " ", "=1+1", "+1", "-", "@x", "'", '"', "a\nb", "a\r\nb", "a\rb",
                     "_x0041_", "TRUE", "1,5", "007", "2026-11-01", "#N/A", "null", "NULL", ",", "\\", "a, b",
                     "\u00a0", "(not editable here)", "https://x.example/a", "\x01", "\ufeff", "<long>"]),
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
    failed = [one for one in answers if one.kind != "created"]
    assert not failed


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

    @settings(max_examples=2, deadline=None, phases=[Phase.explicit, Phase.generate], database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(RECORDS)
    def prove(records: list[dict[str, object]]) -> None:
        asyncio.run(there_and_back(things.url, place, records, at=f"e{next(numbers)}"))

    prove()


SAW = {"id": "t1", "code": "saw", "name": "Saw", "note": "old", "price": 5.0, "isActive": True,
       "makerId": "m0", "makersIds": ["m0", "m1"], "marks": ["a"], "colour": "red"}  # fmt: skip
AXE = {"id": "t2", "code": "axe", "name": "Axe", "note": "sharp", "weight": 2.5, "weightUnitId": "inch"}


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Client, Place]]:
    """Two things on a server, and their workbook `a.xlsx`."""
    metadata = tmp_path / "metadata.json"
    metadata.write_bytes(orjson.dumps(read_notation(THINGS)))
    place = Place(tmp_path, tmp_path / "state")
    async with (
        Sandbox.open(tmp_path / "s.db", seed=1, metadata=metadata) as sandbox,
        connect(sandbox.url, username="admin", password="admin") as pim,
    ):
        makers = [{"id": f"m{n}", "code": f"m{n}", "name": name} for n, name in enumerate(MAKERS)]
        await stored(pim, "Maker", makers)
        await stored(pim, "Thing", [SAW, AXE])
        await run_export(What(entity="Thing", columns=COLUMNS), pim, place=place, how=How(output="a.xlsx"))
        yield pim, place


def sheet_of(book: openpyxl.Workbook) -> openpyxl.worksheet.worksheet.Worksheet:
    return book["Thing"]


def cell(sheet: openpyxl.worksheet.worksheet.Worksheet, header: str, row: int) -> openpyxl.cell.Cell:
    at = next(one.column for one in sheet[1] if one.value == header)
    return sheet.cell(row, at)


async def sent_back(pim: Client, place: Place) -> Summary:
    mapping = mapping_of(place.cwd / "a.xlsx", url=pim.url, state=place.state)
    return await aio.import_table(place.cwd / "a.xlsx", mapping, pim, state_dir=place.state)


async def things_of(pim: Client) -> dict[str, dict[str, object]]:
    keys = [
        "name",
        "note",
        "price",
        "isActive",
        "makerId",
        "makersIds",
        "marks",
        "colour",
        "weight",
        "weightUnitId",
    ]
    page = await pim.list("Thing", select=keys)
    return {str(one["id"]): {key: one.get(key) for key in keys} for one in page.records}


@pytest.mark.parametrize(
    ("header", "value", "key", "stored_as"),
    [
        ("name", "Handsaw", "name", "Handsaw"),
        ("note", None, "note", None),
        ("note", "=1+1", "note", "=1+1"),
        ("price", 7.5, "price", 7.5),
        ("isActive", False, "isActive", False),
        ("maker.name", "Birch, Ash", "makerId", "m1"),
        ("maker.name", None, "makerId", None),
        ("makers.name", "50% \\\\ off", "makersIds", ["m2"]),
        ("makers.name", "Birch\\, Ash", "makersIds", ["m1"]),
        ("marks", "a, b", "marks", ["a", "b"]),
        ("colour", "green", "colour", "green"),
    ],
)
async def test_an_edited_cell_changes_that_field_of_that_record_and_nothing_else(
    two: tuple[Client, Place], header: str, value: object, key: str, stored_as: object
):
    pim, place = two
    before = await things_of(pim)
    book = openpyxl.load_workbook(place.cwd / "a.xlsx")
    edited = cell(sheet_of(book), header, 2)
    edited.value = value
    if value == "=1+1":
        edited.data_type = "s"
    book.save(place.cwd / "a.xlsx")
    summary = await sent_back(pim, place)
    assert (summary.rows.updated, summary.rows.unchanged) == (1, 1), summary.problems
    after = await things_of(pim)
    assert after["t1"][key] == stored_as
    assert after == {**before, "t1": {**before["t1"], key: stored_as}}


async def test_rows_sorted_and_removed_and_columns_renamed_and_added_change_nothing(
    two: tuple[Client, Place],
):
    pim, place = two
    book = openpyxl.load_workbook(place.cwd / "a.xlsx")
    sheet = sheet_of(book)
    rows = [[one.value for one in row] for row in sheet.iter_rows(min_row=2)]
    for at, value in enumerate(rows[1], 1):
        sheet.cell(2, at).value = value
    sheet.delete_rows(3)
    cell(sheet, "note", 1).value = "Remark"
    sheet.cell(1, sheet.max_column + 1).value = "Mine"
    sheet.cell(2, sheet.max_column).value = "to be left alone"
    book.save(place.cwd / "a.xlsx")
    summary = await sent_back(pim, place)
    assert summary.rows.read == summary.rows.unchanged == 1
    described = read_self_description(place.cwd / "a.xlsx")
    assert described.columns["Remark"].target == "note"
    assert "Mine" not in described.columns


async def test_columns_that_were_moved_and_removed_are_known_by_their_names(two: tuple[Client, Place]):
    pim, place = two
    book = openpyxl.load_workbook(place.cwd / "a.xlsx")
    sheet = sheet_of(book)
    # As a spreadsheet does when the first column is dragged behind the last and the second is deleted.
    cells = [one.value for one in sheet["A"]]
    last = openpyxl.utils.get_column_letter(sheet.max_column + 1)
    for row, value in enumerate(cells, 1):
        sheet[f"{last}{row}"].value = value
    book.defined_names["atro_c0"].attr_text = f"Thing!${last}$1"
    book.defined_names["atro_c1"].attr_text = "Thing!#REF!"
    for row in (1, 2, 3):
        sheet[f"A{row}"].value = sheet[f"B{row}"].value = None
    book.save(place.cwd / "a.xlsx")
    summary = await sent_back(pim, place)
    assert summary.rows.unchanged == 2, summary.problems
    described = read_self_description(place.cwd / "a.xlsx")
    assert described.columns["code"].target == "code"
    assert "name" not in described.columns


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed here")
async def test_a_workbook_saved_by_libreoffice_changes_nothing(two: tuple[Client, Place]):
    pim, place = two
    saved = place.cwd / "saved"
    command = ["soffice", f"-env:UserInstallation=file://{place.cwd}/profile", "--headless",
               "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(saved), "a.xlsx"]  # fmt: skip
    await asyncio.to_thread(subprocess.run, command, cwd=place.cwd, check=True, capture_output=True)
    (saved / "a.xlsx").replace(place.cwd / "a.xlsx")
    summary = await sent_back(pim, place)
    assert (summary.rows.read, summary.rows.unchanged) == (2, 2), summary.problems
    kept = openpyxl.load_workbook(place.cwd / "a.xlsx")
    assert kept["_atro"].sheet_state == "hidden"
    assert sheet_of(kept).data_validations.dataValidation


async def test_a_new_row_is_a_problem_and_creates_nothing(two: tuple[Client, Place]):
    pim, place = two
    book = openpyxl.load_workbook(place.cwd / "a.xlsx")
    sheet_of(book).append(["new", "New"])
    book.save(place.cwd / "a.xlsx")
    summary = await sent_back(pim, place)
    assert (summary.rows.unchanged, summary.rows.invalid) == (2, 1)
    assert summary.problems[0].row == 4
    assert len(await things_of(pim)) == 2


async def test_new_rows_become_records_where_that_is_asked_for(two: tuple[Client, Place]):
    pim, place = two
    book = openpyxl.load_workbook(place.cwd / "a.xlsx")
    sheet = sheet_of(book)
    sheet.append(["new", "New", "a note"])
    sheet.append(["saw", "Taken"])
    cell(sheet, "note", 2).value = "changed"
    book.save(place.cwd / "a.xlsx")
    for turn in ("first", "second"):
        updating, creating = mappings_of(place.cwd / "a.xlsx", url=pim.url, state=place.state)
        updated = await aio.import_table(place.cwd / "a.xlsx", updating, pim, state_dir=place.state)
        assert (updated.rows.updated, updated.rows.invalid) == (1 if turn == "first" else 0, 0)
        created = await aio.import_table(place.cwd / "a.xlsx", creating, pim, state_dir=place.state)
        assert (created.rows.created, created.rows.failed) == (1 if turn == "first" else 0, 0)
    found = await things_of(pim)
    assert sorted(str(one["name"]) for one in found.values()) == ["Axe", "New", "Saw"]
    assert found["t1"]["note"] == "changed"


async def test_a_workbook_of_another_instance_or_of_nobody_is_refused(two: tuple[Client, Place]):
    _, place = two
    with pytest.raises(ConfigurationInvalid, match="its ids mean nothing here"):
        mapping_of(place.cwd / "a.xlsx", url="https://pim.example", state=place.state)
    openpyxl.Workbook().save(place.cwd / "b.xlsx")
    assert read_self_description(place.cwd / "b.xlsx") is None
    with pytest.raises(SourceUnreadable, match="says of no column what it is"):
        mapping_of(place.cwd / "b.xlsx", url="https://pim.example", state=place.state)


async def test_people_find_what_they_need_in_the_workbook(two: tuple[Client, Place]):
    _, place = two
    book = openpyxl.load_workbook(place.cwd / "a.xlsx")
    assert book.sheetnames == ["Read me", "Thing", "_atro"]
    assert book.active.title == "Thing"
    assert book["_atro"].sheet_state == "hidden"
    sheet = sheet_of(book)
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref.startswith("A1:")
    headers = [one.value for one in sheet[1]]
    assert headers == [*COLUMNS.split(","), "_id", "_modifiedAt"]
    assert cell(sheet, "_id", 1).font.italic
    assert not cell(sheet, "name", 1).font.italic
    # A long text stays within its line, and a number keeps off the text beside it.
    assert sheet.row_dimensions[2].height == 15
    assert cell(sheet, "note", 2).alignment.wrap_text
    assert cell(sheet, "price", 2).alignment.indent == 1
    rules = {str(one.sqref)[0]: one.formula1 for one in sheet.data_validations.dataValidation}
    assert '"red,green,dark,blue"' in rules.values()
    told = {row[0].value: row[1].value for row in book["Read me"].iter_rows()}
    assert told["Send back"] == "atro-etl import THIS-FILE.xlsx"
    assert told["name"] == "name: may be edited."
    assert told["_modifiedAt"].endswith("for reading only.")
