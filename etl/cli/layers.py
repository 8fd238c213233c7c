"""Sources of settings, nearest first, and which secret of theirs is used.

A secret of a file or a profile goes only to the address and the user that stand beside it there: a project
file that names another server gets no token that was kept for the real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rapidfuzz import process

from etl.api.target import Secret, read_url
from etl.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SECRET_NAMES = ("password", "token")
FAR = 1_000


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings, with what it says."""

    origins: Mapping[str, str]
    """Setting -> how a person knows the place; under the empty name: of all others."""
    values: Mapping[str, str]
    """By setting; under `password_file`, `token_file` the path of a file that holds the secret."""
    folder: Path
    """Relative paths of this layer start here."""
    guards_secrets: bool = False
    """True: its secrets go only to its own address and user."""

    def origin(self, name: str) -> str:
        """Return the place of one setting, for messages and for `config`."""
        return self.origins.get(name) or self.origins[""]


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A secret and where it was; without one, the default of nothing."""

    secret: Secret | None = None
    origin: str = "default"
    rank: int = FAR
    """Position of its layer, 0 is nearest to the command."""


def first(layers: Sequence[Layer], name: str) -> tuple[str, str]:
    """Return the value of a setting in the nearest layer that has it, and its place; else `"", "default"`."""
    for layer in layers:
        if value := layer.values.get(name):
            return value, layer.origin(name)
    return "", "default"


def address_of(url: str, *, origin: str) -> str:
    """Return the address of the server without a slash and the API's path at its end.

    Raises:
        ConfigurationInvalid: it is no http(s) address, or carries a password; names `origin`.
    """
    try:
        return read_url(url)
    except ConfigurationInvalid as error:
        raise ConfigurationInvalid(origin, what=error.what, advice=error.advice) from error
    except ValueError as error:  # urllib's own refusal, for example of brackets that are no IPv6 address
        raise ConfigurationInvalid(
            origin,
            what=f"this is no address of a server: {error}.",
            advice="Write it like https://pim.example.",
        ) from error


def find_secrets(
    layers: Sequence[Layer],
    url: str | None,
    *,
    username: str,
    read_stdin: Callable[[], str],
    warnings: list[str],
) -> dict[str, FoundSecret]:
    """Return the password and the token that are used; only their files are opened.

    Args:
        layers: nearest first; the first one is the command line, where `-` and `@FILE` have a meaning.
        url: where the secrets will go, as `address_of` returns it.
        username: empty where nobody named one.
        read_stdin: called at most once.
        warnings: gets a sentence for each secret that is not used, and for one that others can see.

    Raises:
        ConfigurationInvalid: the file of a secret cannot be read, or holds more than one line.
    """
    if [layers[0].values.get(name) for name in SECRET_NAMES] == ["-", "-"]:
        raise ConfigurationInvalid(
            "--password, --token", what="both ask for standard input.", advice="Give one of them as @FILE."
        )
    found = {name: FoundSecret() for name in SECRET_NAMES}
    for name in SECRET_NAMES:
        for rank, layer in enumerate(layers):
            if not (layer.values.get(name) or layer.values.get(f"{name}_file")):
                continue
            if layer.guards_secrets and (other := _meant_for(layer, url, username=username)):
                warnings.append(f"the {name} of {layer.origin(name)} was not used: it is meant for {other}.")
                continue
            if rank == 0:
                found[name] = _of_option(layer, name, read_stdin=read_stdin, warnings=warnings)
            else:
                found[name] = _of_layer(layer, name, rank=rank)
            break
    # What was said nearer to the command decides how to sign in; said at the same place, both are kept.
    nearest = min(one.rank for one in found.values())
    return {name: one if one.rank == nearest else FoundSecret() for name, one in found.items()}


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return ` Did you mean "…"?` with the closest of the known names; empty where none is close."""
    close = process.extractOne(name, known, score_cutoff=60)
    return f' Did you mean "{close[0]}"?' if close else ""


def _meant_for(layer: Layer, url: str | None, *, username: str) -> str:
    own_url, own_user = layer.values.get("url"), layer.values.get("username")
    if own_url and address_of(own_url, origin=layer.origin("url")) != url:
        return own_url
    return own_user if own_user and own_user != username else ""


def _of_option(layer: Layer, name: str, *, read_stdin: Callable[[], str], warnings: list[str]) -> FoundSecret:
    origin, given = layer.origin(name), layer.values[name]
    if given == "-":
        return FoundSecret(_one_line(read_stdin(), origin=f"{origin} -"), f"{origin} -", 0)
    if given.startswith("@"):
        return FoundSecret(
            secret_from_file(layer.folder, given[1:], origin=f"{origin} {given}"), f"{origin} {given}", 0
        )
    warnings.append(
        f"{origin}: others on this machine can see a {name} on the command line. "
        f"Use {origin} @FILE, {origin} - or ATRO_{name.upper()}."
    )
    return FoundSecret(_one_line(given, origin=origin), origin, 0)


def _of_layer(layer: Layer, name: str, *, rank: int) -> FoundSecret:
    if given := layer.values.get(name):
        return FoundSecret(_one_line(given, origin=layer.origin(name)), layer.origin(name), rank)
    file = layer.values[f"{name}_file"]
    origin = layer.origin(f"{name}_file")
    origin = f"{origin}: {file}"
    return FoundSecret(secret_from_file(layer.folder, file, origin=origin), origin, rank)


def secret_from_file(folder: Path, file: str, *, origin: str) -> Secret:
    """Return the secret that is the one line of a file; a relative path starts in `folder`.

    Raises:
        ConfigurationInvalid: it cannot be read, or holds more than one line.
    """
    try:
        text = (folder / Path(file).expanduser()).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationInvalid(
            origin, what=f"the file of the secret cannot be read: {reason}.", advice="Correct its path."
        ) from error
    return _one_line(text, origin=origin)


def _one_line(text: str, *, origin: str) -> Secret:
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or "\n" in secret or "\x00" in secret:
        raise ConfigurationInvalid(
            origin, what="a secret is one line of text.", advice="Put it there alone, without empty lines."
        )
    return Secret(secret)
