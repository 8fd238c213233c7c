import os

import pytest

from etl.files import Flaw, Rules, files_below, files_in
from etl.files.content import measure
from etl.files.kinds import misfit


@pytest.fixture
def base(tmp_path):
    base = tmp_path / "images"
    (base / "sub" / "deep").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "c.png", "sub/d.jpg", "sub/deep/e.jpg", "odd[1].jpg", ".hidden.jpg"):
        (base / name).write_bytes(b"x")
    (tmp_path / "secret.txt").write_bytes(b"s")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "f.jpg").write_bytes(b"f")
    return base


def found(base, text):
    files = files_below(base, text)
    return files.code if isinstance(files, Flaw) else [file.relative_to(base).as_posix() for file in files]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.jpg", ["a.jpg"]),
        (" a.jpg ", ["a.jpg"]),
        ("sub/d.jpg", ["sub/d.jpg"]),
        ("sub\\d.jpg", ["sub/d.jpg"]),
        ("*.jpg", ["a.jpg", "b.jpg", "odd[1].jpg"]),
        ("?.png", ["c.png"]),
        ("[ab].jpg", ["a.jpg", "b.jpg"]),
        ("odd[1].jpg", ["odd[1].jpg"]),
        ("**/*.jpg", ["a.jpg", "b.jpg", "odd[1].jpg", "sub/d.jpg", "sub/deep/e.jpg"]),
        ("sub/**/*.jpg", ["sub/d.jpg", "sub/deep/e.jpg"]),
        ("s*/d.jpg", ["sub/d.jpg"]),
        ("none.jpg", "file_missing"),
        ("*.gif", "file_missing"),
        ("", "file_missing"),
        ("a\0.jpg", "file_missing"),
        ("x" * 5000, "file_missing"),
        ("sub", "file_unreadable"),
    ],
)
def test_a_cell_means_files_below_its_folder(base, text, expected):
    assert found(base, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "../secret.txt",
        "sub/../../secret.txt",
        "sub/../a.jpg",
        "..\\secret.txt",
        "../*",
        "../other/*.jpg",
        "*/../../secret.txt",
        "**/../secret.txt",
        "..",
        "/etc/hostname",
        "/etc/host*",
        "{secret}",
    ],
)
def test_no_path_leaves_the_folder(base, tmp_path, text):
    assert found(base, text.replace("{secret}", str(tmp_path / "secret.txt"))) in (
        "file_outside",
        "file_missing",
    )


def test_no_link_leads_out_of_the_folder(base, tmp_path):
    (base / "link.txt").symlink_to(tmp_path / "secret.txt")
    (base / "away").symlink_to(tmp_path / "other")
    (base / "near.jpg").symlink_to(base / "a.jpg")
    for text in ("link.txt", "*.txt", "away/f.jpg", "away/*.jpg"):
        assert found(base, text) == "file_outside", text
    assert found(base, "near.jpg") == ["near.jpg"]
    assert "away/f.jpg" not in found(base, "**/*.jpg")


def test_a_base_that_is_a_link_itself_is_a_folder_like_others(base, tmp_path):
    (tmp_path / "linked").symlink_to(base)
    assert [one.name for one in files_below(tmp_path / "linked", "a.jpg")] == ["a.jpg"]


def test_a_folder_is_listed_with_all_below_but_hidden_ones(base, tmp_path):
    (base / "link.txt").symlink_to(tmp_path / "secret.txt")
    (base / ".git").mkdir()
    (base / ".git" / "x").write_bytes(b"x")
    listed = list(files_in(base))
    flaws = [one for one in listed if isinstance(one, Flaw)]
    assert [one.facts["path"] for one in flaws] == [str(base / "link.txt")]
    names = [one.relative_to(base).as_posix() for one in listed if not isinstance(one, Flaw)]
    assert names == ["a.jpg", "b.jpg", "c.png", "odd[1].jpg", "sub/d.jpg", "sub/deep/e.jpg"]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.jpg", b"\xff\xd8\xff rest", ""),
        ("a.jpg", b"\x89PNG in another suit", ""),
        ("a.jpg", b"<!DOCTYPE html><html>404</html>", "file_wrong_type"),
        ("a.JPG", b"\xef\xbb\xbf  <html>", "file_wrong_type"),
        ("a.pdf", b'{"error": "no right"}', "file_wrong_type"),
        ("a.pdf", b"%PDF-1.7", ""),
        ("a.jpg", b"{\xff\x00\x01", ""),
        ("a.html", b"<html>", ""),
        ("a.svg", b"<?xml version='1.0'?><svg/>", ""),
        ("a.jpg", b"", "file_empty"),
    ],
)
def test_an_error_page_is_no_picture(tmp_path, name, data, code):
    (tmp_path / name).write_bytes(data)
    measured = measure(tmp_path / name)
    assert (measured.code if isinstance(measured, Flaw) else "") == code


def test_extension_and_size_are_held_against_the_rules():
    rules = Rules(extensions=("jpg", ".PNG"), most_bytes=1000)
    assert misfit("x", "a.JPG", size_bytes=1000, md5="", rules=rules) is None
    assert misfit("x", "a.png", size_bytes=1, md5="", rules=rules) is None
    assert misfit("x", "a.gif", size_bytes=1, md5="", rules=rules).code == "file_wrong_extension"
    assert misfit("x", "jpg", size_bytes=1, md5="", rules=rules).code == "file_wrong_extension"
    assert misfit("x", "a.jpg", size_bytes=1001, md5="", rules=rules).code == "file_too_large"


@pytest.mark.skipif(os.geteuid() == 0, reason="an administrator may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "a.jpg").chmod(0)
    assert measure(tmp_path / "a.jpg").code == "file_unreadable"
