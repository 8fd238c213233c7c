"""`atro-etl runs`: history as people and programs read it."""

from __future__ import annotations

import json
import os
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from etl.cli import main
from etl.report import RowCounts, Summary, from_object, to_object
from etl.report.summary import MissingTarget, ReportedProblem
from etl.runs import Fingerprint, RunFacts, RunLock, begin_run, end_run, find_run

if TYPE_CHECKING:
    from pathlib import Path

FIRST, LAST = "20261121T181729Z-7f3a", "20261122T020000Z-0001"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with a run that went well and a later one that was killed."""
    for run in (FIRST, LAST):
        began = begin_run(
            tmp_path,
            RunFacts(
                run,
                "import",
                mappings=(Fingerprint("mappings/products.yaml", "a" * 64),),
                sources=(Fingerprint("products.csv", "b" * 64),),
                url="https://pim.example",
                user="api",
                profile="",
                schema_digest="",
                version="0.1.0",
                started="2026-11-21T18:17:29+00:00",
                options={"target": ["--state-dir", "here", "--profile", "stage"]},
            ),
        )
        if run == FIRST:
            summary = Summary(run, "import", status="partial", rows=RowCounts(created=198, invalid=2),
                              next=(f"atro-etl retry {run}",))  # fmt: skip
            end_run(began, to_object(summary))
    return tmp_path


def call(state: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["runs", *arguments, "--state-dir", str(state)])
    return result.exit_code, result.stdout, result.stderr


def test_runs_are_listed_newest_first(state):
    code, out, err = call(state, "list")
    assert (code, err) == (0, "")
    assert out == (
        f"{LAST}  import  unfinished                  mappings/products.yaml\n"
        f"{FIRST}  import  partial           200 rows  mappings/products.yaml\n"
    )


def test_the_list_as_json_names_what_a_program_asks_for(state):
    found = json.loads(call(state, "list", "--json", "--limit", "1")[1])
    assert [one["run"] for one in found["runs"]] == [LAST]
    assert found["runs"][0]["folder"].endswith(f"runs/{LAST}")


def test_runs_alone_lists_them(state, monkeypatch):
    monkeypatch.setenv("ATRO_STATE_DIR", str(state))
    result = CliRunner().invoke(main, ["runs"])
    assert (result.exit_code, result.stdout) == (0, call(state, "list")[1])


def test_no_run_yet_is_no_error(tmp_path):
    code, out, err = call(tmp_path / "none", "list")
    assert (code, out) == (0, "")
    assert err == f"{tmp_path / 'none'}: no run yet.\n"


def test_a_run_is_shown_as_it_was_reported(state):
    code, out, _ = call(state, "show", FIRST[:10])
    assert code == 0
    assert "of 200 rows 2 invalid" in out
    assert json.loads(call(state, "show", FIRST, "--json")[1])["rows"]["read"] == 200


def test_a_run_that_was_killed_is_shown_with_what_to_do(state):
    code, out, _ = call(state, "show")
    assert code == 0
    assert f"Run {LAST} has no summary: it was killed." in out
    assert out.endswith(f"Next    atro-etl resume {LAST} --profile stage --state-dir {state}\n")


def test_a_run_that_is_under_way_is_shown_so_and_not_to_be_resumed(state):
    with RunLock(state, ["a"], run=LAST, now=lambda: datetime.now(UTC)):
        out = call(state, "show")[1]
        assert out.startswith(f"Run {LAST} is under way: process {os.getpid()} on ")
        assert "atro-etl resume" not in out
        assert call(state, "list", "--limit", "1")[1].split()[:4] == [LAST, "import", "under", "way"]
        assert json.loads(call(state, "show", "--json")[1])["under_way"] is True
    with RunLock(state, ["a"], run=FIRST, now=lambda: datetime.now(UTC)):
        _, out, err = call(state, "show", FIRST)
        assert (f"Run {FIRST} is under way" in err, "of 200 rows 2 invalid" in out) == (True, True)
        assert json.loads(call(state, "show", FIRST, "--json")[1])["next"] == []


def test_open_prints_the_folder_where_there_is_no_screen(state):
    assert call(state, "open", FIRST)[1] == f"{state / 'runs' / FIRST}\n"


def test_the_page_of_a_run_lies_in_its_folder(state):
    page = state / "runs" / FIRST / "report.html"
    assert call(state, "open", FIRST, "--page")[1] == f"{page}\n"
    assert '<tr><th>invalid</th><td class="n">2</td></tr>' in page.read_text(encoding="utf-8")


def test_a_run_without_a_summary_has_no_page_yet(state):
    assert call(state, "open", "--page")[1] == f"{state / 'runs' / LAST}\n"


def test_an_unknown_run_ends_with_3(state):
    code, out, err = call(state, "show", "2025")
    assert (code, out) == (3, "")
    assert 'no run "2025" here' in err


def test_a_run_is_packed_without_what_only_this_machine_needs(state, tmp_path):
    folder = state / "runs" / FIRST
    for name in ("run.log", "results.parquet", "rejected.csv", "journal.db"):
        (folder / name).write_text(name)
    target = tmp_path / "for-you.zip"
    code, out, _ = call(state, "share", FIRST, "-o", str(target))
    assert (code, out) == (
        0,
        f"{target}: run.json, summary.json, run.log, results.parquet, rejected.csv, report.html\n",
    )
    with zipfile.ZipFile(target) as archive:
        assert archive.read(f"{FIRST}/rejected.csv") == b"rejected.csv"
        assert not [name for name in archive.namelist() if "journal" in name]
    assert call(state, "share", FIRST, "-o", str(target))[0] == 2
    bare = tmp_path / "bare.zip"
    assert call(state, "share", FIRST, "-o", str(bare), "--without-rows")[1] == (
        f"{bare}: run.json, summary.json, run.log\n"
    )


def test_without_rows_no_cell_is_in_the_summary_either(state, tmp_path):
    problem = ReportedProblem("not_a_number", "p.csv", None, 7, "Preis", "price", "cell", "cell is no number")
    summary = Summary(
        LAST, "import", "partial", rows=RowCounts(invalid=1), problems=(problem,), problems_total=1,
        missing=(MissingTarget("Brand", "name", "cell", 3, nearest="cells"),), missing_total=1,
    )  # fmt: skip
    end_run(find_run(state, LAST), to_object(summary))
    for option, is_there in ((["--without-rows"], False), ([], True)):
        target = tmp_path / f"{is_there}.zip"
        assert call(state, "share", LAST, "-o", str(target), *option)[0] == 0
        with zipfile.ZipFile(target) as archive:
            text = archive.read(f"{LAST}/summary.json").decode()
        assert ("cell" in text) is is_there
        told = from_object(json.loads(text))
        assert (told.problems[0].row, told.problems[0].column, told.missing_total) == (7, "Preis", 1)


def test_old_runs_are_listed_and_go_only_when_that_is_said(state):
    code, out, err = call(state, "prune", "--keep", "1")
    assert (code, out) == (0, f"{FIRST}  partial\n")
    assert "To be removed: 1." in err
    assert (state / "runs" / FIRST).is_dir()
    code, out, _ = call(state, "prune", "--keep", "1", "--yes", "--json")
    assert (code, json.loads(out)["runs"]) == (0, [FIRST])
    assert [path.name for path in (state / "runs").iterdir()] == [LAST]


def test_with_an_old_run_goes_the_copy_of_what_was_piped_into_it(state):
    for run in (FIRST, LAST):
        (state / "incoming" / run).mkdir(parents=True)
        (state / "incoming" / run / "stdin.csv").write_text("No;Name\n")
    said = json.loads(call(state, "prune", "--keep", "1", "--yes", "--json")[1])
    assert [path.name for path in (state / "incoming").iterdir()] == [LAST]
    assert said["bytes"] > len("No;Name\n")


def test_a_run_that_is_under_way_is_not_removed(state):
    with RunLock(state, ["a"], run=FIRST, now=lambda: datetime.now(UTC)):
        assert call(state, "prune", "--keep", "1", "--yes")[1] == ""
    assert (state / "runs" / FIRST).is_dir()
