"""Files of exported records: each fetched once, whole or not at all, under names of one's own."""

from __future__ import annotations

import base64
import itertools
import sqlite3
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from etl.api import connect
from etl.cli.exits import Exit, exit_of
from etl.errors import ConfigurationInvalid
from etl.exporting import How, What, resume_export, run_export
from etl.exporting.gallery import Names, _safe
from etl.runs import list_runs
from tests.api.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.api import Client
    from tests.exporting.conftest import Place

CONTENTS = {"f1": b"one", "f2": b"two" * 100_000, "f3": b"three"}
CALLED = {"f1": "a.txt", "f2": "b.pdf", "f3": "A.txt"}


@pytest.fixture
async def pictured(pim: Client) -> Client:
    """Two products: the first with two files, the second with all three; one is called like another."""
    for file_id, content in CONTENTS.items():
        encoded = "data:text/plain;base64," + base64.b64encode(content).decode()
        await pim.create("File", {"id": file_id, "name": CALLED[file_id], "fileContents": encoded})
    old = pim.generation.name == "1.10"
    for number, files in (("1", ["f1", "f2"]), ("2", ["f3", "f2"])):
        made = {"id": f"p{number}", "sku" if old else "number": f"N/{number}", "name": number}
        await pim.create("Product", made)
        for file_id in files:
            await pim.create("ProductFile", {"productId": f"p{number}", "fileId": file_id})
    return pim


