import asyncio

import pytest

from etl.errors import Refused
from etl.files import FileStatus, Share, Wanted
from tests.files.store import GENERATIONS, made, records, sent, stored, uploads


async def folders(pim):
    found = [
        one async for page in pim.pages("Folder", select=("id", "name", "parentsIds")) for one in page.records
    ]
    names = {one["id"]: one["name"] for one in found}
    return sorted((one["name"], [names[parent] for parent in one["parentsIds"] or ()]) for one in found)


@pytest.mark.parametrize("sandbox", GENERATIONS, indirect=True)
async def test_folders_are_made_once_by_their_path(pim, tmp_path):
    files = [
        Wanted(made(tmp_path / f"{n}.bin", 10, seed=n), folder=folder)
        for n, folder in enumerate(("shop/images", "shop / images /", "shop/films", "images", ""))
    ]
    with uploads(pim, tmp_path / "a") as one, uploads(pim, tmp_path / "b") as other:
        await asyncio.gather(one.ensure(files), other.ensure(files))
    assert await folders(pim) == [("films", ["shop"]), ("images", []), ("images", ["shop"]), ("shop", [])]
    assert sorted(bool(record.get("folderId")) for record in await records(pim)) == [False, *[True] * 4]


async def test_a_folder_that_people_made_is_used(pim, tmp_path):
    made_by_people = await pim.create("Folder", {"name": "shop"})
    with uploads(pim, tmp_path) as running:
        await running.ensure([Wanted(made(tmp_path / "a.bin", 10), folder="shop")])
    assert [record["folderId"] for record in await records(pim)] == [made_by_people["id"]]


@pytest.mark.parametrize("sandbox", ["2.1", "2.3"], indirect=True)
async def test_type_tags_name_and_description_arrive(pim, tmp_path):
    path = made(tmp_path / "a.bin", 2500)
    wanted = Wanted(path, name="other name.bin", type_="Document", description="said of it")
    unknown = Wanted(made(tmp_path / "b.bin", 10, seed=2), type_="Dokument")
    with uploads(pim, tmp_path) as running:
        one, other = await running.ensure([wanted, unknown])
    assert (other.status, other.flaw.code) == (FileStatus.FAILED, "file_type_unknown")
    record = await pim.get("File", one.file_id)
    assert (record["name"], record["typeId"], record["description"]) == (
        "other name.bin", "a_document", "said of it")  # fmt: skip


@pytest.mark.parametrize("sandbox", GENERATIONS, indirect=True)
async def test_a_shared_file_has_one_link_however_often_it_is_shared(pim, tmp_path):
    path = made(tmp_path / "a.bin", 10)
    for till in ("", "2030-01-31 00:00:00", "2030-01-31 00:00:00"):
        with uploads(pim, tmp_path) as running:
            one, two = await running.ensure([Wanted(path, share=Share("shop", till))] * 2)
    assert one.link.startswith("http")
    assert one.link == two.link
    shares = [record async for page in pim.pages("Sharing") for record in page.records]
    assert [(share["fileId"], share["name"], share["validTill"]) for share in shares] == [
        (one.file_id, "shop", "2030-01-31 00:00:00")
    ]


async def test_a_file_that_somebody_replaced_in_place_is_not_taken_for_ours(sandbox, pim, tmp_path):
    path = made(tmp_path / "a.bin", 500)
    with uploads(pim, tmp_path) as running:
        (first,) = await running.ensure([Wanted(path)])
    body = {"reupload": first.file_id, "fileContents": "data:x;base64,bmV3", "_skipIsEntityUpdated": True}
    await pim.write("POST", "File", body=body)
    with uploads(pim, tmp_path) as running:
        (second,) = await running.ensure([Wanted(path)])
    assert second.file_id != first.file_id
    assert stored(sandbox, second.file_id) == path.read_bytes()
    assert stored(sandbox, first.file_id) == b"new"


async def test_a_file_that_somebody_deleted_is_uploaded_anew(sandbox, pim, tmp_path):
    path = made(tmp_path / "a.bin", 4500)
    with uploads(pim, tmp_path) as running:
        (first,) = await running.ensure([Wanted(path)])
    await pim.delete("File", first.file_id)
    with uploads(pim, tmp_path) as running:
        (second,) = await running.ensure([Wanted(path)])
    assert second.status is FileStatus.UPLOADED
    assert stored(sandbox, second.file_id) == path.read_bytes()
    assert len(await records(pim)) == 1


async def test_an_unchanged_folder_costs_one_look_up(sandbox, pim, tmp_path):
    files = [Wanted(made(tmp_path / f"{n}.bin", 10, seed=n)) for n in range(60)]
    later = {"now": lambda: (tmp_path / "0.bin").stat().st_mtime + 3600}
    with uploads(pim, tmp_path, **later) as running:
        await running.ensure(files)
    for one in files:
        # What it holds cannot be read any more; only its stamp can.
        assert one.source.stat().st_size == 10
    sent_before, before = sent(sandbox), len(sandbox.requests)
    opened = []
    with uploads(pim, tmp_path, **later) as running:
        known = running._memory.contents
        running._memory.contents = lambda stamps: opened.append(len(found := known(stamps))) or found
        again = await running.ensure(files)
    assert opened == [60]
    assert {one.status for one in again} == {FileStatus.REUSED}
    assert (sent(sandbox), len(sandbox.requests) - before) == (sent_before, 1)


async def test_a_state_that_is_broken_begins_anew(pim, tmp_path):
    path = made(tmp_path / "a.bin", 10)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "files.db").write_bytes(b"no database" * 100)
    for status in (FileStatus.UPLOADED, FileStatus.REUSED):
        with uploads(pim, tmp_path) as running:
            (one,) = await running.ensure([Wanted(path)])
        assert one.status is status


async def test_a_refused_file_is_a_flaw_and_the_others_go(pim, tmp_path):
    files = [Wanted(made(tmp_path / f"{n}.bin", 10, seed=n), folder="shop") for n in range(3)]
    with uploads(pim, tmp_path) as running:
        create = pim.create

        async def refusing(entity, payload):
            if entity == "Folder":
                raise Refused("POST Folder", status=400, reason="no folders here")
            return await create(entity, payload)

        pim.create = refusing
        stored_ = await running.ensure([*files, Wanted(made(tmp_path / "x.bin", 10, seed=9))])
    assert [one.flaw.code if one.flaw else "" for one in stored_] == [*["folder_refused"] * 3, ""]
