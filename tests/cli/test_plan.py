"""`atro-etl plan`: what it says, what it writes, how it ends, and that it sends nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from pyarrow import parquet

from etl import blocking
from etl.cli import main
from etl.planning import read_header
from tests.planning import shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from etl.sandbox import Sandbox

    Call = Callable[..., tuple[int, str, str]]

ROWS = [
    {"number": "A1", "name": "Hammer", "price": "1.50", "maker": "Makita", "groups": "G1"},
    {"number": "A2", "name": "Zange"},
    {"number": "A3", "name": "Feile"},
]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with shop.running(tmp_path) as running:
        yield running


@pytest.fixture
def call(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `atro-etl plan` on the three rows, which stand on the server; the sheet can be edited before."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "URL": sandbox.url,
        "USERNAME": sandbox.username,
        "PASSWORD": sandbox.password,
    }.items():
        monkeypatch.setenv(f"ATRO_{name}", value)
    shop.write_mapping(tmp_path / "items.yaml")
    shop.write_table(tmp_path / "items.csv", ROWS)
    with blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim:
        blocking.import_table(tmp_path / "items.csv", tmp_path / "items.yaml", pim, state_dir=tmp_path / "s")

    def called(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(
            main, ["plan", "items.yaml", "--source", "items.csv", "--state-dir", "s", *arguments]
        )
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.stdout, result.stderr

    return called


def edit(tmp_path: Path, *changes: dict[str, str]) -> None:
    shop.write_table(
        tmp_path / "items.csv", [{**row, **change} for row, change in zip(ROWS, changes, strict=False)]
    )


def test_without_changes_it_says_so_and_ends_with_zero(call, sandbox):
    before = shop.writes(sandbox)
    code, out, _ = call("--detailed-exitcode")
    assert code == 0
    assert "An import would change nothing. Nothing was sent." in out
    assert shop.writes(sandbox) == before


def test_with_changes_it_shows_them_field_by_field_and_sends_nothing(call, sandbox, tmp_path):
    edit(tmp_path, {"price": "1.75", "maker": "Bosch", "groups": "G1|G2"}, {"name": "Kneifzange"}, {})
    before = shop.writes(sandbox)
    code, out, _ = call()
    assert code == 0
    assert shop.writes(sandbox) == before
    text = re.sub(r"127\.0\.0\.1:\d+|\d{8}T\d{6}Z-[0-9a-f]{4}|atro-etl \S+", "…", out)
    assert text == (
        "plan · no profile · … · admin · AtroCore 2.2.31 · …\n"
        "An import would create 2 records and change 2 records. Nothing was sent.\n"
        "\n"
        "Records  create  update  unchanged\n"
        "Group         1       0          0\n"
        "Item          0       2          1\n"
        "Maker         1       0          0\n"
        "\n"
        "Fields that change  records\n"
        "Item.groups               1\n"
        "Item.maker                1\n"
        "Item.name                 1\n"
        "Item.price                1\n"
        "\n"
        "First differences\n"
        "  row 2  A1  price: 1.5 → 1.75\n"
        "  row 2  A1  maker: Makita → Bosch\n"
        "  row 2  A1  groups: + G2\n"
        "  row 3  A2  name: Zange → Kneifzange\n"
        "\n"
        "It would take 1 request, about a second at the 20 records a second that AtroCore usually stores.\n"
        "\n"
        "Plan    s/runs/…/plan.parquet\n"
        "Next    … s/runs/…/plan.parquet --state-dir s\n"
        "Next    … items.yaml --source items.csv --state-dir s\n"
    )


def test_changes_can_be_told_by_the_exit_code(call, tmp_path):
    edit(tmp_path, {"price": "2"})
    assert call("--detailed-exitcode")[0] == 8
    assert call()[0] == 0


def test_invalid_rows_win_over_changes(call, tmp_path):
    edit(tmp_path, {"price": "2"}, {"price": "cheap"})
    code, out, err = call("--detailed-exitcode")
    assert code == 5
    assert '"cheap" is not a number' in out
    assert "what an import would do; nothing was sent; of 2 rows 1 invalid." in err
    assert 'row 3, column "price": "cheap" is not a number' in err


def test_the_plan_file_carries_what_it_stands_on_and_every_change(call, sandbox, tmp_path):
    edit(tmp_path, {"price": "2"}, {"note": "NULL"}, {"groups": "G9"})
    assert call("-o", "out.parquet")[0] == 0
    header = read_header(tmp_path / "out.parquet")
    assert (header.url, header.user, header.entity, header.key) == (sandbox.url, "admin", "Item", ("number",))
    assert header.mapping == "items.yaml"
    assert header.source == "items.csv"
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in (header.mapping_digest, header.source_digest))
    assert header.records == {"Group": {"create": 1}, "Item": {"unchanged": 1, "update": 2}}
    assert header.fields == {"Item": {"groups": 1, "price": 1}}
    columns = ("kind", "entity", "key", "row", "field", "mode", "old", "new", "new_text")
    lines = parquet.read_table(tmp_path / "out.parquet").select(columns).to_pylist()
    group = lines[0]["new"]
    assert [tuple(one.values()) for one in lines[1:]] == [
        ("update", "Item", "A1", 2, "price", "set", "1.5", "2.0", None),
        ("unchanged", "Item", "A2", 3, None, None, None, None, None),
        ("update", "Item", "A3", 4, "groups", "add", "[]", lines[-1]["new"], "G9"),
    ]
    assert (lines[0]["kind"], lines[0]["entity"], lines[0]["row"], group) == ("create", "Group", 0, '"G9"')


def test_json_holds_the_same_on_one_line(call, tmp_path):
    edit(tmp_path, {"price": "2"})
    code, out, _ = call("--json")
    assert (code, out.count("\n")) == (0, 1)
    said = json.loads(out)
    assert (said["verb"], said["rows"]["updated"], said["rows"]["unchanged"]) == ("plan", 1, 0)
    plan = said["plan"]
    assert plan["records"] == {"Item": {"update": 1}}
    assert plan["fields"] == {"Item": {"price": 1}}
    assert plan["forecast"]["writes"] == 1
    assert [(one["key"], one["field"], one["old"], one["new"]) for one in plan["first"]] == [
        ("A1", "price", "1.5", "2.0")
    ]


def test_markdown_makes_no_markup_of_data(call, tmp_path):
    edit(tmp_path, {"name": "<img src=x> [a](http://b) | `c` \x1b[31m"})
    code, out, _ = call("--format", "markdown")
    assert code == 0
    assert r"| 2 | A1 | name | Hammer | \<img src=x\> \[a\]\(http://b\) \| \`c\` \\x1b\[31m |" in out


def test_a_job_of_github_gets_a_line_for_each_problem(call, tmp_path):
    edit(tmp_path, {"price": "2"}, {"price": "cheap"})
    code, out, _ = call("--format", "github")
    assert code == 5
    assert out.startswith("::error file=items.csv,line=3,title=not_a_number::")


def test_a_terminal_is_not_moved_by_data(call, tmp_path):
    edit(tmp_path, {"name": "a\x1b[2Jb\u202ec"})
    assert r"name: Hammer → a\x1b[2Jb\u202ec" in call()[1]


def test_a_folder_that_is_not_there_is_told(call):
    code, _, err = call("-o", "nowhere/out.parquet")
    assert code == 3
    assert "--output: there is no folder nowhere. Make it, or write the plan elsewhere." in err


def test_resume_goes_on_with_the_last_import_not_with_a_plan(call, tmp_path):
    assert call()[0] == 0
    (run,) = [one.name for one in (tmp_path / "s" / "runs").iterdir() if (one / "plan.parquet").exists()]
    result = CliRunner().invoke(main, ["resume", run, "--state-dir", "s"])
    assert result.exit_code == 3
    assert "cannot be resumed: it is a run of plan, which sends nothing" in result.stderr
    result = CliRunner().invoke(main, ["resume", "--state-dir", "s"])
    assert "a run of plan" not in result.stderr
