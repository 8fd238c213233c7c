"""Rows that name files are known as long as the files look the same; else they are looked at."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from etl.report import Summary

SANDBOX = pytest.mark.parametrize("sandbox", [{"clock": lambda: 1_800_000_000.0}], indirect=True, ids=["2.2"])
PRODUCT = "entity: Product\nkey: number\nfields:\n  number: No\n  name: Name\n"
MAIN = PRODUCT + "  mainImage: {column: Image, file: {base: images}}\n"
GALLERY = (
    PRODUCT + "  files:\n"
    "    each: {column: Images, split: '|', unique: true}\n"
    "    file: {base: images}\n"
    "    links: replace\n"
    "    on_empty: clear\n"
)
LONG_AGO_S = 1_700_000_000


class Pictures:
    """A folder of pictures that were all written long ago, each at another moment."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.moment_s = folder, LONG_AGO_S

    def put(self, name: str, content: str) -> None:
        path = self.folder / name
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + content.encode() * 20)
        self.moment_s += 1
        os.utime(path, (self.moment_s, self.moment_s))


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    made = Pictures(tmp_path / "images")
    for name in ("a.png", "b-1.png", "b-2.png", "c.png"):
        made.put(name, name)
    return made


@pytest.fixture
def carry(carry):
    """Nothing is reread by turns."""

    async def carried(*arguments: str, **options: object) -> Summary:
        return await carry(*arguments, verify_fraction=0.0, **options)

    return carried


@SANDBOX
@pytest.mark.parametrize(
    ("mapping", "lines"),
    [
        (MAIN, ("No,Name,Image", "1,a,a.png", "2,b,b-1.png", "3,c,")),
        (GALLERY, ("No,Name,Images", "1,a,c.png|b-*.png|c.png", "2,b,a.png", "3,c,")),
        (
            "rows: {group: {by: No}}\n" + GALLERY,
            ("No,Name,Images", "1,a,c.png", "1,,b-*.png", "2,b,a.png", "3,c,"),
        ),
        (
            PRODUCT + "attributes: {sheet: {column: Sheet, file: images}}\n",
            ("No,Name,Sheet", "1,a,a.png", "2,b,b-1.png"),
        ),
    ],
    ids=["main image", "gallery", "group", "attribute"],
)
async def test_a_folder_that_is_as_it_was_costs_two_requests_and_no_upload(
    carry, pim, pictures, mapping, lines
):
    of = {"entityId": "Product", "attributePanelId": "attributeValues"}
    await pim.create("Attribute", {"name": "Sheet", "code": "sheet", "type": "file", **of})
    first = await carry(mapping, *lines)
    assert (first.rows.failed, first.rows.invalid) == (0, 0), first.problems
    before = pim.requests
    second = await carry(mapping, *lines)
    assert (second.known.rows, second.known.compared) == (len(lines) - 1, 0), second.known
    assert (second.files.uploaded, second.files.reused) == (0, 0)
    # The schema, the page of what was changed, and the attributes where the mapping names some.
    assert pim.requests - before <= (2 if "attributes" not in mapping else 4)


@SANDBOX
async def test_a_file_with_another_content_is_uploaded_and_its_rows_alone_are_looked_at(
    carry, records, pictures
):
    lines = ("No,Name,Images", "1,a,a.png", "2,b,b-*.png", "3,c,a.png|c.png", "4,d,")
    await carry(GALLERY, *lines)
    pictures.put("a.png", "x.png")
    second = await carry(GALLERY, *lines)
    assert (second.known.rows, second.known.compared, second.files.uploaded) == (2, 2, 1)
    assert second.records["ProductFile"].created == 2
    assert second.records["ProductFile"].deleted == 2, "its old content is linked no more"
    assert (await carry(GALLERY, *lines)).known.rows == 4


