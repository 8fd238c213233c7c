"""Where a server is and who we are there. Secrets show themselves only to the request that needs them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit, urlunsplit

from etl.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The paths of the API, longest first: people paste them along with the address. Source: api-contract §0.
API_PATHS = ("/api/v1", "/api")


class Secret:
    """A password or token. `str`, `repr`, `format`, pickling and comparing by text never show it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; only where it goes over the wire or into the keyring."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "…"

    def __format__(self, spec: str) -> str:
        return "…"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Target:
    """One instance and one user of it."""

    url: str
    """The address without the API's path and without a slash at its end, as `read_url` returns it."""
    username: str | None = None
    """None: a token alone says who we are."""
    password: Secret | None = None
    token: Secret | None = None
    """An authorization token of an earlier sign-in; tried before the password."""
    ca_file: Path | None = None
    """PEM file of an authority to trust besides those of the system; None: only those."""
    proxy: str | None = field(default=None, repr=False)
    """Address of an HTTP proxy; None: none. Not shown: a password may stand in it."""
    fetch_headers: Mapping[str, Mapping[str, Secret]] = field(default_factory=dict)
    """Origin such as `https://cdn.example` -> headers that requests for files there carry."""

    @property
    def host(self) -> str:
        """The host with its port, for messages and for naming state on disk."""
        return urlsplit(self.url).netloc


def read_url(text: str) -> str:
    """Return the address of an instance as all requests start with it.

    A trailing slash, `/api/v1`, `/api`, a query and a fragment (`#Product`, as copied from a browser) are cut
    off; a path before them stays, for instances that live below one.

    Raises:
        ConfigurationInvalid: it is no http or https address, or a password stands in it.
    """
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        shown = text.strip() if "@" not in text else "the address"
        raise ConfigurationInvalid(
            "url", what=f'"{shown}" is no address of a server.', advice="Write it like https://pim.example."
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigurationInvalid(
            "url",
            what=f"a user or password stands in the address of {parts.hostname}.",
            advice="Take it out and use --username and --password, or ATRO_USERNAME and ATRO_PASSWORD.",
        )
    path = parts.path.rstrip("/")
    for known in API_PATHS:
        if path.endswith(known):
            path = path.removesuffix(known)
            break
    return urlunsplit((parts.scheme, parts.netloc.lower(), path.rstrip("/"), "", ""))


def complete(
    target: str | Target,
    *,
    username: str | None = None,
    password: str | Secret | None = None,
    token: str | Secret | None = None,
) -> Target:
    """Return a target with its address read; user and secrets given here win over its own.

    Raises:
        ConfigurationInvalid: the address cannot be one, or there is nothing to sign in with.
    """
    given = target if isinstance(target, Target) else Target(target)
    known = replace(
        given,
        url=read_url(given.url),
        username=username or given.username,
        password=_secret(password) or given.password,
        token=_secret(token) or given.token,
    )
    if known.token is None and (known.username is None or known.password is None):
        raise ConfigurationInvalid(
            "password",
            what=f"nobody said with what to sign in at {known.host}.",
            advice="Set ATRO_USERNAME and ATRO_PASSWORD, or ATRO_TOKEN, or begin with `atro-etl login`.",
        )
    return known


def _secret(value: str | Secret | None) -> Secret | None:
    return Secret(value) if isinstance(value, str) else value


def trust(target: Target) -> ssl.SSLContext | bool:
    """Return whose certificates are believed: true for the system's authorities, else these and `ca_file`.

    Raises:
        ConfigurationInvalid: the file cannot be read as certificates.
    """
    if target.ca_file is None:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=target.ca_file)
    except OSError as error:
        raise ConfigurationInvalid(
            "ca_file",
            what=f"{target.ca_file} cannot be read as certificates: {error.strerror or error}.",
            advice="Give a PEM file.",
        ) from error
    return context
