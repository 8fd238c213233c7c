"""Where settings come from: option > environment > project file > user profile > default. Each tells it."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import platformdirs
import pydantic

from etl.cli import credentials
from etl.cli.fetch_headers import Headers, read_headers, told
from etl.cli.layers import SECRET_NAMES, Layer, address_of, did_you_mean, find_secrets, first
from etl.errors import ConfigurationInvalid, SettingsInvalid
from etl.model import Limits
from etl.runs import default_state_folder, find_project_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from etl.api.target import Secret

USER_FILE = "profiles.toml"
NAMES = ("profile", "url", "username", *SECRET_NAMES, "state_dir")


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)


class ProfileTable(_Table):
    """`[profiles.NAME]`: one instance of AtroCore."""

    url: str | None = None
    username: str | None = None
    password_file: str | None = None
    token_file: str | None = None
    protected: bool | None = None
    fetch_headers: dict[str, dict[str, str]] = {}


class LimitsTable(_Table):
    """`[limits]`: the fields of `model.Limits`."""

    batch_rows: pydantic.PositiveInt | None = None
    batch_bytes: pydantic.PositiveInt | None = None
    in_flight: pydantic.PositiveInt | None = None
    lookup_keys: pydantic.PositiveInt | None = None
    lookup_url_bytes: pydantic.PositiveInt | None = None
    page_records: pydantic.PositiveInt | None = None
    request_timeout_s: pydantic.PositiveFloat | None = None
    attempts: pydantic.PositiveInt | None = None
    silence_s: pydantic.PositiveFloat | None = None
    frame_rows: pydantic.PositiveInt | None = None


class SettingsFile(ProfileTable):
    """`atro-etl.toml` of a project, and `profiles.toml` of a user."""

    profile: str | None = None
    state_dir: str | None = None
    limits: LimitsTable = LimitsTable()
    profiles: dict[str, ProfileTable] = {}


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of `atro-etl config`."""

    name: str
    value: str
    """As shown; of a secret only `set` or `not set`."""
    origin: str
    """Where it was set: `--url`, `ATRO_URL`, `atro-etl.toml`, `profile staging (profiles.toml)`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a verb needs to know about where it works, from all sources."""

    profile: str | None
    url: str | None
    """Without a slash at the end; None: nobody said where the server is."""
    username: str | None
    password: Secret | None
    token: Secret | None
    """Goes before the password, where there are both."""
    state_dir: Path
    is_protected: bool
    """True: `import`, `apply` and `undo` want the host's name typed, or `--yes`."""
    limits: Limits
    listed: tuple[Setting, ...]
    fetch_headers: Headers = dataclasses.field(default_factory=dict)
    """What goes along where files are fetched from addresses."""
    warnings: tuple[str, ...] = ()
    """Sentences for standard error."""

    @property
    def host(self) -> str:
        """The server's name for people; empty without a server."""
        return urlsplit(self.url).netloc if self.url else ""

    @property
    def lacks_secret(self) -> bool:
        """True where a terminal would be asked for the password."""
        return self.url is not None and self.password is None and self.token is None

    def with_password(self, password: Secret) -> Settings:
        """Return these settings with a password that a person typed."""
        return dataclasses.replace(self, password=password)

    def require_sign_in(self) -> None:
        """Refuse to go on without anything to sign in with, before the server is asked for nothing.

        Raises:
            ConfigurationInvalid: there is an address, but neither a token nor a user with a password.
        """
        if self.url is None or self.token is not None or (self.username and self.password is not None):
            return
        lacking = "username" if self.password is not None else "password"
        raise ConfigurationInvalid(
            lacking,
            what=f"nobody gave a {lacking} for {self.host}.",
            advice="Set ATRO_USERNAME and ATRO_PASSWORD, or ATRO_TOKEN, or run `atro-etl login` once.",
        )

    def require_url(self) -> str:
        """Return the address of the server.

        Raises:
            ConfigurationInvalid: nobody said where it is.
        """
        if self.url is None:
            raise ConfigurationInvalid(
                "url",
                what="nobody said where AtroCore is.",
                advice="Give --url https://pim.example, or set ATRO_URL, or `url` in atro-etl.toml.",
            )
        return self.url


def environment() -> dict[str, str]:
    """Return the environment of the process: the only place where it is read."""
    return dict(os.environ)


def user_folder() -> Path:
    """Return the folder of the user's own profiles, for example `~/.config/atro-etl`."""
    return Path(platformdirs.user_config_dir("atro-etl", appauthor=False))


