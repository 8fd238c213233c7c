"""The server cannot be reached or does not let us in; nothing was sent."""

from __future__ import annotations

from etl.errors.families import NoAccess


class ServerUnreachable(NoAccess):
    """Nothing answers at the address."""

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        """Say what was tried and what to check."""
        return (
            f"{self.url} cannot be reached: {self.reason}. "
            "Check the address (ATRO_URL or --url) and the network."
        )


class SignInRefused(NoAccess):
    """The server refused user and password, or the token."""

    def __init__(self, url: str, *, secret: str) -> None:
        super().__init__(url, secret)
        self.url, self.secret = url, secret

    def __str__(self) -> str:
        """Say which secret was refused, never the secret."""
        option = (
            "ATRO_TOKEN, give --token, or sign in anew with `atro-etl login`"
            if self.secret == "token"  # noqa: S105  a word, no secret
            else "ATRO_PASSWORD, or give --username and --password"
        )
        return f"{self.url} answered 401: the {self.secret} was refused. Set {option}."


class SignInLocked(NoAccess):
    """Too many failed sign-ins from this address; tokens go on working."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        """Say how long the lock lasts."""
        return (
            f"{self.url} answered 403: too many failed sign-ins from this address. "
            "Wait a minute and try again."
        )


class RightMissing(NoAccess):
    """The user may not do what the run needs."""

    def __init__(self, url: str, *, what: str) -> None:
        super().__init__(url, what)
        self.url, self.what = url, what

    def __str__(self) -> str:
        """Say which right is missing."""
        return (
            f"{self.url} answered 403: no right to {self.what}. "
            "Ask an administrator to add it to the user's role."
        )


class NotAtroCore(NoAccess):
    """Something answers, but not AtroCore's API."""

    def __init__(self, url: str, *, answered: str) -> None:
        super().__init__(url, answered)
        self.url, self.answered = url, answered

    def __str__(self) -> str:
        """Say what came instead."""
        return (
            f"{self.url} is not AtroCore's API: it answered {self.answered}. "
            "Give the address of the instance without /api/v1, for example https://pim.example."
        )
