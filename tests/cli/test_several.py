"""Several mappings in one command, of which one stops: what was done is told, and what is left to do."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from etl.cli.import_ import command
from tests.cli.shop import call, records_in

if TYPE_CHECKING:
    from pathlib import Path

    from etl.sandbox import Sandbox

MAPPING = "entity: {entity}\nkey: {key}\nsource: {{file: {name}.csv}}\nfields:\n  {key}: No\n  name: Name\n"
FEEDS = {"a": ("Brand", "code"), "b": ("Product", "number"), "c": ("Category", "code")}
"""One of each: none links to another, so they run as they are typed."""


@pytest.fixture
def pim_url(sandbox_in_thread: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A sandbox, and a folder with three feeds of two records."""
    for name, value in {"URL": sandbox_in_thread.url, "USERNAME": "admin", "PASSWORD": "admin"}.items():
        monkeypatch.setenv(f"ATRO_{name}", value)
    for name, (entity, key) in FEEDS.items():
        (tmp_path / f"{name}.yaml").write_text(MAPPING.format(entity=entity, key=key, name=name))
        (tmp_path / f"{name}.csv").write_text(f"No;Name\n{name}1;One\n{name}2;Two\n")
    monkeypatch.chdir(tmp_path)
    return sandbox_in_thread.url


def imported(*arguments: str) -> tuple[int, dict[str, object], str]:
    code, out, err = call("import", "a.yaml", "b.yaml", "c.yaml", *arguments, "--json")
    return code, json.loads(out), err


def test_mappings_that_were_not_begun_are_named_with_their_command(pim_url, tmp_path):
    (tmp_path / "b.csv").write_text("No;Name\n")
    typed = "--on-drift skip --max-errors 7 --refresh --verify-fraction 0.5 --fail-on 5 --state-dir st --yes"
    code, stopped, err = imported(*typed.split())
    assert code == 6, err
    assert stopped["mappings"] == ["a.yaml", "b.yaml"]
    resume, rest = stopped["next"]
    assert resume == f"atro-etl resume {stopped['run']} --allow-empty --state-dir st"
    assert sorted(shlex.split(rest)) == sorted(["atro-etl", "import", "c.yaml", *typed.split()])
    assert shlex.split(rest)[:3] == ["atro-etl", "import", "c.yaml"]
    assert rest in err
    assert call(*shlex.split(rest)[1:])[0] == 0


@pytest.mark.parametrize("text", ["2-500", "2-", "2"])
def test_rows_are_repeated_as_they_were_typed(text):
    kind = next(one.type for one in command.params if one.name == "rows")
    assert str(kind.convert(text, None, None)) == text


def test_what_was_done_is_told_where_a_later_mapping_can_not_be_used(pim_url, tmp_path):
    (tmp_path / "b.csv").unlink()
    code, stopped, err = imported("--refresh")
    assert code == 7
    assert (stopped["status"], stopped["mappings"]) == ("stopped", ["a.yaml", "b.yaml"])
    assert (stopped["rows"]["read"], stopped["rows"]["created"]) == (2, 2)
    assert stopped["records"]["Brand"]["created"] == len(records_in(pim_url, "Brand")) == 2
    assert stopped["next"] == ["atro-etl import b.yaml c.yaml --refresh"]
    assert "b.csv: there is no such file" in err
    assert "nothing was sent" not in err


def test_where_nothing_was_sent_yet_the_code_is_that_of_the_error(pim_url, tmp_path):
    assert call("import", "a.yaml")[0] == 0
    (tmp_path / "b.csv").unlink()
    code, stopped, err = imported()
    assert code == 3
    assert (stopped["status"], stopped["rows"]["unchanged"]) == ("failed", 2)
    assert stopped["next"] == ["atro-etl import b.yaml c.yaml"]
    assert "b.csv: there is no such file" in err


def test_a_guard_of_a_later_mapping_is_told_as_one(pim_url, tmp_path):
    mapping = tmp_path / "b.yaml"
    mapping.write_text(mapping.read_text().replace("b.csv}", "b.csv, ready: {marker: done}}"))
    code, stopped, _ = imported()
    assert (code, stopped["status"], stopped["rows"]["created"]) == (6, "stopped", 2)
    assert "done does not lie beside it" in stopped["guard"]
    assert stopped["next"] == ["atro-etl import b.yaml c.yaml"]
