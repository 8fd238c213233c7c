"""`atro-etl doctor`: what people and programs get to see of it, and its exit codes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from etl.cli import main


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["doctor", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def here(sandbox_in_thread, tmp_path, monkeypatch):
    """An empty folder of a user who is signed in by the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("ATRO_URL", sandbox_in_thread.url)
    monkeypatch.setenv("ATRO_USERNAME", "admin")
    monkeypatch.setenv("ATRO_PASSWORD", "admin")
    for name in ("PROFILE", "TOKEN"):
        monkeypatch.delenv(f"ATRO_{name}", raising=False)
    return tmp_path


def test_a_healthy_instance_gets_a_line_for_each_thing_that_was_looked_at(here):
    code, out, err = call()
    assert (code, err) == (0, "")
    assert out.startswith("ok       signed in at http://127.0.0.1:")
    assert all(line.startswith("ok ") for line in out.splitlines())


def test_a_write_test_says_that_it_cleaned_up(here):
    code, out, _ = call("--write-test", "--json")
    assert code == 0
    codes = [finding["code"] for finding in json.loads(out)["findings"]]
    assert codes[-1] == "cleanup"


def test_a_server_that_cannot_be_reached_ends_with_4(here, monkeypatch):
    monkeypatch.setenv("ATRO_URL", "ftp://pim.example")
    assert call()[0] == 3
    monkeypatch.setenv("ATRO_PASSWORD", "wrong")
    monkeypatch.delenv("ATRO_URL")
    assert call("--url", "http://127.0.0.1:1")[0] == 4


def test_the_least_role_for_mappings_is_printed(here):
    mapping = here / "brands.yaml"
    mapping.write_text(
        "entity: Product\nkey: number\nfields:\n  number: SKU\n  name: Name\n"
        "  brand: {column: Brand, link: {by: name, missing: create}}\n",
        encoding="utf-8",
    )
    code, out, err = call("--role-for", str(here))
    assert (code, err) == (0, "")
    assert out == "Brand    read all, create yes\nProduct  read all, create yes, edit all\n"
    role = json.loads(call("--role-for", str(mapping), "--json")[1])["role"]
    assert role["Brand"] == {"read": "all", "create": "yes"}


def test_an_entity_that_is_not_there_is_told_with_its_place(here):
    for name in ("a", "nix"):
        entity = {"a": "Brand", "nix": "Prodct"}[name]
        (here / f"{name}.yaml").write_text(f"key: code\nentity: {entity}\nfields: {{code: C}}\n")
    for verb in ("doctor", "import"):
        result = CliRunner().invoke(main, [verb, "a.yaml", "nix.yaml"])
        assert result.exit_code == 3
        assert 'nix.yaml:2:9: the instance has no entity "Prodct"' in result.stderr
