"""What `--source` takes besides a file."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from etl.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from etl.sandbox import Sandbox

MAPPING = """entity: Brand
key: code
source: {file: feed-*.csv, pick: newest, max_age: 26h}
fields: {code: C, name: N}
"""


@pytest.fixture
def shop(sandbox_in_thread: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a mapping that takes the newest of some files, and a sandbox to send it to."""
    monkeypatch.setenv("ATRO_URL", sandbox_in_thread.url)
    monkeypatch.setenv("ATRO_USERNAME", "admin")
    monkeypatch.setenv("ATRO_PASSWORD", "admin")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(MAPPING)
    for day, age_s in (("monday", 100_000), ("tuesday", 60)):
        path = tmp_path / f"feed-{day}.csv"
        path.write_text(f"C,N\n{day},x\n")
        then = time.time() - age_s
        os.utime(path, (then, then))
    return tmp_path


def call(*arguments: str, typed: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [*arguments, "--json"], input=typed)
    return result.exit_code, result.stdout, result.stderr


def test_the_newest_of_several_files_is_taken(shop):
    code, out, err = call("import", "m.yaml")
    assert code == 0, err
    assert json.loads(out)["rows"]["created"] == 1
    code, out, err = call("import", "m.yaml", "--source", "feed-tuesday.csv")
    assert json.loads(out)["rows"]["unchanged"] == 1


def test_exit_6_for_a_file_of_yesterday_and_nothing_is_sent(shop):
    (shop / "feed-tuesday.csv").unlink()
    code, _, err = call("import", "m.yaml")
    assert code == 6
    assert "feed-monday.csv" in err


def test_standard_input_is_read_and_kept_so_that_the_run_can_be_resumed(shop):
    code, out, err = call("import", "m.yaml", "--source", "-", typed="C,N\nthird,x\n")
    assert code == 0, err
    summary = json.loads(out)
    assert summary["rows"]["created"] == 1
    assert list((shop / ".atro-etl" / "incoming" / summary["run"]).iterdir())
    code, _, err = call("resume")
    assert code == 3
    assert "there is nothing to resume" in err
