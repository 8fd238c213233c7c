"""Settings: which source wins, which secret goes where, and what a person is told."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.cli.credentials import KeptToken, forget_token, keep_token, kept_token
from etl.cli.settings import LimitsTable, Settings, resolve
from etl.errors import ConfigurationInvalid, SettingsInvalid
from etl.model import Limits

if TYPE_CHECKING:
    from pathlib import Path

NOTHING: dict[str, str | None] = {}


def read(
    folder: Path,
    options: dict[str, str | None] | None = None,
    environ: dict[str, str] | None = None,
    *,
    project: str | None = None,
    own: str | None = None,
    stdin: str = "",
) -> Settings:
    """Resolve settings in `folder/project`, with the user's own files in `folder/user`."""
    (folder / "project").mkdir(exist_ok=True)
    (folder / "user").mkdir(exist_ok=True)
    if project is not None:
        (folder / "project" / "atro-etl.toml").write_text(project, encoding="utf-8")
    if own is not None:
        (folder / "user" / "profiles.toml").write_text(own, encoding="utf-8")
    return resolve(
        options or {},
        environ or {},
        cwd=folder / "project",
        user=folder / "user",
        read_stdin=lambda: stdin,
    )


def origin(found: Settings, name: str) -> str:
    return next(one.origin for one in found.listed if one.name == name)


