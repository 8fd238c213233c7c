"""Cells that are files: uploaded once, linked once, told about where they cannot be had."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import etl
from etl.planning import read_lines
from etl.report.foreseen import FilesForeseen, lines_from, to_object
from etl.report.plan_text import to_plan_text

EVERYWHERE = pytest.mark.parametrize("sandbox", ["1.10", "2.1", "2.2", "2.3"], indirect=True)
ONCE = pytest.mark.parametrize("sandbox", ["2.2"], indirect=True)
PRODUCT = "entity: Product\nkey: number\nfields:\n  number|sku: No\n  name: Name\n"
MAIN = PRODUCT + "  mainImage: {column: Image, file: {base: images}}\n"
GALLERY = (
    PRODUCT + "  files:\n"
    "    each: {column: Images, split: '|', unique: true}\n"
    "    file: {base: images, folder: 'shop/{No}', name: '{No}-{item.index}'}\n"
    "    with: {isMainImage: {expr: item.first}, sorting: {expr: item.index * 10}}\n"
)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of small files: `a.png` and others, and `a-copy.png` with the content of `a.png`."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png", "b-2.png", "b-1.png"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode() * 20)
    (folder / "a-copy.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "empty.png").write_bytes(b"")
    return folder


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


@EVERYWHERE
async def test_a_main_image_is_uploaded_linked_and_marked_and_the_second_time_nothing_is_sent(
    carry, records, images
):
    lines = ("No,Name,Image", "1,a,a.png", "2,b,b.png", "3,c,a-copy.png", "4,d,", "5,e,a.png")
    first = await carry(MAIN, *lines)
    assert (first.rows.created, first.rows.failed) == (5, 0), first.problems
    assert (first.files.uploaded, first.files.reused, first.files.failed) == (2, 0, 0)
    assert first.files.bytes == sum((images / name).stat().st_size for name in ("a.png", "b.png"))
    stored = {one["hash"]: one["id"] for one in await records("File", "hash", "id", "name")}
    assert set(stored) == {md5(images / "a.png"), md5(images / "b.png")}
    products = {one["name"]: one for one in await records("Product", "name", "id", "mainImageId")}
    assert products["a"]["mainImageId"] == products["c"]["mainImageId"] == stored[md5(images / "a.png")]
    assert products["b"]["mainImageId"] == stored[md5(images / "b.png")]
    assert products["d"]["mainImageId"] is None
    assert len(await records("ProductFile", "id")) == 4
    second = await carry(MAIN, *lines)
    assert (second.rows.unchanged, second.files.uploaded, second.files.reused) == (5, 0, 2)
    assert second.records["ProductFile"].unchanged == 4
    assert len(await records("File", "id")) == 2


@EVERYWHERE
async def test_a_gallery_keeps_its_order_its_names_and_its_folder(carry, records, images):
    lines = ("No,Name,Images", "7,a,c.png|b-*.png|c.png", "8,b,a.png")
    first = await carry(GALLERY, *lines)
    assert first.rows.created == 2, first.problems
    assert (first.files.uploaded, first.records["File"].created) == (4, 4)
    files = {one["id"]: one for one in await records("File", "id", "name")}
    products = {one["id"]: one["name"] for one in await records("Product", "id", "name")}
    links = await records("ProductFile", "sorting", "productId", "fileId", "isMainImage")
    assert sorted(
        (products[one["productId"]], files[one["fileId"]]["name"], one["sorting"], one["isMainImage"])
        for one in links
    ) == [
        ("a", "7-1.png", 10, True),
        ("a", "7-2.png", 20, False),
        ("a", "7-3.png", 30, False),
        ("b", "8-1.png", 10, True),
    ]
    again = await carry(GALLERY, *lines)
    assert (again.rows.unchanged, again.records["ProductFile"].unchanged) == (2, 4), again.problems
    fewer = await carry(GALLERY + "    links: replace\n", "No,Name,Images", "7,a,b-1.png|a.png", "8,b,")
    assert fewer.records["ProductFile"].deleted == 2, fewer.problems
    assert len(await records("File", "id")) == 4, "files stay where only their links go"
    left = await records("ProductFile", "productId", "fileId", "sorting")
    assert sorted(
        (products[one["productId"]], files[one["fileId"]]["name"], one["sorting"]) for one in left
    ) == [("a", "7-2.png", 10), ("a", "8-1.png", 20), ("b", "8-1.png", 10)]


@ONCE
async def test_a_marker_unlinks_the_files_and_takes_the_mark_off_a_main_image(carry, records, images):
    head = "markers: {clear: [NONE]}\n"
    await carry(GALLERY, "No,Name,Images", "1,a,a.png|b.png")
    await carry(MAIN, "No,Name,Image", "2,b,a.png")
    emptied = await carry(head + GALLERY, "No,Name,Images", "1,a,NONE")
    assert emptied.records["ProductFile"].deleted == 2, emptied.problems
    unmarked = await carry(head + MAIN, "No,Name,Image", "2,b,NONE")
    assert unmarked.records["ProductFile"].updated == 1, unmarked.problems
    assert [one["isMainImage"] for one in await records("ProductFile", "isMainImage")] == [False]
    again = await carry(head + MAIN, "No,Name,Image", "2,b,NONE")
    assert "ProductFile" not in again.records or not again.records["ProductFile"].updated


@ONCE
async def test_a_main_image_that_stands_in_the_gallery_too_is_linked_once(carry, records, images):
    mapping = MAIN + "  files: {column: Images, split: '|', file: images}\n"
    lines = ("No,Name,Image,Images", "1,a,a.png,b.png|a.png", "2,b,b.png,a-copy.png|b.png")
    first = await carry(mapping, *lines)
    assert (first.rows.created, first.rows.bad) == (2, 0), first.problems
    links = await records("ProductFile", "id", "isMainImage")
    assert sorted(one["isMainImage"] or False for one in links) == [False, False, True, True]
    assert (await carry(mapping, *lines)).rows.unchanged == 2
    replaced = await carry(mapping.replace("split: '|'", "split: '|', links: replace"), *lines)
    assert replaced.rows.unchanged == 2
    assert len(await records("ProductFile", "id")) == 4


@ONCE
async def test_a_file_that_cannot_be_had_fails_its_row_or_is_left_out_as_on_error_says(
    carry, records, images
):
    cells = ("gone.png", "empty.png", "../feed.yaml", "b-*.png")
    lines = ("No,Name,Image", "0,fine,a.png", *(f"{n},x,{cell}" for n, cell in enumerate(cells, 1)))
    failing = await carry(MAIN, *lines)
    assert (failing.rows.created, failing.rows.invalid) == (1, 4)
    codes = ["file_missing", "file_empty", "file_outside", "file_not_single"]
    assert [(one.row, one.column, one.code) for one in failing.problems] == [
        (row, "Image", code) for row, code in enumerate(codes, 3)
    ]
    lenient = await carry(MAIN.replace("file:", "on_error: skip_field, file:"), *lines)
    assert (lenient.rows.created, lenient.rows.unchanged, lenient.rows.bad) == (4, 1, 0)
    assert [one.code for one in lenient.problems] == ["cell_left_out"] * 4
    assert len(await records("ProductFile", "id")) == 1


@ONCE
async def test_a_plan_looks_hashes_up_and_says_what_it_would_upload_without_sending(
    pim, carry, records, images, tmp_path
):
    await carry(MAIN, "No,Name,Image", "1,a,a.png")
    (tmp_path / "feed.csv").write_text("No,Name,Image\n1,a,a-copy.png\n2,b,b.png\n3,c,b.png\n4,d,c.png\n")
    foreseen = await etl.aio.plan(
        tmp_path / "feed.csv", tmp_path / "feed.yaml", pim, state_dir=tmp_path / "state"
    )
    size = sum((images / name).stat().st_size for name in ("b.png", "c.png"))
    assert foreseen.files == FilesForeseen(uploads=2, bytes=size)
    assert foreseen.summary.files.reused == 1
    assert foreseen.records["ProductFile"] == {"create": 3, "unchanged": 1}
    assert f"2 files to upload ({size} B), 1 there already." in to_plan_text(foreseen)
    assert to_object(foreseen)["plan"]["files"] == {"uploads": 2, "bytes": size, "unknown": 0}
    assert len(await records("File", "id")) == 1
    linked = [line for line in lines_from(read_lines(Path(foreseen.file))) if line.field == "file"]
    assert [line.new for line in linked] == ["b.png", "b.png", "c.png"]


@ONCE
async def test_nothing_is_uploaded_for_a_row_that_goes_nowhere(carry, records, images):
    mapping = MAIN.replace("key: number\n", "key: number\nwrite: update\n")
    await carry(PRODUCT, "No,Name", "1,a")
    summary = await carry(mapping, "No,Name,Image", "1,a,a.png", "2,b,b.png")
    assert (summary.rows.skipped, summary.files.uploaded) == (1, 1), summary.problems
    assert [one["name"] for one in await records("File", "name")] == ["a.png"]
    assert summary.records["ProductFile"].created == 1