def laid(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("sandbox", ["1.10", "2.1", "2.2", "2.3"], indirect=True)
async def test_files_of_records_come_along_each_once_with_clashing_names_told_apart(
    pictured: Client, export: Callable, place: Place
):
    summary = await export("p.csv", entity="Product", columns="name", how={"files": "out"})
    assert laid(place.cwd / "out") == {
        "a.txt": CONTENTS["f1"],
        "b.pdf": CONTENTS["f2"],
        "A (2).txt": CONTENTS["f3"],
    }
    assert (summary.files.downloaded, summary.files.failed) == (3, 0)
    assert summary.files.bytes == sum(map(len, CONTENTS.values()))
    again = await export("p.csv", entity="Product", columns="name", how={"files": "out"})
    assert (again.files.downloaded, again.files.reused, again.status) == (0, 3, "ok")


async def test_of_the_entity_of_files_each_record_is_one(pictured: Client, export: Callable, place: Place):
    what = {"entity": "File", "columns": "name,hash", "where": "name like '%.txt'"}
    summary = await export("f.csv", **what, files="{file.id}-{name}", how={"files": "out"})
    assert laid(place.cwd / "out") == {"f1-a.txt": CONTENTS["f1"], "f3-A.txt": CONTENTS["f3"]}
    assert summary.files.downloaded == 2


async def test_a_template_names_files_by_cells_and_place_and_a_value_makes_no_folder(
    pictured: Client, export: Callable, place: Place
):
    what = {"entity": "Product", "columns": "number,name", "files": "{number}/{n}-{file.stem}.{file.ext}"}
    summary = await export("p.csv", **what, how={"files": "out"})
    assert sorted(laid(place.cwd / "out")) == ["N_1/1-a.txt", "N_1/2-b.pdf", "N_2/1-A.txt", "N_2/2-b.pdf"]
    assert summary.files.downloaded == 3
    with pytest.raises(ConfigurationInvalid, match=r'"\{colour\}" means nothing here'):
        await export("q.csv", entity="Product", columns="number", files="{colour}", how={"files": "out"})


async def test_a_zip_appears_whole_and_is_replaced_only_as_our_own(
    pictured: Client, export: Callable, place: Place
):
    for _ in range(2):
        await export("p.csv", entity="Product", columns="files.name", how={"files": "f.zip"})
    with zipfile.ZipFile(place.cwd / "f.zip") as package:
        assert {one: package.read(one) for one in package.namelist()}["b.pdf"] == CONTENTS["f2"]
    (place.cwd / "f.zip").write_bytes(b"mine")
    with pytest.raises(ConfigurationInvalid, match="is no export of this project"):
        await export("p.csv", entity="Product", columns="name", how={"files": "f.zip"})
    assert (place.cwd / "f.zip").read_bytes() == b"mine"


async def test_a_file_of_somebody_else_is_left_alone_and_a_changed_one_of_ours_is_replaced(
    pictured: Client, export: Callable, place: Place
):
    out = place.cwd / "out"
    out.mkdir()
    (out / "a.txt").write_bytes(b"mine")
    summary = await export("p.csv", entity="Product", columns="name", how={"files": "out"})
    assert (out / "a.txt").read_bytes() == b"mine"
    assert (summary.status, summary.files.failed, summary.files.downloaded) == ("partial", 1, 2)
    assert summary.problems[0].code == "file_not_exported"
    assert exit_of(summary) == Exit.ROWS_FAILED
    assert "holds something else" in summary.problems[0].message
    new = "data:text/plain;base64," + base64.b64encode(b"new").decode()
    await pictured.write("PUT", "File/action/reupload", body={"reupload": "f3", "fileContents": new})
    summary = await export("p.csv", entity="Product", columns="name", how={"files": "out"})
    assert laid(out)["A (2).txt"] == b"new"
    await export("p.csv", entity="Product", columns="name", how={"files": "out", "is_forced": True})
    assert laid(out)["a.txt"] == CONTENTS["f1"]


async def test_no_link_in_the_folder_leads_out_of_it(pictured: Client, export: Callable, place: Place):
    (place.cwd / "out").mkdir()
    (place.cwd / "elsewhere").mkdir()
    (place.cwd / "out" / "N_1").symlink_to(place.cwd / "elsewhere")
    what = {"entity": "Product", "columns": "number", "files": "{number}/{file.name}"}
    summary = await export("p.csv", **what, how={"files": "out"})
    assert not laid(place.cwd / "elsewhere")
    assert summary.files.failed == 2


async def test_an_export_that_was_stopped_fetches_only_the_files_that_are_missing(
    pictured: Client, export: Callable, place: Place
):
    asked = itertools.count(1)
    stops_at_the_second_file = {"files": "f.zip", "is_stopping": lambda: next(asked) > 3}
    summary = await export("p.csv", entity="Product", columns="name", how=stops_at_the_second_file)
    assert (summary.status, summary.resumable) == ("stopped", True)
    assert not (place.cwd / "f.zip").exists()
    summary = await resume_export(list_runs(place.state)[0], pictured, place=place)
    assert (summary.status, summary.files.downloaded, summary.files.reused) == ("ok", 2, 1)
    with zipfile.ZipFile(place.cwd / "f.zip") as package:
        assert sorted(package.namelist()) == ["A (2).txt", "a.txt", "b.pdf"]


async def test_a_content_that_is_not_what_its_record_says_is_missing_and_told(pictured: Client, place: Place):
    with closing(sqlite3.connect(place.cwd / "sandbox.db")) as store, store:
        store.execute("UPDATE _content SET content = ? WHERE file_id = 'f1'", (b"oops",))
    what, how = What(entity="Product", columns="name"), How(output="p.csv", files="out")
    retry = Clock().retry()
    async with connect(pictured.url, username="admin", password="admin", retry=retry) as patient:
        summary = await run_export(what, patient, place=place, how=how)
    assert summary.retries == retry.attempts - 1
    assert "a.txt" not in laid(place.cwd / "out")
    assert "with other bytes than its record says" in summary.problems[0].message


@pytest.mark.parametrize(
    ("value", "safe"),
    [("../../etc", "_.._etc"), ("..", "_"), ("", "_"), ("a\\b:c", "a_b_c"), ("con.txt", "_con.txt"),
     ("x" * 300 + ".jpg", "x" * 196 + ".jpg"), ("ä. ", "ä")],
)  # fmt: skip
def test_a_name_is_one_step_of_a_path_on_every_system(value, safe):
    assert _safe(value) == safe


def test_names_differ_where_a_file_system_would_take_them_for_the_same():
    names = Names()
    asked = [("a.txt", "1"), ("A.txt", "2"), ("a.txt", "1"), ("a.txt", "3"), ("a (2).txt", "4")]
    assert [names.of(*one) for one in asked] == ["a.txt", "A (2).txt", None, "a (3).txt", "a (2) (2).txt"]
