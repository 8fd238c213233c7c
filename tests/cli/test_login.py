"""`login`, `logout` and `profile`: tokens kept for the right server, files that keep what else they say."""

from __future__ import annotations

import asyncio
import json
import stat
import tomllib
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from etl.api import connect
from etl.cli import main, profiles
from etl.errors import ConfigurationInvalid, SignInRefused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A user without profiles, in an empty folder; returns where profiles are kept."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("PROFILE", "URL", "USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"ATRO_{name}", raising=False)
    return tmp_path / "config" / "atro-etl"


def call(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(main, arguments, input=stdin)
    return result.exit_code, result.stdout, result.stderr


def sign_in(sandbox, *arguments: str, password: str = "admin") -> tuple[int, str, str]:  # noqa: S107  the sandbox has it
    given = ("--url", sandbox.url, "--username", "admin", "--password", "-")
    return call("login", *given, *arguments, stdin=f"{password}\n")


def test_a_login_keeps_a_token_that_later_verbs_use(sandbox_in_thread, home):
    code, out, err = sign_in(sandbox_in_thread)
    assert (code, err) == (0, "")
    assert out.startswith(f"Signed in at {sandbox_in_thread.url.removeprefix('http://')} as admin.")
    assert "profile default" in out
    code, out, err = call("profile", "test")
    assert (code, err) == (0, "")
    assert "signed in as admin" in out


def test_tokens_are_for_their_owner_only_and_stand_nowhere_else(sandbox_in_thread, home):
    code, out, err = sign_in(sandbox_in_thread)
    assert code == 0
    tokens = home / "tokens.json"
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600
    token = json.loads(tokens.read_text())["default"]["token"]
    assert token not in out + err + (home / "profiles.toml").read_text()
    assert token not in "".join(call("profile", "show")[1:])


def test_a_wrong_password_keeps_nothing_and_ends_with_4(sandbox_in_thread, home):
    code, out, err = sign_in(sandbox_in_thread, password="wrong")
    assert (code, out) == (4, "")
    assert "the password was refused" in err
    assert "wrong" not in err
    assert not home.exists()


def test_profiles_are_told_apart_and_one_is_chosen(sandbox_in_thread, home):
    assert sign_in(sandbox_in_thread, "--profile", "staging")[0] == 0
    assert sign_in(sandbox_in_thread, "--profile", "production", "--protected")[0] == 0
    code, out, _ = call("profile", "list")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("  production")
    assert lines[0].endswith("protected, signed in")
    assert lines[1].startswith("* staging")
    assert call("profile", "use", "production")[0] == 0
    listed = json.loads(call("profile", "list", "--json")[1])["profiles"]
    assert {one["name"]: one["chosen"] for one in listed} == {"production": True, "staging": False}
    assert "true" in next(line for line in call("profile", "show")[1].splitlines() if "protected" in line)


def test_a_profile_that_there_is_not_is_named_with_the_one_that_was_meant(sandbox_in_thread, home):
    sign_in(sandbox_in_thread, "--profile", "staging")
    code, _, err = call("profile", "use", "stagin")
    assert code == 3
    assert 'Did you mean "staging"?' in err


def test_a_new_profile_takes_nothing_from_the_chosen_one(sandbox_in_thread, home):
    sign_in(sandbox_in_thread, "--profile", "staging")
    code, _, err = call(
        "login", "--profile", "production", "--username", "admin", "--password", "-", stdin="x\n"
    )
    assert code == 3
    assert "nobody said where AtroCore is" in err


def test_a_logout_ends_the_token_at_the_server_too(sandbox_in_thread, home):
    sign_in(sandbox_in_thread)
    token = json.loads((home / "tokens.json").read_text())["default"]["token"]
    code, out, err = call("logout")
    assert (code, err) == (0, "")
    assert "is forgotten" in out
    assert json.loads((home / "tokens.json").read_text()) == {}

    async def again():
        async with connect(sandbox_in_thread.url, token=token):
            pass

    with pytest.raises(SignInRefused):
        asyncio.run(again())


def test_a_logout_without_a_server_forgets_all_the_same(home):
    profiles.write_profile(home, "staging", values={"url": "http://127.0.0.1:1"})
    (home / "tokens.json").write_text(
        json.dumps({"staging": {"url": "http://127.0.0.1:1", "username": "etl", "token": "t"}})
    )
    (home / "tokens.json").chmod(0o600)
    code, out, err = call("logout", "--profile", "staging", "--json")
    assert code == 0
    assert json.loads(out) == {"schema": 1, "profile": "staging", "forgotten": True}
    assert "did not end the token" in err


def test_a_logout_of_nobody_is_no_mistake(home):
    assert call("logout") == (0, "", "No token is kept for profile default.\n")


def test_what_else_stands_in_the_file_stays_as_it_is(home):
    home.mkdir(parents=True)
    (home / "profiles.toml").write_text(
        "# mine\n\n[limits]\nin_flight = 2  # the server is old\n\n"
        '[profiles.old]\nurl = "https://old.example"\n\n[profiles.new]\nusername = "a"\n'
    )
    profiles.write_profile(home, "old", values={"url": "https://pim.example", "username": 'a "b"'})
    profiles.choose_profile(home, "new")
    profiles.choose_profile(home, "old")
    text = (home / "profiles.toml").read_text()
    assert "# mine\n" in text
    assert "in_flight = 2  # the server is old" in text
    assert tomllib.loads(text) == {
        "profile": "old",
        "limits": {"in_flight": 2},
        "profiles": {
            "old": {"url": "https://pim.example", "username": 'a "b"'},
            "new": {"username": "a"},
        },
    }


@pytest.mark.parametrize("name", ["", "a b", "a]\n[x", "ü", "x" * 41, "a.b"])
def test_a_name_that_would_break_the_file_is_refused(home, name):
    with pytest.raises(ConfigurationInvalid):
        profiles.write_profile(home, name, values={"url": "https://pim.example"})
    assert not home.exists()