@SANDBOX
async def test_a_file_that_comes_into_a_glob_or_goes_makes_its_rows_unknown(carry, records, pictures):
    lines = ("No,Name,Images", "1,a,a.png", "2,b,b-*.png", "3,c,c.png")
    await carry(GALLERY, *lines)
    pictures.put("b-3.png", "new")
    more = await carry(GALLERY, *lines)
    assert (more.known.rows, more.files.uploaded, more.records["ProductFile"].created) == (2, 1, 1)
    (pictures.folder / "b-1.png").unlink()
    fewer = await carry(GALLERY, *lines)
    assert (fewer.known.rows, fewer.records["ProductFile"].deleted) == (2, 1)
    (pictures.folder / "c.png").unlink()
    gone = await carry(GALLERY, *lines)
    assert (gone.known.rows, [(one.row, one.code) for one in gone.problems]) == (2, [(4, "file_missing")])
    assert gone.files.failed == 1
    again = await carry(GALLERY, *lines)
    assert (again.known.rows, again.rows.invalid) == (2, 1), "a row that was not sent is never known"


@SANDBOX
async def test_a_file_written_just_now_may_change_unseen_and_its_rows_are_compared(carry, pictures):
    lines = ("No,Name,Image", "1,a,a.png", "2,b,c.png")
    (pictures.folder / "a.png").touch()
    await carry(MAIN, *lines)
    os.utime(pictures.folder / "a.png", (LONG_AGO_S, LONG_AGO_S))
    second = await carry(MAIN, *lines)
    assert (second.known.rows, second.known.unsteady, second.rows.unchanged) == (1, 0, 2)
    (pictures.folder / "c.png").touch()
    third = await carry(MAIN, *lines)
    assert (third.known.rows, third.known.unsteady) == (1, 1)


@SANDBOX
async def test_an_address_beside_paths_keeps_its_own_row_alone_from_being_known(carry, sandbox, pictures):
    lines = ("No,Name,Image", "1,a,a.png", f"2,b,{sandbox.url}/nothing.png")
    first = await carry(MAIN, *lines)
    assert (first.rows.created, first.rows.failed) == (1, 1)
    second = await carry(MAIN, *lines)
    assert (second.known.rows, second.known.unsteady) == (1, 1)


@SANDBOX
async def test_whatever_changes_in_folder_and_source_the_server_ends_as_after_a_fresh_import(
    carry, records, pictures
):
    chance = random.Random(7)  # noqa: S311  no secret
    names = ("a.png", "b-1.png", "b-2.png", "b-3.png", "c.png")
    cells = ("", "a.png", "b-*.png", "c.png|a.png", "b-?.png|a.png", "*.png")
    shown: list[str] = []
    for turn in range(3):
        for name in chance.sample(names[:-2], k=chance.randint(0, 2)):
            pictures.put(name, f"{name} {chance.randint(0, 2)}")
        pictures.put("c.png", "c") if chance.random() < 0.3 else None
        if turn % 3 == 2:
            (pictures.folder / "b-3.png").unlink(missing_ok=True)
        elif turn % 3 == 1:
            pictures.put("b-3.png", "b-3")
        shown = [chance.choice(cells) if turn % 2 == 0 or not shown else one for one in shown or cells[:4]]
        head = "No,Name,Images"
        told = await carry(GALLERY, head, *(f"N-{at},n,{one}" for at, one in enumerate(shown)))
        assert told.rows.failed == told.rows.invalid == 0, told.problems
        fresh = [f"F{turn}-{at},n,{one}" for at, one in enumerate(shown)]
        await carry(GALLERY, head, *fresh, name=f"fresh-{turn}")
        numbers = {one["id"]: one["number"] for one in await records("Product", "id", "number")}
        linked: dict[str, set[object]] = {}
        for one in await records("ProductFile", "id", "productId", "fileId"):
            linked.setdefault(str(numbers[one["productId"]]), set()).add(one["fileId"])
        for at in range(len(shown)):
            assert linked.get(f"N-{at}") == linked.get(f"F{turn}-{at}"), (turn, at, shown[at])
        again = await carry(GALLERY, head, *(f"N-{at},n,{one}" for at, one in enumerate(shown)))
        assert (again.known.rows, again.files.uploaded) == (len(shown), 0)
