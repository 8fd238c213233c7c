"""`atro-etl runs`: history as people and programs read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from etl.cli import main
from etl.report import RowCounts, Summary, to_object
from etl.runs import Fingerprint, RunFacts, begin_run, end_run

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
            ),
        )
        if run == FIRST:
            summary = Summary(run, "import", status="partial", rows=RowCounts(created=198, invalid=2))
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
    assert f"Run {LAST} has no summary: it is under way, or was killed." in out
    assert out.endswith(f"Next    atro-etl resume {LAST}\n")


def test_open_prints_the_folder_where_there_is_no_screen(state):
    assert call(state, "open", FIRST)[1] == f"{state / 'runs' / FIRST}\n"


def test_an_unknown_run_ends_with_3(state):
    code, out, err = call(state, "show", "2025")
    assert (code, out) == (3, "")
    assert 'no run "2025" here' in err
