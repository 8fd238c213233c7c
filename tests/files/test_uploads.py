import hashlib

import pytest

from etl.files import FileStatus, Uploads, Wanted

GENERATIONS = ("1.10", "2.1", "2.2", "2.3")


async def records(pim):
    return [record async for page in pim.pages("File") for record in page.records]


@pytest.mark.parametrize("sandbox", GENERATIONS, indirect=True)
async def test_a_content_is_uploaded_once_however_often_it_is_wanted(pim, tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(b"the same")
    files = [Wanted(tmp_path / name) for name in ("a.txt", "b.txt", "a.txt")]
    with Uploads(pim, tmp_path / "state") as uploads:
        first = await uploads.ensure(files)
        assert uploads.counts.uploaded == 1
    with Uploads(pim, tmp_path / "state") as uploads:
        second = await uploads.ensure(files)
        assert (uploads.counts.uploaded, uploads.counts.reused) == (0, 1)
    assert {one.status for one in second} == {FileStatus.REUSED}
    assert {one.file_id for one in (*first, *second)} == {(await records(pim))[0]["id"]}
    assert (await records(pim))[0]["hash"] == hashlib.md5(b"the same", usedforsecurity=False).hexdigest()


async def test_what_is_foreseen_is_not_sent(pim, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"new")
    with Uploads(pim, tmp_path / "state") as uploads:
        (foreseen,) = await uploads.foresee([Wanted(tmp_path / "a.txt")])
        assert (foreseen.status, await records(pim)) == (FileStatus.MISSING, [])
        (stored,) = await uploads.ensure([Wanted(tmp_path / "a.txt")])
    assert stored.file_id == foreseen.file_id
