"""Plans with files: exactly what was looked at is uploaded, and linked as an import links it."""

from __future__ import annotations

import hashlib
import threading
from base64 import b64encode
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import openpyxl
import pytest

from etl import blocking
from etl.cli.plan_forms import write_files
from tests.applying.conftest import Shop, shop_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.report import Summary
    from etl.report.foreseen import Foreseen

PRODUCT = "entity: Product\nkey: number\nfields:\n  number|sku: No\n  name: Name\n"
MAPPING = (
    PRODUCT + "  mainImage: {column: Image, file: images}\n"
    "  files:\n"
    "    each: {column: Images, split: '|', unique: true}\n"
    "    links: LINKS\n"
    "    file: {base: images, folder: 'shop/{No}'}\n"
    "    with: {sorting: {expr: item.index * 10}}\n"
)
FIRST = ("1,a,a.png,b.png|c.png", "2,b,,c.png", "3,c,b.png,")
THEN = ("1,a,a.png,c.png|d.png|a.png", "2,B,e.png,", "3,c,b.png,b.png", "4,d,f.png,e.png|e-copy.png")


class Pictures:
    """A shop whose products have pictures."""

    def __init__(self, shop: Shop, links: str) -> None:
        self.shop, self.folder = shop, shop.folder
        shop.mapping.write_text(MAPPING.replace("LINKS", links))
        images = self.folder / "images"
        images.mkdir()
        for name in "abcdef":
            (images / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode() * 50)
        (images / "e-copy.png").write_bytes((images / "e.png").read_bytes())

    def table(self, lines: tuple[str, ...]) -> Path:
        path = self.folder / "feed.csv"
        path.write_text("\n".join(["No,Name,Image,Images", *lines]) + "\n")
        return path

    def carry(self, lines: tuple[str, ...]) -> Summary:
        shop = self.shop
        return blocking.import_table(self.table(lines), shop.mapping, shop.pim, state_dir=shop.state)

    def plan(self, lines: tuple[str, ...]) -> Foreseen:
        shop = self.shop
        return blocking.plan(self.table(lines), shop.mapping, shop.pim, state_dir=shop.state)

    def read(self, entity: str, *fields: str) -> list[dict[str, object]]:
        client = self.shop.pim.client

        async def pages() -> list[dict[str, object]]:
            return [one async for page in client.pages(entity, select=fields) for one in page.records]

        return self.shop.pim.loop.wait_for(pages())

    def stands(self) -> tuple[object, ...]:
        """Return names of products, files with their folders, and links, as people see them."""
        products = {one["id"]: one for one in self.read("Product", "id", "name", "mainImageId")}
        folders = {one["id"]: one["name"] for one in self.read("Folder", "id", "name")}
        files = {one["id"]: one for one in self.read("File", "id", "name", "hash", "folderId")}
        links = self.read("ProductFile", "id", "productId", "fileId", "sorting", "isMainImage")
        return (
            sorted(
                (one["name"], files[one["mainImageId"]]["hash"] if one["mainImageId"] else "")
                for one in products.values()
            ),
            sorted((one["name"], one["hash"], folders.get(one["folderId"], "")) for one in files.values()),
            sorted(
                (products[one["productId"]]["name"], files[one["fileId"]]["hash"], _said(one["sorting"]),
                 bool(one["isMainImage"]), one["id"])
                for one in links
            ),
        )  # fmt: skip


def _said(sorting: object) -> str:
    """A place in the gallery; AtroCore gives others the number of a moment."""
    return str(sorting) if sorting in (10, 20, 30) else ""


@contextmanager
def pictures_in(folder: Path, generation: str = "2.2", links: str = "append") -> Iterator[Pictures]:
    with shop_in(folder, generation) as shop:
        yield Pictures(shop, links)


@pytest.fixture
def pictures(tmp_path):
    with pictures_in(tmp_path) as made:
        yield made


@pytest.mark.parametrize(("generation", "links"), [("1.10", "append"), ("2.3", "replace")])
def test_applying_a_plan_with_files_does_what_an_import_does(tmp_path, generation, links):
    with (
        pictures_in(tmp_path / "a", generation, links) as one,
        pictures_in(tmp_path / "b", generation, links) as other,
    ):
        for each in (one, other):
            each.carry(FIRST)
        plan = one.plan(THEN)
        assert plan.files.uploads == 3
        applied, imported = one.shop.apply(plan.file), other.carry(THEN)
        assert applied.rows == imported.rows == plan.summary.rows
        assert applied.records == imported.records
        assert (applied.files.uploaded, applied.files.bytes, applied.files.failed) == (3, plan.files.bytes, 0)
        assert (imported.files.uploaded, imported.files.bytes) == (3, plan.files.bytes)
        assert one.stands() == other.stands()
        again = one.plan(THEN)
        assert (again.has_changes, again.files.uploads) == (False, 0)
        assert applied.files.upload_ms > 0


def test_a_file_that_is_not_what_the_plan_was_made_with_stops_the_rows_that_need_it(pictures):
    pictures.carry(FIRST)
    plan = pictures.plan(THEN)
    (pictures.folder / "images" / "e.png").write_bytes(b"\x89PNG another picture")
    (pictures.folder / "images" / "d.png").unlink()
    done = pictures.shop.apply(plan.file)
    assert (done.rows.failed, done.rows.bad) == (3, 3)
    told = {(one.row, one.column, one.code) for one in done.problems}
    assert told == {
        (2, "Images", "file_missing"),
        (3, "Image", "file_not_as_planned"),
        (5, "Images", "file_not_as_planned"),
    }
    assert [one["name"] for one in pictures.read("Product", "name")] == ["a", "b", "c"]
    assert done.files.failed == 2
    names = {one["name"] for one in pictures.read("File", "name")}
    assert names & {"d.png", "e.png"} == set()


