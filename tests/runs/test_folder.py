"""The folder of a run survives whatever happens to its process, and is found again."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from etl.errors import RunAmbiguous, RunUnknown, SourceUnreadable
from etl.runs import (
    Fingerprint,
    RunFacts,
    begin_run,
    default_state_folder,
    end_run,
    find_run,
    list_runs,
    load_run,
    new_run_id,
)


def facts(run: str) -> RunFacts:
    return RunFacts(
        run=run,
        verb="import",
        mappings=(Fingerprint("mappings/products.yaml", "a" * 64),),
        sources=(Fingerprint("prodücts.csv", "b" * 64),),
        url="https://pim.example",
        user="api",
        profile="",
        schema_digest="c" * 64,
        version="0.1.0",
        started="2026-11-21T18:17:29+00:00",
        options={"limit": 5, "yes": True},
    )


IDS = ["20261121T181729Z-7f3a", "20261121T181730Z-0001", "20261122T000000Z-ffff"]


def test_a_run_is_called_by_its_second_in_utc_and_chance():
    now = datetime(2026, 11, 21, 19, 17, 29, tzinfo=timezone(timedelta(hours=1)))
    assert new_run_id(now, 0x7F3A) == "20261121T181729Z-7f3a"
    assert new_run_id(now, 1) != new_run_id(now, 2)


def test_names_of_runs_sort_by_time():
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    names = [new_run_id(begin + timedelta(hours=7 * n), n * 7919) for n in range(100)]
    assert names == sorted(names)


def test_what_was_written_is_read_back(tmp_path):
    run = begin_run(tmp_path, facts(IDS[0]))
    assert load_run(run.folder) == run
    assert run.status == "unfinished"
    ended = end_run(run, {"status": "partial", "rows": {"read": 3}})
    assert load_run(run.folder) == ended
    assert ended.status == "partial"


def test_git_leaves_the_state_folder_out(tmp_path):
    begin_run(tmp_path / "state", facts(IDS[0]))
    assert (tmp_path / "state" / ".gitignore").read_text() == "*\n"


def test_the_same_run_is_not_begun_twice(tmp_path):
    begin_run(tmp_path, facts(IDS[0]))
    with pytest.raises(FileExistsError):
        begin_run(tmp_path, facts(IDS[0]))


def test_a_secret_is_not_written_into_the_folder():
    with pytest.raises(ValueError, match=r"password must not be written into run\.json"):
        dataclasses.replace(facts(IDS[0]), options={"password": "geheim"})


def test_runs_are_listed_newest_first_without_what_is_no_run(tmp_path):
    for run in IDS:
        begin_run(tmp_path, facts(run))
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "runs" / "20261123T000000Z-0000").mkdir()
    assert [run.id for run in list_runs(tmp_path)] == IDS[::-1]
    assert list_runs(tmp_path / "nowhere") == []


@pytest.mark.parametrize("names", [("7f3a", "0001", "a000"), ("0001", "a000", "7f3a")])
def test_runs_of_one_second_are_told_apart_by_when_they_began(tmp_path, names):
    for at, name in enumerate(names):
        run = begin_run(tmp_path, facts(f"20261121T181729Z-{name}"))
        os.utime(run.folder / "run.json", ns=(at, at))
    assert [run.id[-4:] for run in list_runs(tmp_path)] == list(reversed(names))
    assert find_run(tmp_path).id[-4:] == names[-1]


@pytest.mark.parametrize(
    ("name", "found"),
    [(None, IDS[2]), (IDS[0], IDS[0]), ("20261122", IDS[2]), ("20261121T181730", IDS[1])],
)
def test_a_run_is_found_by_name_by_its_beginning_or_as_the_last(tmp_path, name, found):
    for run in IDS:
        begin_run(tmp_path, facts(run))
    (tmp_path / "runs" / "20261123T000000Z-0000").mkdir()  # killed before run.json
    assert find_run(tmp_path, name).id == found


@pytest.mark.parametrize("name", ["2025", "../runs", "/", "x"])
def test_a_run_that_there_is_not_is_told_with_the_folder(tmp_path, name):
    begin_run(tmp_path, facts(IDS[0]))
    with pytest.raises(RunUnknown) as caught:
        find_run(tmp_path, name)
    assert str(caught.value).startswith(f'{tmp_path}: no run "{name}" here. `atro-etl runs list` shows them')


def test_without_any_run_there_is_no_last_one(tmp_path):
    with pytest.raises(RunUnknown, match="no run yet here"):
        find_run(tmp_path)


def test_a_beginning_of_several_runs_is_refused(tmp_path):
    for run in IDS:
        begin_run(tmp_path, facts(run))
    with pytest.raises(RunAmbiguous) as caught:
        find_run(tmp_path, "20261121")
    assert str(caught.value) == (
        '2 runs begin with "20261121": 20261121T181730Z-0001, 20261121T181729Z-7f3a. Give more of the name.'
    )


def test_a_broken_description_is_refused_and_a_broken_summary_counts_as_none(tmp_path):
    run = begin_run(tmp_path, facts(IDS[0]))
    (run.folder / "summary.json").write_text('{"status": "o')
    assert load_run(run.folder).summary is None
    (run.folder / "run.json").write_text('{"run"')
    with pytest.raises(SourceUnreadable, match="this describes no run"):
        load_run(run.folder)


def test_the_state_folder_stands_beside_the_nearest_project_file(tmp_path):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert default_state_folder(below) == below / ".atro-etl"
    (tmp_path / "atro-etl.toml").touch()
    assert default_state_folder(below) == tmp_path / ".atro-etl"


def test_a_run_folder_survives_a_kill(tmp_path):
    script = (
        "import sys\nfrom pathlib import Path\nfrom etl.runs import *\n"
        "run = find_run(Path(sys.argv[1]))\n"
        "print('ready', flush=True)\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    end_run(run, {'status': 'ok', 'n': n, 'text': 'x' * 100_000})\n"
    )
    run = begin_run(tmp_path, facts(IDS[0]))
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            while not (run.folder / "summary.json").exists():
                assert process.poll() is None
            process.send_signal(signal.SIGKILL)
        said = json.loads((run.folder / "summary.json").read_bytes())
        assert (said["status"], len(said["text"])) == ("ok", 100_000)
        assert find_run(tmp_path).facts == run.facts
