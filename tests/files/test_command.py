import csv
import json
from pathlib import Path

import pytest

import etl
from etl.errors import NothingToResume
from tests.cli.shop import call
from tests.files.store import made, stored

FOLDERS = """SELECT f.name, f.id FROM "Folder" f"""


@pytest.fixture
def signed(sandbox_in_thread, tmp_path, monkeypatch):
    for name, value in (("URL", sandbox_in_thread.url), ("USERNAME", "admin"), ("PASSWORD", "admin")):
        monkeypatch.setenv(f"ATRO_{name}", value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images" / "tools").mkdir(parents=True)
    made(tmp_path / "images" / "a.jpg", 3000)
    made(tmp_path / "images" / "tools" / "b.jpg", 5000, seed=2)
    return sandbox_in_thread


def asked(*arguments):
    code, out, err = call("upload", *arguments, "--json")
    return code, json.loads(out), err


@pytest.mark.parametrize("sandbox_in_thread", ["1.10", "2.1", "2.2", "2.3"], indirect=True)
def test_a_folder_is_uploaded_with_its_folders_and_the_second_time_nothing(signed, tmp_path):
    code, dry, _ = asked("images", "--folder", "shop", "--dry-run")
    assert (code, dry["run"], dry["files"]["missing"], dry["files"]["uploaded"]) == (0, "", 2, 0)
    code, first, _ = asked("images", "--folder", "shop")
    assert (code, first["status"], first["verb"]) == (0, "ok", "upload")
    expected = {"uploaded": 2, "reused": 0, "failed": 0, "bytes": 8000, "missing": 0}
    assert first["files"].items() >= expected.items()
    with Path(first["folder"], "files.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["status"] for line in lines] == ["uploaded", "uploaded"]
    for line in lines:
        assert stored(signed, line["id"]) == (tmp_path / "images" / line["file"]).read_bytes()
    paths = signed.instance.writer.execute(
        'SELECT f.name, o.name FROM "File" f JOIN "Folder" o ON o.id = f."folderId" ORDER BY 1'
    ).fetchall()
    assert [tuple(one) for one in paths] == [("a.jpg", "shop"), ("b.jpg", "tools")]
    code, second, _ = asked("images", "--folder", "shop")
    assert (code, second["files"]["uploaded"], second["files"]["reused"]) == (0, 0, 2)
    assert second["requests"] <= 4


def test_a_file_that_cannot_be_used_is_told_and_the_others_go(signed, tmp_path):
    (tmp_path / "images" / "empty.jpg").touch()
    (tmp_path / "images" / "page.jpg").write_text("<!DOCTYPE html><html>404</html>")
    (tmp_path / "secret.txt").write_text("not for others")
    (tmp_path / "images" / "out.txt").symlink_to(tmp_path / "secret.txt")
    code, said, err = asked("images")
    assert (code, said["status"]) == (5, "partial")
    assert {one["code"] for one in said["problems"]} == {"file_empty", "file_wrong_type", "file_outside"}
    assert (said["files"]["uploaded"], said["files"]["failed"]) == (2, 3)
    assert "of 5 files 3 failed" in err


def test_a_path_that_is_not_there_sends_nothing(signed):
    code, said, err = asked("images", "imges")
    assert (code, said["status"]) == (3, "failed")
    assert "there is no file or folder imges" in err
    assert not [one for one in signed.requests if one.method == "POST" and "File" in one.path]


def test_the_report_tells_files_and_bytes(signed):
    code, out, _ = call("upload", "images")
    assert code == 0
    assert "done." in out
    assert "files: 2 uploaded (8.0 kB), 0 there already, 0 failed" in out
    assert "rows" not in out


def test_an_upload_that_was_stopped_is_resumed_by_its_name(signed, tmp_path):
    for n in range(8):
        made(tmp_path / "images" / f"{n}.jpg", 2000, seed=n + 10)
    left = iter(range(16))
    with etl.connect(signed.url, username="admin", password="admin") as pim:
        stopped = etl.upload(["images"], pim, is_stopping=lambda: next(left, None) is None)
        assert (stopped.status, stopped.resumable) == ("stopped", True)
        assert stopped.next == ("atro-etl upload images",)
        assert 0 < stopped.files.uploaded < 10
        summary = etl.resume(stopped.run, pim)
        assert (summary.status, summary.run, summary.verb) == ("ok", stopped.run, "upload")
        assert summary.files.uploaded + summary.files.reused == 10
        with pytest.raises(NothingToResume):
            etl.resume(stopped.run, pim)
    count = signed.instance.writer.execute('SELECT count(*) FROM "File" WHERE deleted = 0').fetchone()
    assert count[0] == 10


def test_a_content_that_stands_twice_in_a_folder_is_foreseen_and_uploaded_once(signed, tmp_path):
    images = tmp_path / "images"
    (images / "copy.jpg").write_bytes((images / "a.jpg").read_bytes())
    assert asked("images", "--dry-run")[1]["files"]["missing"] == 2
    assert asked("images")[1]["files"]["uploaded"] == 2