def test_without_any_source_everything_is_a_default(tmp_path):
    found = read(tmp_path)
    assert (found.url, found.username, found.password, found.token) == (None, None, None, None)
    assert found.state_dir == tmp_path / "project" / ".atro-etl"
    assert found.limits == Limits()
    assert {one.origin for one in found.listed} == {"default"}
    with pytest.raises(ConfigurationInvalid) as caught:
        found.require_url()
    assert str(caught.value) == (
        "url: nobody said where AtroCore is. "
        "Give --url https://pim.example, or set ATRO_URL, or `url` in atro-etl.toml."
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(present=st.sets(st.sampled_from(["option", "environment", "project", "profile", "default"])))
def test_the_nearest_source_wins(tmp_path_factory, present):
    folder = tmp_path_factory.mktemp("settings")
    places = {
        "option": "--username",
        "environment": "ATRO_USERNAME",
        "project": "atro-etl.toml",
        "profile": "profile staging (profiles.toml)",
        "default": "profiles.toml",
    }
    own = ['profile = "staging"', *(['username = "default"'] if "default" in present else [])]
    own += ["[profiles.staging]", *(['username = "profile"'] if "profile" in present else [])]
    found = read(
        folder,
        {"username": "option"} if "option" in present else {},
        {"ATRO_USERNAME": "environment"} if "environment" in present else {},
        project='username = "project"' if "project" in present else "",
        own="\n".join(own),
    )
    winner = next((place for place in places if place in present), None)
    assert found.username == winner
    assert origin(found, "username") == (places[winner] if winner else "default")


def test_an_empty_variable_counts_as_not_set(tmp_path):
    assert (
        read(tmp_path, environ={"ATRO_URL": ""}, project='url = "https://a.example"').url
        == "https://a.example"
    )


def test_the_project_file_is_found_in_a_folder_above(tmp_path):
    read(tmp_path, project='url = "https://a.example"')
    below = tmp_path / "project" / "feeds" / "daily"
    below.mkdir(parents=True)
    found = resolve({}, {}, cwd=below, user=tmp_path / "user", read_stdin=str)
    assert found.url == "https://a.example"
    assert found.state_dir == tmp_path / "project" / ".atro-etl"


def test_a_state_folder_in_the_project_file_is_relative_to_it(tmp_path):
    found = read(tmp_path, project='state_dir = "var/state"')
    assert found.state_dir == tmp_path / "project" / "var" / "state"
    assert read(tmp_path, {"state_dir": "/elsewhere"}).state_dir.as_posix() == "/elsewhere"


def test_all_problems_of_a_file_are_told_at_once_with_their_lines(tmp_path):
    with pytest.raises(SettingsInvalid) as caught:
        read(
            tmp_path,
            project=(
                '# our shop\nusrname = "api"\nurl = 5\n\n[limits]\nbatch_row = 10\nattempts = 0\n\n'
                '[profiles.live]\npassword = "x"\nprotected = "yes"\n'
            ),
        )
    assert str(caught.value) == (
        'atro-etl.toml:2: there is no setting "usrname". Did you mean "username"?\n'
        'atro-etl.toml:3: "url": input should be a valid string.\n'
        'atro-etl.toml:6: there is no setting "batch_row". Did you mean "batch_rows"?\n'
        'atro-etl.toml:7: "limits.attempts": input should be greater than 0.\n'
        'atro-etl.toml:10: "password": no secrets in this file. Set ATRO_PASSWORD, or password_file.\n'
        'atro-etl.toml:11: "profiles.live.protected": input should be a valid boolean.'
    )


def test_a_file_that_is_no_toml_is_refused_with_its_place(tmp_path):
    with pytest.raises(SettingsInvalid, match=r"^atro-etl.toml: this is no TOML: .*line 1"):
        read(tmp_path, project="url: https://a.example")


def test_limits_of_the_project_file_reach_the_run(tmp_path):
    found = read(tmp_path, project="[limits]\nin_flight = 2\nsilence_s = 30.5\n")
    assert found.limits == Limits(in_flight=2, silence_s=30.5)
    assert origin(found, "limits.in_flight") == "atro-etl.toml"


def test_every_limit_can_be_set():
    assert set(LimitsTable.model_fields) == {field.name for field in dataclasses.fields(Limits)}


def test_an_unknown_profile_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(ConfigurationInvalid) as caught:
        read(tmp_path, {"profile": "stagin"}, project="[profiles.staging]\n[profiles.live]\n")
    assert str(caught.value) == (
        '--profile: there is no profile "stagin". There are live, staging. Did you mean "staging"? '
        "Add one with `atro-etl login --profile stagin`."
    )


def test_a_profile_stays_protected_whatever_else_is_said(tmp_path):
    own = '[profiles.live]\nurl = "https://live.example"\nprotected = true\n'
    assert read(tmp_path, {"profile": "live"}, own=own, project="protected = false").is_protected


# Secrets


@pytest.mark.parametrize(
    ("options", "environ", "stdin", "place"),
    [
        ({"password": "-"}, {}, "geheim\n", "--password -"),
        ({"password": "@pw.txt"}, {}, "", "--password @pw.txt"),
        ({}, {"ATRO_PASSWORD": "geheim"}, "", "ATRO_PASSWORD"),
        ({}, {"ATRO_PASSWORD_FILE": "pw.txt"}, "", "ATRO_PASSWORD_FILE: pw.txt"),
    ],
)
def test_a_password_comes_from_where_nobody_sees_it(tmp_path, options, environ, stdin, place):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pw.txt").write_text("geheim\r\n")
    found = read(tmp_path, {"url": "https://a.example", **options}, environ, stdin=stdin)
    assert found.password is not None
    assert found.password.reveal() == "geheim"
    assert origin(found, "password") == place
    assert not found.warnings
    assert "geheim" not in repr(found)


def test_a_literal_password_is_taken_with_a_warning(tmp_path):
    found = read(tmp_path, {"password": "geheim"})
    assert found.password is not None
    assert found.warnings[0] == (
        "--password: others on this machine can see a password on the command line. "
        "Use --password @FILE, --password - or ATRO_PASSWORD."
    )


@pytest.mark.parametrize("text", ["", "\n", "two\nlines\n", "nul\x00byte"])
def test_a_secret_is_one_line(tmp_path, text):
    with pytest.raises(ConfigurationInvalid, match="a secret is one line of text"):
        read(tmp_path, {"token": "-"}, stdin=text)


def test_a_missing_file_of_a_secret_is_named(tmp_path):
    with pytest.raises(ConfigurationInvalid) as caught:
        read(tmp_path, environ={"ATRO_TOKEN_FILE": "/run/secrets/none"})
    assert str(caught.value) == (
        "ATRO_TOKEN_FILE: /run/secrets/none: the file of the secret cannot be read: "
        "No such file or directory. Correct its path."
    )


def test_the_file_of_a_secret_that_is_not_used_need_not_exist(tmp_path):
    found = read(
        tmp_path, environ={"ATRO_TOKEN": "abc1", "ATRO_PASSWORD": "abc2"}, project='token_file = "gone"'
    )
    assert found.token is not None
    assert found.token.reveal() == "abc1"


def test_a_secret_and_its_file_in_one_environment_contradict(tmp_path):
    with pytest.raises(ConfigurationInvalid, match="ATRO_TOKEN, ATRO_TOKEN_FILE: both are set"):
        read(tmp_path, environ={"ATRO_TOKEN": "a", "ATRO_TOKEN_FILE": "b"})


def test_standard_input_holds_one_secret(tmp_path):
    with pytest.raises(ConfigurationInvalid, match="both ask for standard input"):
        read(tmp_path, {"password": "-", "token": "-"})


def test_what_was_said_nearer_to_the_command_decides_how_to_sign_in(tmp_path):
    found = read(tmp_path, {"password": "-"}, {"ATRO_TOKEN": "of another"}, stdin="geheim")
    assert found.password is not None
    assert found.token is None
    both = read(tmp_path, environ={"ATRO_TOKEN": "abc1", "ATRO_PASSWORD": "abc2"})
    assert both.token is not None
    assert both.password is not None


OWN = '[profiles.live]\nurl = "https://live.example/"\nusername = "api"\n'


def test_a_kept_token_is_used_with_its_profile(tmp_path):
    read(tmp_path, own=OWN)
    keep_token(tmp_path / "user", "live", kept=KeptToken("https://live.example", "api", "t0ken"))
    found = read(tmp_path, {"profile": "live"})
    assert found.token is not None
    assert found.token.reveal() == "t0ken"
    assert origin(found, "token") == "profile live (login)"


@pytest.mark.parametrize(
    ("project", "options", "meant"),
    [
        ('url = "https://elsewhere.example"', {}, "https://live.example"),
        ("", {"username": "other"}, "api"),
        ("", {"url": "https://live.example:8443"}, "https://live.example"),
    ],
)
def test_a_kept_token_never_goes_to_another_server_or_user(tmp_path, project, options, meant):
    read(tmp_path, own=OWN)
    keep_token(tmp_path / "user", "live", kept=KeptToken("https://live.example", "api", "t0ken"))
    found = read(tmp_path, {"profile": "live", **options}, project=project)
    assert found.token is None
    assert f"the token of profile live (login) was not used: it is meant for {meant}." in found.warnings


def test_a_profile_that_stands_for_another_server_is_told(tmp_path):
    found = read(tmp_path, {"profile": "live"}, {"ATRO_URL": "https://elsewhere.example"}, own=OWN)
    assert found.url == "https://elsewhere.example"
    assert found.warnings == (
        (
            "profile live (profiles.toml) stands for https://live.example/, but ATRO_URL says "
            "https://elsewhere.example: that is where this goes."
        ),
    )


def test_a_token_file_of_a_profile_never_goes_to_another_server(tmp_path):
    found = read(
        tmp_path,
        {"profile": "live", "url": "https://elsewhere.example"},
        own=OWN + 'token_file = "none"\n',
    )
    assert found.token is None


def test_kept_tokens_are_for_their_owner_alone(tmp_path):
    path = keep_token(tmp_path, "live", kept=KeptToken("https://live.example", "api", "t0ken"))
    assert path.stat().st_mode & 0o777 == 0o600
    keep_token(tmp_path, "staging", kept=KeptToken("https://staging.example", "api", "other"))
    assert forget_token(tmp_path, "live")
    assert not forget_token(tmp_path, "live")
    assert kept_token(tmp_path, "live") is None
    assert kept_token(tmp_path, "staging") is not None
    assert "other" not in repr(kept_token(tmp_path, "staging"))
    path.chmod(0o644)
    with pytest.raises(ConfigurationInvalid, match="others can read these tokens"):
        kept_token(tmp_path, "staging")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://pim.example/", "https://pim.example"),
        ("https://pim.example/api/v1", "https://pim.example"),
        ("http://localhost:8080/pim/", "http://localhost:8080/pim"),
    ],
)
def test_an_address_is_understood_with_what_people_paste(tmp_path, url, address):
    assert read(tmp_path, {"url": url}).url == address


@pytest.mark.parametrize("url", ["pim.example", "ftp://pim.example", "https://", "https://[pim"])
def test_what_is_no_address_is_refused_with_its_origin(tmp_path, url):
    with pytest.raises(ConfigurationInvalid, match=r"^ATRO_URL: .* Write it like https://pim.example\.$"):
        read(tmp_path, environ={"ATRO_URL": url})


def test_an_address_with_a_password_is_refused_without_showing_it(tmp_path):
    with pytest.raises(ConfigurationInvalid) as caught:
        read(tmp_path, {"url": "https://api:geheim@pim.example"})
    assert "geheim" not in str(caught.value)
    assert str(caught.value).startswith("--url: ")