def resolve(
    options: Mapping[str, str | None],
    environ: Mapping[str, str],
    *,
    cwd: Path,
    user: Path,
    read_stdin: Callable[[], str],
) -> Settings:
    """Return the settings of this call.

    Args:
        options: by setting, as they stood on the command line; None or missing: not given.
        environ: the variables `ATRO_…` of it are read, empty ones count as not set.
        cwd: where the search for `atro-etl.toml` begins.
        user: the folder of `profiles.toml` and of kept tokens.
        read_stdin: for `--password -`; called at most once.

    Raises:
        ConfigurationInvalid: a setting that cannot be used, an unknown profile, a secret's file not readable.
        SettingsInvalid: a file of settings with problems, all of them told.
    """
    warnings: list[str] = []
    project_path = find_project_file(cwd)
    project = read_settings_file(project_path) if project_path else SettingsFile()
    user_path = user / USER_FILE
    own = read_settings_file(user_path) if user_path.is_file() else SettingsFile()

    given = _option_layer(options, cwd)
    env = _environment_layer(environ, cwd)
    in_project = _file_layer(project, project_path or cwd, f"{project_path.name}" if project_path else "")
    in_own = _file_layer(own, user_path, USER_FILE)
    layers = [given, env, in_project]

    profile, profile_origin = first([*layers, in_own], "profile")
    if profile:
        layers += _profile_layers(
            profile,
            profile_origin,
            project=project,
            project_path=project_path,
            own=own,
            user_path=user_path,
        )
    layers.append(in_own)

    url, url_origin = first(layers, "url")
    username, username_origin = first(layers, "username")
    address = address_of(url, origin=url_origin) if url else None
    warnings += _other_server(layers, address, origin=url_origin)
    secrets = find_secrets(layers, address, username=username, read_stdin=read_stdin, warnings=warnings)
    state_dir, state_origin = _state_dir(layers, cwd)
    protected, protected_origin = _protected(layers)
    limits, limit_lines = _limits(project, own, project_path=project_path)
    token, password = secrets["token"], secrets["password"]
    headers = _headers(
        profile, project=project, project_path=project_path or cwd, own=own, user_path=user_path
    )
    return Settings(
        profile=profile or None,
        url=address,
        username=username or None,
        password=password.secret,
        token=token.secret,
        state_dir=state_dir,
        is_protected=protected,
        limits=limits,
        listed=(
            Setting("profile", profile or "not set", profile_origin),
            Setting("url", address or "not set", url_origin),
            Setting("username", username or "not set", username_origin),
            Setting("password", "set" if password.secret else "not set", password.origin),
            Setting("token", "set" if token.secret else "not set", token.origin),
            Setting("state_dir", str(state_dir), state_origin),
            Setting("protected", "true" if protected else "false", protected_origin),
            Setting("fetch_headers", told(headers), "files of settings" if headers else "default"),
            *limit_lines,
        ),
        fetch_headers=headers,
        warnings=tuple(warnings),
    )


