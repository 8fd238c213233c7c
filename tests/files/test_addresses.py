from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from etl.api import RetryClock, Secret, connect
from etl.files import Address, FileStatus, Rules, Wanted
from tests.files.store import GENERATIONS, content, md5, records, stored, uploads

PICTURE = b"\xff\xd8\xff" + content(150_000)


class Site:
    """A web server of the test's own making: what it has, and what it was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {"/a.jpg": PICTURE}
        self.etags: dict[str, str] = {}
        self.moved: dict[str, str] = {}
        self.failing: dict[str, list[int]] = {}
        self.seen: list[web.Request] = []
        self.at_once = self.most_at_once = 0
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        try:
            return await self.answer(request)
        finally:
            self.at_once -= 1

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if self.failing.get(path):
            return web.Response(status=self.failing[path].pop(0), headers={"Retry-After": "7"})
        if path in self.moved:
            return web.Response(status=302, headers={"Location": self.moved[path]})
        if path not in self.pages:
            return web.Response(status=404)
        etag = self.etags.get(path, "")
        if etag and request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        response = web.StreamResponse(headers={"ETag": etag} if etag else {})
        if path.startswith("/cut"):
            response.content_length = len(self.pages[path]) + 10
        response.content_type = "image/jpeg"
        await response.prepare(request)
        await response.write(self.pages[path])
        if path.startswith("/cut"):
            request.transport.close()
        return response


@asynccontextmanager
async def serving():
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


@pytest.fixture
async def site():
    async with serving() as running:
        yield running


@pytest.fixture
async def other_site():
    async with serving() as running:
        yield running


def at(site, path, **changed):
    return Wanted(Address(f"{site.url}{path}"), **changed)


def paths(site):
    return [request.path_qs for request in site.seen]


@pytest.mark.parametrize("sandbox", GENERATIONS, indirect=True)
async def test_an_address_is_fetched_once_and_stored_under_its_own_name(sandbox, pim, site, tmp_path):
    with uploads(pim, tmp_path, piece_bytes=1 << 16) as running:
        one, two = await running.ensure([at(site, "/a.jpg?v=17"), at(site, "/a.jpg?v=17")])
    assert (one.status, one.name, one.md5) == (FileStatus.UPLOADED, "a.jpg", md5(PICTURE))
    assert one.file_id == two.file_id
    assert stored(sandbox, one.file_id) == PICTURE
    assert paths(site) == ["/a.jpg?v=17"]
    assert not [path for path in (tmp_path / "state").rglob("*") if path.is_file() and path.suffix != ".db"
                and path.name not in (".gitignore", "pacing.json")]  # fmt: skip


async def test_what_its_tag_calls_unchanged_is_not_fetched_again(sandbox, pim, site, tmp_path):
    site.etags["/a.jpg"] = '"1"'
    for status in (FileStatus.UPLOADED, FileStatus.REUSED):
        with uploads(pim, tmp_path) as running:
            (one,) = await running.ensure([at(site, "/a.jpg")])
        assert one.status is status
    assert [request.headers.get("If-None-Match") for request in site.seen] == [None, '"1"']
    # Where the file is gone from the server, the content itself is needed after all.
    await pim.delete("File", one.file_id)
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([at(site, "/a.jpg")])
    assert one.status is FileStatus.UPLOADED
    assert stored(sandbox, one.file_id) == PICTURE
    site.pages["/a.jpg"] = PICTURE + b"changed"
    site.etags["/a.jpg"] = '"2"'
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([at(site, "/a.jpg")])
    assert (one.status, one.md5) == (FileStatus.UPLOADED, md5(PICTURE + b"changed"))


async def test_a_plan_fetches_nothing(pim, site, tmp_path):
    site.etags["/a.jpg"] = '"1"'
    with uploads(pim, tmp_path) as running:
        (one,) = await running.foresee([at(site, "/a.jpg")])
    assert (one.status, one.file_id, site.seen) == (FileStatus.MISSING, "", [])
    with uploads(pim, tmp_path) as running:
        await running.ensure([at(site, "/a.jpg")])
        (one,) = await running.foresee([at(site, "/a.jpg")])
    assert (one.status, len(site.seen)) == (FileStatus.REUSED, 1)


async def test_headers_of_an_origin_go_to_no_other(sandbox, site, other_site, tmp_path):
    site.moved["/moved.jpg"] = f"{other_site.url}/a.jpg"
    site.moved["/here.jpg"] = "/a.jpg"
    headers = {site.url: {"X-Key": Secret("only for them")}}
    async with connect(sandbox.url, username="admin", password="admin") as plain:
        target = replace(plain.target, fetch_headers=headers)
    async with connect(target) as pim:
        with uploads(pim, tmp_path) as running:
            found = await running.ensure([at(site, "/moved.jpg"), at(site, "/here.jpg")])
    assert [one.flaw for one in found] == [None, None]
    assert {request.headers.get("X-Key") for request in site.seen} == {"only for them"}
    assert [request.headers.get("X-Key") for request in other_site.seen] == [None]
    assert not [one for one in (*site.seen, *other_site.seen) if "Authorization-Token" in one.headers]


@pytest.mark.parametrize(
    ("path", "code", "reason"),
    [
        ("/none.jpg", "file_not_fetched", "it answered 404"),
        ("/round.jpg", "file_not_fetched", "it redirects more than 5 times"),
        ("/file.jpg", "file_not_fetched", "only http:// and https:// are fetched"),
        ("/empty.jpg", "file_empty", ""),
        ("/page.jpg", "file_wrong_type", ""),
        ("/cut.jpg", "file_not_fetched", "the connection was cut"),
        ("/large.jpg", "file_too_large", ""),
        ("/a.gif", "file_wrong_extension", ""),
    ],
)
async def test_an_address_that_brings_nothing_usable_says_why(pim, site, tmp_path, path, code, reason):
    site.moved |= {"/round.jpg": "/round.jpg", "/file.jpg": "file:///etc/hostname"}
    site.pages |= {
        "/empty.jpg": b"",
        "/page.jpg": b"<html>not found</html>",
        "/cut.jpg": b"\xff\xd8\xff",
        "/large.jpg": b"\xff\xd8\xff" * 100_000,
        "/a.gif": b"GIF8",
    }
    rules = Rules(extensions=("jpg",), most_bytes=200_000)
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([at(site, path, rules=rules)])
    assert (one.status, one.flaw.code) == (FileStatus.FAILED, code)
    assert reason in one.flaw.facts.get("reason", "")
    assert await records(pim) == []


@pytest.mark.parametrize(
    "url", ["ftp://host/a.jpg", "file:///etc/hostname", "https:///a.jpg", "https://u:p@host/a.jpg"]
)
async def test_what_is_no_address_is_not_asked(pim, tmp_path, url):
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([Wanted(Address(url))])
    assert one.flaw.code == "file_address"
    assert "p@" not in str(one.flaw)


async def test_a_server_that_is_busy_is_asked_again_when_it_says(sandbox, site, tmp_path):
    site.failing["/a.jpg"] = [429, 503]
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    async with connect(sandbox.url, username="admin", password="admin", retry=RetryClock(sleep=sleep)) as pim:
        with uploads(pim, tmp_path, piece_bytes=1 << 20) as running:
            (one,) = await running.ensure([at(site, "/a.jpg")])
    assert one.status is FileStatus.UPLOADED
    assert len(waited) == 2
    assert min(waited) >= 7


async def test_a_host_is_asked_for_few_files_at_once(pim, site, tmp_path):
    site.pages |= {f"/{n}.jpg": b"\xff\xd8\xff" + content(2000, seed=n) for n in range(30)}
    with uploads(pim, tmp_path, piece_bytes=1 << 20) as running:
        found = await running.ensure([at(site, f"/{n}.jpg") for n in range(30)])
    assert {one.status for one in found} == {FileStatus.UPLOADED}
    assert 1 < site.most_at_once <= 3


async def test_a_name_without_suffix_gets_that_of_its_type(pim, site, tmp_path):
    site.pages["/images/17"] = PICTURE
    with uploads(pim, tmp_path, piece_bytes=1 << 20) as running:
        (one,) = await running.ensure([at(site, "/images/17")])
    assert one.name == "17.jpg"


@pytest.mark.parametrize("sandbox", GENERATIONS, indirect=True)
async def test_the_server_fetches_once_what_it_shall_fetch(sandbox, pim, site, tmp_path):
    wanted = [Wanted(Address(f"{site.url}/a.jpg", "server"), name="b.jpg")] * 2
    with uploads(pim, tmp_path) as running:
        (foreseen, _) = await running.foresee(wanted)
        found = await running.ensure(wanted)
    assert [one.status for one in found] == [FileStatus.UPLOADED, FileStatus.REUSED]
    assert found[0].file_id == foreseen.file_id
    assert stored(sandbox, found[0].file_id) == PICTURE
    with uploads(pim, tmp_path) as running:
        (again, _) = await running.ensure(wanted)
    assert (again.status, again.file_id) == (FileStatus.REUSED, found[0].file_id)
    assert len(site.seen) == 1


async def test_what_the_server_fetched_twice_is_one_record(pim, site, tmp_path):
    site.pages["/copy.jpg"] = PICTURE
    with uploads(pim, tmp_path) as running:
        one, two = await running.ensure(
            [Wanted(Address(f"{site.url}/{name}.jpg", "server")) for name in ("a", "copy")]
        )
    assert one.file_id == two.file_id
    assert len(await records(pim)) == 1
    with uploads(pim, tmp_path) as running:
        await running.ensure([Wanted(Address(f"{site.url}/copy.jpg", "server"))])
    assert len(site.seen) == 2


async def test_what_the_server_cannot_fetch_is_a_flaw(pim, site, tmp_path):
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([Wanted(Address(f"{site.url}/none.jpg", "server"))])
    assert (one.flaw.code, await records(pim)) == ("file_not_fetched", [])
