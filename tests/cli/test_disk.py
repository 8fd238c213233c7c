"""A disk that is full, damaged or closed is told as such."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

from etl.cli.exits import Exit
from tests.cli.test_console import raises, said


def test_a_disk_that_fails_is_no_fault_of_the_program(console, tmp_path):
    (tmp_path / "state").write_text("a file")
    (tmp_path / "runs.db").write_text("no database at all, " * 100)

    def full():
        Path("/dev/full").write_text("x")

    def no_folder():
        (tmp_path / "state").mkdir()

    def damaged():
        with closing(sqlite3.connect(tmp_path / "runs.db")) as db:
            db.execute("SELECT 1 FROM sqlite_master")

    for call, reason in (
        (full, "no space is left there"),
        (no_folder, "a file lies where a folder is needed"),
        (damaged, "a database there is damaged"),
        (lambda: raises(OSError(errno.EROFS, "", "state")), "nothing may be written there"),
    ):
        assert console.guard(call) == Exit.UNUSABLE, reason
        assert reason in said(console.err)
    assert not list(tmp_path.glob("bug-*"))


def test_a_disk_that_is_full_in_the_middle_ends_the_run_which_can_go_on_without_a_traceback(
    console, tmp_path, capsys
):
    (tmp_path / "run.log").symlink_to("/dev/full")
    console.begin("import")
    console.begin_run("20261121T181729Z-7f3a", folder=tmp_path)
    assert console.guard(lambda: raises(OSError(errno.ENOSPC, "", "journal.db"))) == Exit.STOPPED
    assert "Next    atro-etl resume 20261121T181729Z-7f3a" in said(console.err)
    assert "Traceback" not in said(console.err) + capsys.readouterr().err