def read_settings_file(path: Path) -> SettingsFile:
    """Return what a TOML file of settings says.

    Raises:
        SettingsInvalid: with every problem of the file, each with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return SettingsFile.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(str(path), problems=[f"{path.name}: cannot be read: {error}."]) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(str(path), problems=[f"{path.name}: this is no TOML: {error}."]) from error
    except pydantic.ValidationError as error:
        found = [(_line_of(text, one["loc"]), _problem(one["loc"], one["type"], said=one["msg"])) for one in
                 error.errors(include_url=False, include_input=False)]  # fmt: skip
        problems = [f"{path.name}:{line}: {what}" for line, what in sorted(found)]
        raise SettingsInvalid(str(path), problems=problems) from error


def _option_layer(options: Mapping[str, str | None], cwd: Path) -> Layer:
    values = {name: value for name, value in options.items() if value}
    return Layer({name: f"--{name.replace('_', '-')}" for name in NAMES}, values, cwd)


def _environment_layer(environ: Mapping[str, str], cwd: Path) -> Layer:
    keys = (*NAMES, "password_file", "token_file")
    values = {key: environ[f"ATRO_{key.upper()}"] for key in keys if environ.get(f"ATRO_{key.upper()}")}
    for name in SECRET_NAMES:
        if name in values and f"{name}_file" in values:
            variable = f"ATRO_{name.upper()}"
            raise ConfigurationInvalid(
                f"{variable}, {variable}_FILE", what="both are set.", advice="Unset one of them."
            )
    return Layer({key: f"ATRO_{key.upper()}" for key in keys}, values, cwd)


def _file_layer(file: ProfileTable, path: Path, origin: str) -> Layer:
    said = file.model_dump(exclude_none=True, exclude={"limits", "profiles", "fetch_headers"})
    values = {name: str(value) for name, value in said.items() if value != ""}
    return Layer({"": origin}, values, path.parent, guards_secrets=True)


def _profile_layers(
    name: str,
    origin: str,
    *,
    project: SettingsFile,
    project_path: Path | None,
    own: SettingsFile,
    user_path: Path,
) -> list[Layer]:
    layers = []
    if project_path and name in project.profiles:
        file = f"profile {name} ({project_path.name})"
        layers.append(_file_layer(project.profiles[name], project_path, file))
    if name in own.profiles:
        layers.append(_file_layer(own.profiles[name], user_path, f"profile {name} ({USER_FILE})"))
    if not layers:
        known = sorted({*project.profiles, *own.profiles})
        listed = f"There are {', '.join(known)}." if known else "There is none yet."
        raise ConfigurationInvalid(
            origin,
            what=f'there is no profile "{name}".',
            advice=f"{listed}{did_you_mean(name, known)} Add one with `atro-etl login --profile {name}`.",
        )
    if kept := credentials.kept_token(user_path.parent, name):
        values = {"url": kept.url, "username": kept.username, "token": kept.token}
        said = {key: value for key, value in values.items() if value}
        origins = {"": f"profile {name} (login)"}
        layers.append(Layer(origins, said, user_path.parent, guards_secrets=True))
    return layers


def _headers(
    profile: str, *, project: SettingsFile, project_path: Path, own: SettingsFile, user_path: Path
) -> Headers:
    tables = []
    for file, path in ((project, project_path), (own, user_path)):
        chosen = file.profiles.get(profile)
        for table, origin in ((chosen, f"profile {profile} ({path.name})"), (file, path.name)):
            if table is not None:
                tables.append((table.fetch_headers, path.parent, origin))
    return read_headers(tables)


def _other_server(layers: Sequence[Layer], address: str | None, *, origin: str) -> list[str]:
    """Warn of a profile that stands for one server while a nearer source names another."""
    for layer in layers:
        own = layer.values.get("url")
        place = layer.origin("url")
        if own and place.startswith("profile ") and address_of(own, origin=place) != address:
            return [f"{place} stands for {own}, but {origin} says {address}: that is where this goes."]
    return []


def _state_dir(layers: Sequence[Layer], cwd: Path) -> tuple[Path, str]:
    for layer in layers:
        if value := layer.values.get("state_dir"):
            return layer.folder / Path(value).expanduser(), layer.origin("state_dir")
    return default_state_folder(cwd), "default"


def _protected(layers: Sequence[Layer]) -> tuple[bool, str]:
    # One place that protects is enough: no other layer can take it away.
    for layer in layers:
        if layer.values.get("protected") == "True":
            return True, layer.origin("protected")
    return False, "default"


def _limits(
    project: SettingsFile, own: SettingsFile, *, project_path: Path | None
) -> tuple[Limits, list[Setting]]:
    usual, lines = Limits(), []
    chosen: dict[str, int | float] = {}
    for field in dataclasses.fields(Limits):
        value, origin = getattr(usual, field.name), "default"
        for file, name in ((project, project_path.name if project_path else ""), (own, USER_FILE)):
            if (said := getattr(file.limits, field.name)) is not None:
                value, origin = said, name
                break
        chosen[field.name] = value
        lines.append(Setting(f"limits.{field.name}", str(value), origin))
    # mypy cannot see that each value has the type of its field; LimitsTable and Limits have the same ones.
    return dataclasses.replace(usual, **chosen), lines  # type: ignore[arg-type]


def _problem(loc: tuple[str | int, ...], kind: str, *, said: str) -> str:
    name = str(loc[-1])
    if kind == "extra_forbidden" and name in SECRET_NAMES:
        return f'"{name}": no secrets in this file. Set ATRO_{name.upper()}, or {name}_file.'
    if kind == "extra_forbidden":
        tables: dict[str, type[_Table]] = {"limits": LimitsTable, "profiles": ProfileTable}
        known = list(tables.get(str(loc[0]), SettingsFile).model_fields)
        hint = did_you_mean(name, known) or f" There are {', '.join(known)}."
        return f'there is no setting "{name}".{hint}'
    return f'"{".".join(str(part) for part in loc)}": {said[0].lower()}{said[1:]}.'


def _line_of(text: str, loc: tuple[str | int, ...]) -> int:
    """Return the line on which a setting stands; tomllib knows no positions. 1 where it is not found."""
    *tables, name = (str(part) for part in loc)
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = match[1].replace('"', "")
            if current == ".".join([*tables, name]):
                return number
        elif current == ".".join(tables) and re.match(rf'\s*"?{re.escape(name)}"?\s*[=.]', line):
            return number
    return 1