def test_only_the_files_of_what_was_accepted_are_uploaded(pictures):
    path = pictures.folder / "plan.xlsx"
    plan = pictures.plan(THEN)
    write_files(plan, xlsx=path, html=None)
    book = openpyxl.load_workbook(path)
    header = [cell.value for cell in book["Changes"][1]]
    lines = [dict(zip(header, row, strict=True)) for row in book["Changes"].iter_rows(min_row=2)]
    uploads = [line for line in lines if line["kind"].value == "upload"]
    assert {line["key"].value for line in uploads} == {f"{one}.png" for one in "abcdef"} | {"e-copy.png"}
    assert {line["_accept"].value for line in uploads} == {""}
    for line in lines:
        if line["_accept"].value and line["row"].value in ("2", "5"):
            line["_accept"].value = "no"
    book.save(path)
    done = pictures.shop.apply(path)
    assert (done.rows.created, done.rows.skipped, done.rows.failed) == (2, 2, 0), done.problems
    assert {one["name"] for one in pictures.read("File", "name")} == {"e.png", "b.png"}
    assert len(pictures.read("ProductFile", "id")) == 2


def test_where_a_product_was_not_accepted_its_pictures_are_neither_uploaded_nor_linked(pictures):
    path = pictures.folder / "plan.xlsx"
    write_files(pictures.plan(FIRST), xlsx=path, html=None)
    book = openpyxl.load_workbook(path)
    for row in book["Changes"].iter_rows(min_row=2):
        if row[3].value == "Product":
            row[0].value = "no"
    book.save(path)
    done = pictures.shop.apply(path)
    assert (done.rows.skipped, done.files.uploaded) == (3, 0)
    assert pictures.read("ProductFile", "id") == pictures.read("File", "id") == []


def test_rows_that_the_mapping_leaves_alone_are_left_alone_and_nothing_is_uploaded_for_them(pictures):
    pictures.carry(FIRST[:1])
    text = pictures.shop.mapping.read_text()
    pictures.shop.mapping.write_text(text.replace("key: number", "key: number\nwrite: update"))
    plan = pictures.plan(FIRST)
    done = pictures.shop.apply(plan.file)
    assert done.rows == plan.summary.rows
    assert (done.rows.skipped, done.rows.unchanged, done.rows.bad) == (2, 1, 0)
    assert done.reasons == plan.summary.reasons == {"record_missing_left": 2}
    assert (plan.files.uploads, done.files.uploaded) == (0, 0)


def test_what_somebody_uploaded_or_removed_since_the_plan_is_linked_as_it_stands_now(pictures):
    pictures.carry(FIRST)
    plan = pictures.plan((*THEN, "5,e,c.png,"))
    content = (pictures.folder / "images" / "d.png").read_bytes()
    client, loop = pictures.shop.pim.client, pictures.shop.pim.loop
    body = "data:image/png;base64," + b64encode(content).decode()
    loop.wait_for(client.create("File", {"id": "theirs", "name": "own.png", "fileContents": body}))
    md5 = hashlib.md5((pictures.folder / "images" / "c.png").read_bytes(), usedforsecurity=False).hexdigest()
    (gone,) = [one["id"] for one in pictures.read("File", "id", "hash") if one["hash"] == md5]
    loop.wait_for(client.delete("File", gone))
    done = pictures.shop.apply(plan.file)
    assert done.files.uploaded == 2, done.problems
    linked = {one["fileId"] for one in pictures.read("ProductFile", "fileId") if one["fileId"] != gone}
    assert "theirs" in linked
    assert linked <= {one["id"] for one in pictures.read("File", "id")}
    assert [(one.row, one.code) for one in done.problems] == [(6, "file_gone")]
    again = pictures.carry(THEN)
    assert (again.rows.bad, again.files.uploaded) == (0, 1), again.problems
    pairs = [(one["productId"], one["fileId"]) for one in pictures.read("ProductFile", "productId", "fileId")]
    assert len(pairs) == len(set(pairs))


@pytest.fixture
def site(pictures):
    """A web server of the pictures."""
    folder = str(pictures.folder / "images")
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("fetch", ["client", "server"])
def test_addresses_that_nobody_fetched_are_fetched_when_the_plan_is_applied(pictures, site, fetch):
    text = pictures.shop.mapping.read_text()
    pictures.shop.mapping.write_text(text.replace("base: images", f"fetch: {fetch}, base: images"))
    lines = (f"1,a,,{site}/a.png|{site}/e.png|{site}/e-copy.png", f"2,b,,{site}/a.png")
    # A server that cannot fetch something says so after two tries, which takes its time.
    missing = (f"3,c,,{site}/x.png",) if fetch == "client" else ()
    plan = pictures.plan(lines + missing)
    assert plan.files.uploads == plan.files.unknown == 3 + len(missing)
    done = pictures.shop.apply(plan.file)
    assert done.rows.created == 2, done.problems
    assert [(one.row, one.code) for one in done.problems] == [(4, "file_not_fetched") for _ in missing]
    assert min(one["name"] for one in pictures.read("File", "name")) == "a.png"
    assert len(pictures.read("File", "id")) == 2
    assert len(pictures.read("ProductFile", "id")) == 3
    again = pictures.carry(lines)
    assert (again.rows.unchanged, again.files.uploaded) == (2, 0), again.problems
    assert len(pictures.read("ProductFile", "id")) == 3
