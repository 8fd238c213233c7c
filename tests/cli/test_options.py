"""Options that verbs share, and the table of verbs."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from etl.cli import VERBS, main
from etl.cli.console import Console, Form
from etl.cli.logs import LogFormat
from etl.cli.options import (
    RowRange,
    connection,
    limit,
    output,
    pass_console,
    read_settings,
    rows,
    state,
    yes,
)
from etl.errors import ConfigurationInvalid


@click.command()
@connection
@state
@output
@yes
@limit
@rows
@pass_console
def verb(console: Console, limit: int | None, rows: RowRange | None) -> int:
    """Take every common option."""
    click.echo(f"{limit} {rows}")
    click.echo(f"{console.given}")
    return 0


def call(*arguments: str) -> tuple[Console, str]:
    console = Console()
    result = CliRunner().invoke(verb, arguments, obj=console, catch_exceptions=False)
    return console, result.output


def test_without_options_everything_is_as_usual():
    console, output = call()
    assert (console.form, console.is_quiet, console.is_verbose, console.assumes_yes) == (
        Form.TEXT, False, False, False,
    )  # fmt: skip
    assert console.shows_progress
    assert output.splitlines() == ["None None", "{}"]


def test_options_reach_the_console():
    console, _ = call("--json", "--quiet", "--verbose", "--no-progress", "--log-format", "json", "--yes")
    assert (console.form, console.is_quiet, console.is_verbose, console.assumes_yes) == (
        Form.JSON, True, True, True,
    )  # fmt: skip
    assert not console.shows_progress
    assert console.log_format is LogFormat.JSON


def test_settings_reach_the_console_by_their_names():
    console, _ = call(
        "--profile", "live", "--url", "u", "--username", "n", "--password", "-", "--token", "@f",
        "--state-dir", "s",
    )  # fmt: skip
    assert console.given == {
        "profile": "live", "url": "u", "username": "n", "password": "-", "token": "@f", "state_dir": "s",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2-500", RowRange(2, 500)),
        ("2-", RowRange(2, None)),
        ("7", RowRange(7, 7)),
        (" 3 - 4 ", RowRange(3, 4)),
    ],
)
def test_a_range_of_rows_is_as_seen_in_the_file(text, expected):
    _, output = call("--rows", text)
    assert output.splitlines()[0] == f"None {expected}"


def test_both_ends_belong_to_a_range():
    assert [row for row in range(8) if row in RowRange(3, 5)] == [3, 4, 5]
    assert 10**9 in RowRange(3, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0-5", "Invalid value for '--rows': \"0-5\" is no range of rows. Write 2-500"),
        ("5-2", "Invalid value for '--rows': \"5-2\" ends before it begins. Write 2-5."),
        ("a-b", "is no range of rows"),
        ("-5", "is no range of rows"),
    ],
)
def test_a_wrong_range_is_refused_with_what_to_write(text, message):
    _, output = call("--rows", text)
    assert message in output


def test_a_limit_is_a_number_of_rows():
    assert call("--limit", "5")[1].splitlines()[0] == "5 None"
    assert "Invalid value for '--limit'" in call("--limit", "0")[1]


def run(*arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str, str]:
    result = CliRunner(env=environ).invoke(main, arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def _nowhere(tmp_path, monkeypatch):
    """A project folder and a home of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for name in (
        "PROFILE",
        "URL",
        "USERNAME",
        "PASSWORD",
        "TOKEN",
        "STATE_DIR",
        "PASSWORD_FILE",
        "TOKEN_FILE",
    ):
        monkeypatch.delenv(f"ATRO_{name}", raising=False)


def test_config_shows_each_setting_with_its_origin_and_no_secret(tmp_path):
    Path("atro-etl.toml").write_text('url = "https://pim.example"\n')
    code, out, err = run(
        "config", "--json", "--username", "api", environ={"ATRO_PASSWORD": "geheim", "ATRO_TOKEN": "t0ken"}
    )
    assert (code, err) == (0, "")
    found = json.loads(out)["settings"]
    assert found["url"] == {"value": "https://pim.example", "origin": "atro-etl.toml"}
    assert found["username"] == {"value": "api", "origin": "--username"}
    assert found["password"] == {"value": "set", "origin": "ATRO_PASSWORD"}
    assert found["state_dir"] == {"value": str(tmp_path / ".atro-etl"), "origin": "default"}
    assert "geheim" not in out
    assert "t0ken" not in out


def test_config_in_text_is_a_line_for_each_setting():
    code, out, _ = run("config", "--url", "https://pim.example/api/v1")
    assert code == 0
    assert out.splitlines()[1].split() == ["url", "https://pim.example", "--url"]


def test_a_terminal_that_lacks_a_letter_ends_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "etl", "config", "--username", "Žofie"],
        capture_output=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u017dofie" in done.stdout


def test_a_wrong_setting_ends_with_3_and_names_its_place():
    code, out, err = run("config", environ={"ATRO_URL": "pim.example"})
    assert (code, out) == (3, "")
    assert err == 'ATRO_URL: "pim.example" is no address of a server. Write it like https://pim.example.\n'


def test_an_unknown_verb_ends_with_2_and_names_the_one_that_was_meant():
    code, _, err = run("confg")
    assert code == 2
    assert err.endswith('Error: there is no verb "confg". Did you mean "config"?\n')


def test_an_unknown_option_ends_with_2():
    code, _, err = run("config", "--ulr", "x")
    assert code == 2
    assert err.startswith("Usage: atro-etl config ")
    assert "No such option '--ulr'. Did you mean '--url'?" in err


def test_a_password_typed_at_a_terminal_signs_in_and_is_hidden(monkeypatch):
    console = Console()
    console.given = {"url": "https://pim.example", "username": "api"}
    console.err = io.StringIO()
    monkeypatch.setattr(
        console, "ask_secret", lambda question: "geheim" if "api at pim.example" in question else ""
    )
    found = read_settings(console, asks=True)
    assert found.password is not None
    console.warn("geheim")
    assert console.err.getvalue() == "…\n"


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_of_the_table_is_there_and_has_its_line(name):
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert command.help
    line = VERBS[name][1]
    assert line.endswith(".")
    assert len(line) <= 80


@pytest.mark.parametrize(
    ("given", "environ", "lacking"),
    [({}, {}, "password"), ({"username": "api"}, {}, "password"), ({}, {"ATRO_PASSWORD": "x"}, "username")],
)
def test_without_anything_to_sign_in_with_the_server_is_not_asked(monkeypatch, given, environ, lacking):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    console = Console()
    console.stdin = io.StringIO()
    console.given = {"url": "https://pim.example", **given}
    with pytest.raises(ConfigurationInvalid) as caught:
        read_settings(console, asks=True)
    assert str(caught.value) == (
        f"{lacking}: nobody gave a {lacking} for pim.example. "
        "Set ATRO_USERNAME and ATRO_PASSWORD, or ATRO_TOKEN, or run `atro-etl login` once."
    )
    assert read_settings(console).url == "https://pim.example"


def test_help_lists_every_verb_without_loading_any():
    script = (
        "import sys\nfrom etl.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'pandas', 'pyarrow', 'pydantic', 'aiohttp', 'etl.cli.config'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"\n  {name}" in done.stdout for name in VERBS)
