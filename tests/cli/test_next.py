"""What a run says is to be typed next goes on at the target and in the state folder of that run."""

from __future__ import annotations

import io
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etl import blocking
from etl.cli import main
from etl.cli.console import Console
from etl.exporting import How, What
from etl.runs import Typed
from etl.sandbox import run_in_thread
from tests.cli.shop import call, records_in

if TYPE_CHECKING:
    from etl.sandbox import Sandbox

MAPPING = """entity: Product
key: number
source: {file: feed.csv}
fields:
  number: No
  name: {column: Name, required: true}
"""


@pytest.fixture
def prod(tmp_path: Path) -> Sandbox:
    with run_in_thread(db=tmp_path / "prod.db", seed=1) as running:
        yield running


@pytest.fixture
def stage(tmp_path: Path) -> Sandbox:
    with run_in_thread(db=tmp_path / "stage.db", seed=1) as running:
        yield running


@pytest.fixture
def project(prod: Sandbox, stage: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose usual profile is `prod`, and a feed whose last row has no name."""
    (tmp_path / "atro-etl.toml").write_text(
        'profile = "prod"\n'
        f'[profiles.prod]\nurl = "{prod.url}"\nusername = "admin"\npassword_file = "secret"\n'
        f'[profiles.stage]\nurl = "{stage.url}"\nusername = "admin"\npassword_file = "secret"\n'
    )
    (tmp_path / "secret").write_text("admin")
    (tmp_path / "m.yaml").write_text(MAPPING)
    (tmp_path / "feed.csv").write_text("No;Name\n1;One\n2;Two\n3;\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(*arguments: str, codes: tuple[int, ...] = (0, 5)) -> dict[str, object]:
    code, out, err = call(*arguments, "--json")
    assert code in codes, err
    return json.loads(out)


def typed(command: str) -> tuple[int, str, str]:
    program, *arguments = shlex.split(command)
    assert program == "atro-etl"
    return call(*arguments)


def test_corrected_rows_go_where_the_others_went(project, prod, stage):
    summary = told("import", "m.yaml", "--profile", "stage", "--state-dir", "the state")
    rejected = Path(summary["folder"]) / "rejected.csv"
    (command,) = summary["next"]
    assert command.endswith("--profile stage --state-dir 'the state'")
    rejected.write_text(rejected.read_text(encoding="utf-8-sig").replace("3;;", "3;Three;"), encoding="utf-8")
    assert typed(command)[0] == 0
    assert (len(records_in(stage.url)), records_in(prod.url)) == (3, [])
    assert (
        "--profile stage --state-dir 'the state'"
        in call("runs", "show", summary["run"], "--state-dir", "the state")[1]
    )


def test_retry_is_refused_at_another_instance(project, prod):
    summary = told("import", "m.yaml", "--profile", "stage")
    rejected = Path(summary["folder"]) / "rejected.csv"
    rejected.write_text(rejected.read_text(encoding="utf-8-sig").replace("3;;", "3;Three;"), encoding="utf-8")
    code, _, err = call("retry", summary["run"])
    assert (code, f"this is {prod.url}: nothing was sent. Give the --profile" in err) == (3, True)
    assert records_in(prod.url) == []
    assert call("retry", summary["run"], "--profile", "stage")[0] == 0


def test_a_plan_is_applied_where_it_was_made(project, prod, stage):
    (project / "feed.csv").write_text("No;Name\n1;One\n")
    plan = told(
        "plan",
        "m.yaml",
        "-o",
        "p.parquet",
        "--url",
        stage.url,
        "--username",
        "admin",
        "--password",
        "@secret",
    )
    applied, imported = plan["next"]
    where = f"--url {stage.url} --username admin --password @secret"
    assert applied == f"atro-etl apply p.parquet {where}"
    assert imported == f"atro-etl import m.yaml {where}"
    assert typed(f"{applied} --yes")[0] == 0
    assert (len(records_in(stage.url)), records_in(prod.url)) == (1, [])
    assert "retry" not in call("resume", *where.split())[2]


def test_an_import_that_a_guard_stopped_goes_on_where_it_was(project, stage):
    where = "--profile stage --state-dir st"
    stopped = told("import", "m.yaml", "--min-rows", "100", *where.split(), codes=(6,))
    assert stopped["next"] == [f"atro-etl resume {stopped['run']} --min-rows never {where}"]
    assert typed(stopped["next"][0])[0] == 5
    assert len(records_in(stage.url)) == 2


@pytest.mark.parametrize(
    ("verb", "expected"),
    [("export", "resume {run}"), ("upload", "upload feed.csv"), ("apply", "resume {run}")],
)
def test_what_was_interrupted_goes_on_where_it_was(project, stage, verb, expected):
    (project / "feed.csv").write_text("No;Name\n1;One\n")
    where = ("--profile", "stage", "--state-dir", "st")
    told("plan", "m.yaml", "-o", "p.parquet", *where)
    said = {"state_dir": "st", "typed": Typed(target=where)}
    with blocking.connect(stage.url, username="admin", password="admin") as pim:
        if verb == "export":
            how = How(output="out.csv", is_stopping=lambda: True)
            stopped = blocking.export_file(What(entity="Product"), pim, how=how, **said)
        elif verb == "upload":
            stopped = blocking.upload(["feed.csv"], pim, is_stopping=lambda: True, **said)
        else:
            stopped = blocking.apply("p.parquet", pim, is_stopping=lambda: True, **said)
    assert stopped.status == "stopped"
    (command,) = stopped.next
    assert command == f"atro-etl {expected.format(run=stopped.run)} {' '.join(where)}"
    if verb == "apply":
        assert f"`{command}`" in call("apply", "p.parquet", "--yes", *where)[2]
    assert typed(command)[0] == 0


def test_the_library_names_the_state_folder_that_it_was_given(project, stage):
    with blocking.connect(stage.url, username="admin", password="admin") as pim:
        done = blocking.import_table(None, "m.yaml", pim, state_dir="st", profile="stage")
        assert done.next[0].endswith("rejected.csv --profile stage --state-dir st")
        usual = blocking.import_table(None, "m.yaml", pim, state_dir=project / ".atro-etl")
        assert usual.next[0].endswith("rejected.csv")


def test_a_secret_that_was_typed_is_never_repeated():
    console = Console()
    console.given = {"url": "https://a.example", "password": "hidden", "token": "-", "username": "me"}
    assert console.target() == ("--url", "https://a.example", "--username", "me", "--token", "-")


def test_a_stopped_run_of_a_protected_profile_goes_on_without_a_question(project, stage):
    settings = project / "atro-etl.toml"
    settings.write_text(settings.read_text() + "protected = true\n")
    stopped = told("import", "m.yaml", "--min-rows", "100", "--profile", "stage", "--yes", codes=(6,))
    (command,) = stopped["next"]
    assert (typed(command)[0], records_in(stage.url)) == (2, [])
    assert typed(f"{command} --yes")[0] == 5
    assert len(records_in(stage.url)) == 2


def test_a_run_goes_on_with_the_guards_it_was_begun_with_and_those_typed_since(project):
    (project / "feed.csv").write_text("No;Name\n")
    first = told("import", "m.yaml", "--allow-empty", "--min-rows", "5", codes=(6,))
    assert first["next"] == [f"atro-etl resume {first['run']} --min-rows never"]
    # The second command holds to what the first one allowed, the third to both.
    assert typed(first["next"][0])[0] == 0
    second = told("import", "m.yaml", "--min-rows", "5", codes=(6,))
    assert second["next"] == [f"atro-etl resume {second['run']} --allow-empty"]
    code, out, err = typed(f"{second['next'][0]} --json")
    assert code == 6, err
    (command,) = json.loads(out)["next"]
    assert command == f"atro-etl resume {second['run']} --allow-empty --min-rows never"
    assert typed(command)[0] == 0


def test_a_run_goes_on_with_the_share_of_errors_it_was_begun_with(project, prod):
    rows = "".join(f"{i};{'' if i % 2 else 'N'}\n" for i in range(300))
    (project / "feed.csv").write_text(f"No;Name\n{rows}")
    unlimited = ("--max-errors", "never", "--fail-on", "60%")
    stopped = told("import", "m.yaml", "--min-rows", "1000", *unlimited, codes=(6,))
    (command,) = stopped["next"]
    assert command == f"atro-etl resume {stopped['run']} --min-rows never"
    code, out, err = typed(f"{command} --json")
    assert code == 0, err
    assert json.loads(out)["rows"]["invalid"] == 150
    assert len(records_in(prod.url)) == 150


def test_what_is_typed_with_resume_goes_before_what_the_run_was_begun_with(project):
    stopped = told("import", "m.yaml", "--min-rows", "1000", "--fail-on", "never", codes=(6,))
    assert call("resume", stopped["run"], "--min-rows", "never", "--fail-on", "any")[0] == 5


class Terminal(io.TextIOWrapper):
    """What somebody types on a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("agrees", [True, False])
def test_an_import_into_a_protected_profile_shows_the_counts_before_it_asks(
    project, stage, monkeypatch, capsys, agrees
):
    settings = project / "atro-etl.toml"
    settings.write_text(settings.read_text() + "protected = true\n")
    host = stage.url.removeprefix("http://")
    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(f"{host if agrees else 'prod'}\n".encode())))
    with pytest.raises(SystemExit) as ended:
        main(["import", "m.yaml", "--profile", "stage"])
    said = capsys.readouterr().err
    assert f"{host} is protected. m.yaml: Product: 2 created" in said
    assert (ended.value.code, len(records_in(stage.url))) == ((5, 2) if agrees else (3, 0)), said
