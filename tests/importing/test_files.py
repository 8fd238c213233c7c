"""Cells that are files: uploaded once, linked once, told about where they cannot be had."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web
from pyarrow import parquet

import etl
from etl.errors import ConfigurationInvalid
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
    files = {one["id"]: one for one in await records("File", "id", "name", "folderId", "hash")}
    folders = {one["id"]: one["name"] for one in await records("Folder", "id", "name")}
    assert sorted(folders.values()) == ["7", "8", "shop"]
    assert {folders[one["folderId"]] for one in files.values()} == {"7", "8"}
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
async def test_a_main_image_gets_the_place_that_the_gallery_gives_it(carry, records, images):
    mapping = MAIN + GALLERY.removeprefix(PRODUCT).replace("isMainImage: {expr: item.first}, ", "")
    first = await carry(mapping, "No,Name,Image,Images", "1,a,b.png,a.png|b.png")
    assert (first.rows.created, first.rows.bad) == (1, 0), first.problems
    links = await records("ProductFile", "sorting", "isMainImage")
    assert [(one["sorting"], bool(one["isMainImage"])) for one in links] == [(10, False), (20, True)]


@pytest.mark.parametrize("sandbox", ["1.10", "2.3"], indirect=True)
async def test_brands_and_categories_have_files_and_the_category_a_main_image(carry, records, images):
    rows = ("C,N,Logo,Main", "x,X,a.png|b.png,", "y,Y,,c.png")
    fields = "key: code\nfields:\n  code: C\n  name: N\n  files: {column: Logo, split: '|', file: images}\n"
    brands = await carry("ignore: [Main]\nentity: Brand\n" + fields, *rows)
    assert (brands.rows.created, brands.records["BrandFile"].created) == (2, 2), brands.problems
    main = "  mainImage: {column: Main, file: images}\n"
    first = await carry("entity: Category\n" + fields + main, *rows)
    assert (first.rows.created, first.records["CategoryFile"].created) == (2, 3), first.problems
    assert (first.files.uploaded, first.files.reused) == (1, 2)
    again = await carry("entity: Category\n" + fields + main, *rows)
    assert again.rows.unchanged == 2, again.problems
    links = await records("CategoryFile", "id", "isMainImage")
    assert [bool(one["isMainImage"]) for one in links].count(True) == 1


@ONCE
async def test_a_file_that_cannot_be_had_fails_its_row_or_is_left_out_as_on_error_says(
    carry, records, images
):
    cells = ("gone.png", "empty.png", "../feed.yaml", "b-*.png")
    lines = ("No,Name,Image", "0,fine,a.png", *(f"{n},x,{cell}" for n, cell in enumerate(cells, 1)))
    failing = await carry(MAIN, *lines)
    assert (failing.rows.created, failing.rows.invalid) == (1, 4)
    assert (failing.files.uploaded, failing.files.failed) == (1, 3)
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
    assert foreseen.files == FilesForeseen(uploads=2, bytes=size, seconds=0.3 + size / 5_000_000)
    assert (foreseen.summary.files.reused, foreseen.summary.files.missing) == (1, 2)
    assert foreseen.records["ProductFile"] == {"create": 3, "unchanged": 1}
    assert f"2 files to upload ({size} B, about a second as is usual), 1 there already." in to_plan_text(
        foreseen
    )
    assert to_object(foreseen)["plan"]["files"]["uploads"] == 2
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


@ONCE
@pytest.mark.parametrize("on_error", ["fail", "skip_field"])
async def test_a_file_that_the_server_refuses_is_a_problem_of_each_row_that_needs_it(
    carry, records, images, on_error
):
    mapping = GALLERY.replace("    with:", f"    on_error: {on_error}\n    with:")
    mapping = mapping.replace("'{No}-{item.index}'", "'{No}-{item.index}', type: Nowhere")
    lines = ("No,Name,Images", "1,a,a.png|b.png", "2,b,a.png", "3,c,")
    summary = await carry(mapping, *lines)
    if on_error == "fail":
        assert (summary.rows.failed, summary.rows.created) == (2, 1), summary.problems
        assert {one.code for one in summary.problems} == {"file_type_unknown"}
        assert [one["name"] for one in await records("Product", "name")] == ["c"]
    else:
        assert (summary.rows.created, summary.rows.bad) == (3, 0), summary.problems
        assert {one.code for one in summary.problems} == {"cell_left_out"}
    assert await records("ProductFile", "id") == []
    assert summary.files.failed == 2
    assert await records("File", "id") == []


@pytest.fixture
async def shop(images):
    """A web server of the images: its address, and how often each of them was fetched."""
    fetched: Counter[str] = Counter()

    async def answer(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        fetched[name] += 1
        if not (images / name).exists():
            return web.Response(status=404)
        return web.Response(body=(images / name).read_bytes(), content_type="image/png")

    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", fetched
    await runner.cleanup()


@EVERYWHERE
@pytest.mark.parametrize("fetch", ["client", "server"])
async def test_files_at_addresses_are_fetched_once_each_and_named_without_their_query(
    carry, records, images, shop, fetch
):
    url, fetched = shop
    mapping = MAIN.replace("base: images", f"fetch: {fetch}")
    lines = ("No,Name,Image", f"1,a,{url}/a.png?v=2", f"2,b,{url}/a.png?v=2", "3,c,", f"4,d,{url}/gone.png")
    first = await carry(mapping, *lines)
    assert (first.rows.created, first.rows.failed) == (3, 1), first.problems
    assert (first.files.uploaded, first.files.failed) == (1, 1)
    assert [(one.row, one.code) for one in first.problems] == [(5, "file_not_fetched")]
    assert fetched["a.png"] == 1
    assert [(one["name"], one["hash"]) for one in await records("File", "name", "hash")] == [
        ("a.png", md5(images / "a.png"))
    ]
    second = await carry(mapping, *lines)
    assert (second.rows.unchanged, second.files.uploaded) == (3, 0), second.problems
    third = await carry(mapping, *lines, verify_fraction=0.0)
    # AtroCore fetches an address once; what we fetch may be something else each time.
    assert (third.known.rows, third.known.unsteady) == ((3, 0) if fetch == "server" else (1, 3))
    if fetch == "client":
        assert third.records["ProductFile"].unchanged == 2
    assert len(await records("File", "id")) == 1


@ONCE
async def test_a_shared_file_stands_in_the_results_with_its_link(carry, records, pim, images):
    mapping = MAIN.replace("{base: images}", "{base: images, share: {name: Print, valid_till: 2099-01-31}}")
    summary = await carry(mapping, "No,Name,Image", "1,a,a.png", "2,b,a.png")
    assert summary.rows.created == 2, (summary.problems, summary.error)
    (shared,) = await records("Sharing", "id")
    sharing = await pim.get("Sharing", shared["id"])
    assert (sharing["name"], sharing["validTill"]) == ("Print", "2099-01-31 00:00:00")
    results = parquet.read_table(f"{summary.folder}/results.parquet").to_pylist()
    (line,) = [one for one in results if one["entity"] == "File"]
    assert (line["key"], line["status"], line["row"]) == ("a.png", "created", 0)
    assert sharing["link"] in line["message"]


@pytest.mark.parametrize("sandbox", ["1.10", "2.3"], indirect=True)
async def test_tags_are_named_and_a_tag_that_is_none_stops_the_run_before_anything_is_sent(
    carry, records, pim, images
):
    mapping = MAIN.replace("{base: images}", "{base: images, tags: [Web]}")
    with pytest.raises(ConfigurationInvalid, match='the tag "Web"'):
        await carry(mapping, "No,Name,Image", "1,a,a.png")
    assert await records("Product", "id") == []
    option = await pim.create("ExtensibleEnumOption", {"name": "Web", "extensibleEnumsIds": ["fileTags"]})
    summary = await carry(mapping, "No,Name,Image", "1,a,a.png")
    assert summary.rows.created == 1, summary.problems
    assert [one["tags"] for one in await records("File", "id", "tags")] == [[option["id"]]]


@ONCE
async def test_two_imports_of_the_same_files_at_once_leave_one_record_of_each_and_one_link(
    carry, records, images, sandbox, tmp_path
):
    (tmp_path / "both.yaml").write_text(GALLERY)
    (tmp_path / "both.csv").write_text(
        "No,Name,Images\n" + "".join(f"{n},x,a.png|b-*.png|c.png\n" for n in range(8))
    )

    async def other(state: str) -> None:
        async with etl.aio.connect(sandbox.url, username="admin", password="admin") as pim:
            summary = await etl.aio.import_table(
                tmp_path / "both.csv", tmp_path / "both.yaml", pim, state_dir=tmp_path / state
            )
            assert (summary.rows.read, summary.rows.bad) == (8, 0), summary.problems

    await asyncio.gather(other("one"), other("two"))
    assert len(await records("File", "id")) == 4
    links = await records("ProductFile", "productId", "fileId")
    assert len(links) == len({(one["productId"], one["fileId"]) for one in links}) == 32


@EVERYWHERE
async def test_an_attribute_may_be_a_file(carry, pim, images):
    await pim.metadata()  # tells the generation
    code = "systemName" if pim.generation.name == "2.3" else "code"
    of = (
        {}
        if pim.generation.name == "1.10"
        else {"entityId": "Product", "attributePanelId": "attributeValues"}
    )
    await pim.create("Attribute", {"name": "Sheet", code: "sheet", "type": "file", **of})
    mapping = PRODUCT + "attributes:\n  sheet: {column: Sheet, file: images}\n"
    first = await carry(mapping, "No,Name,Sheet", "1,a,a.png", "2,b,a-copy.png", "3,c,gone.png")
    assert (first.rows.created, first.rows.invalid, first.files.uploaded) == (2, 1, 1), first.problems
    again = await carry(mapping, "No,Name,Sheet", "1,a,a.png", "2,b,a-copy.png")
    assert again.rows.unchanged == 2, again.problems
