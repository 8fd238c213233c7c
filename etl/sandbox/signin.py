"""Signing in: passwords for tokens, tokens for everything else, and a lock after too many failures.

Source: AtroCore REST API, "Authentication"; observed on 1.10 and 2.1.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.sandbox.instance import Instance

DENIED_WITHIN_S = 60
MOST_DENIED = 10


class Unauthorized(Refusal):
    """401; `asks` where the browser is told to ask for a password."""

    def __init__(self, text: str = "", *, asks: bool = False) -> None:
        super().__init__(401, text)
        self.asks = asks
        self.has_reason = False


class Locked(Refusal):
    """403 to every sign-in from an address that failed too often."""

    def __init__(self) -> None:
        super().__init__(403, "")
        self.text = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows."""

    name: str
    secret: str
    """A password or a token."""
    basic: bool
    """Given as `Authorization: Basic`."""


class Accounts:
    """Who may sign in, and with what. Tokens lie in the database and, to be looked up quickly, in memory."""

    def __init__(self, instance: Instance, *, username: str, password: str) -> None:
        self.instance = instance
        self.username = username
        self.password = password
        self._denied: dict[str, list[float]] = {}
        self._live = {
            str(row[0]) for row in instance.writer.execute("SELECT token FROM _token WHERE active = 1")
        }

    def credentials(self, headers: Mapping[str, str]) -> Credentials:
        """Read the credentials of a request.

        Raises:
            Unauthorized: there are none, or they cannot be read.
        """
        token = headers.get("Authorization-Token")
        given = headers.get("Authorization", "")
        text = (
            token if token is not None else given.removeprefix("Basic ") if given.startswith("Basic ") else ""
        )
        try:
            decoded = base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            decoded = ""
        name, colon, secret = decoded.partition(":")
        if not colon or not name or not secret:
            asks = headers.get("X-Requested-With") != "XMLHttpRequest"
            raise Unauthorized(self.instance.generation.unauthorized_text, asks=asks)
        return Credentials(name, secret, basic=token is None)

    def check_token(self, headers: Mapping[str, str]) -> str:
        """Return the token of a request; the user's name in it is not looked at.

        Raises:
            Unauthorized: no token, or one that is not or no longer valid.
        """
        secret = self.credentials(headers).secret
        if not self.is_live(secret):
            raise Unauthorized(self.instance.generation.unauthorized_text)
        return secret

    def is_live(self, token: str) -> bool:
        """Say whether a token is valid now."""
        return token in self._live

    def sign_in(self, headers: Mapping[str, str], address: str) -> str:
        """Return the token of a sign-in: a new one for a password, the same one for a token.

        Raises:
            Unauthorized: refused.
            Locked: this address failed more than ten times within a minute.
        """
        shown = self.credentials(headers)
        if self.is_live(shown.secret):
            return shown.secret
        now = self.instance.clock()
        denied = [at for at in self._denied.get(address, []) if at > now - DENIED_WITHIN_S]
        self._denied[address] = denied
        if len(denied) > MOST_DENIED:
            raise Locked
        given, right = f"{shown.name}:{shown.secret}", f"{self.username}:{self.password}"
        if not shown.basic or not secrets.compare_digest(given.encode(), right.encode()):
            denied.append(now)
            raise Unauthorized(self.instance.generation.unauthorized_text)
        return self._new_token(headers)

    def lock_out(self, address: str) -> None:
        """Refuse sign-ins from an address for a minute."""
        self._denied[address] = [self.instance.clock()] * (MOST_DENIED + 1)

    def _new_token(self, headers: Mapping[str, str]) -> str:
        token = secrets.token_hex(16)
        now = self.instance.clock()
        hours = [_hours(headers.get(f"Authorization-Token-{name}")) for name in ("Lifetime", "Idletime")]
        with self.instance.lock:
            self.instance.writer.execute(
                "INSERT INTO _token VALUES (?, '1', 1, ?, ?, ?, ?)", (token, now, now, *hours)
            )
        self._live.add(token)
        return token

    def destroy(self, token: str) -> bool:
        """Make a token invalid; say whether it was valid."""
        if token not in self._live:
            return False
        self._live.discard(token)
        with self.instance.lock:
            self.instance.writer.execute("UPDATE _token SET active = 0 WHERE token = ?", (token,))
        return True

    def destroy_all(self) -> None:
        """Make every token invalid."""
        for token in [*self._live]:
            self.destroy(token)

    def expire(self) -> None:
        """Make tokens invalid that are over their time; only the cron run does this."""
        now = self.instance.clock()
        sql = (
            "SELECT token FROM _token WHERE active = 1 AND "
            "((lifetime_h > 0 AND made_s + lifetime_h * 3600 < ?) "
            "OR (idle_h > 0 AND used_s + idle_h * 3600 < ?))"
        )
        with self.instance.lock:
            overdue = [str(row[0]) for row in self.instance.writer.execute(sql, (now, now))]
        for token in overdue:
            self.destroy(token)

    def shown(self, token: str) -> str:
        """Return a token as clients send it: base 64 of name and token."""
        return base64.b64encode(f"{self.username}:{token}".encode()).decode()


def _hours(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
