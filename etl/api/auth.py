"""Signing in: the one token that all requests share, and its renewal: once for all, never a storm.

Twelve refused sign-ins within a minute lock the address for everyone there, so a refused password is never
tried twice. Source: observations, "Errors and sign-in"; api-contract §1.3; quirk 19.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from etl.api import answers, generations, wire
from etl.api.retry import RetryClock, is_worth_repeating, repeated
from etl.api.target import Secret, Target
from etl.errors import (
    AnswerUnusable,
    NoAnswer,
    NotAtroCore,
    Refused,
    RequestFailed,
    ServerFailed,
    ServerUnreachable,
    SignInLocked,
    SignInRefused,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from etl.api.generations import Generation
    from etl.api.wire import Answer, Request, Session

T = TypeVar("T")

log = logging.getLogger(__name__)

LOCK_S = 60.0
"""How long AtroCore locks an address. Source: api-contract §1.3."""

ATTEMPTS = 3
"""Tries of a sign-in that nothing answers: somebody may be waiting who mistyped the address."""

RENEWALS = 5
"""New tokens for one request: another worker's sign-in may end ours (`authTokenPreventConcurrent`).

Source: api-contract §1.1.
"""

FORBIDDEN = 403


class Exchange(Protocol):
    """One request over the network and its whole answer, whatever its status."""

    def __call__(
        self, request: Request, generation: Generation, *, headers: Mapping[str, str]
    ) -> Awaitable[Answer]:
        """Send; raise NoAnswer where nothing came back."""


def basic(username: str, password: Secret) -> str:
    """Return the value of the Authorization header. Source: AtroCore REST API, "Authentication", step 1."""
    return "Basic " + base64.b64encode(f"{username}:{password.reveal()}".encode()).decode("ascii")


class Token:
    """The token in use. Requests remember which one they were sent with, so that only the first renews it."""

    __slots__ = ("_busy", "_locked_until", "_now", "_refusal", "renewals", "value")

    def __init__(self, value: Secret | None, *, now: Callable[[], float]) -> None:
        self.value = value
        """What requests are sent with; None: not signed in."""
        self.renewals = 0
        """Sign-ins that were tried, the first one counted."""
        self._now = now
        self._busy = asyncio.Lock()
        self._refusal: SignInRefused | SignInLocked | None = None
        self._locked_until = 0.0

    async def renewed(self, used: Secret | None, *, sign_in: Callable[[], Awaitable[Secret]]) -> Secret:
        """Return a token other than `used`: somebody else's newer one, or that of a new sign-in.

        Whoever comes while a sign-in is under way waits for it and takes its token, or its refusal.

        Raises:
            SignInRefused: the sign-in was refused, now or before.
            SignInLocked: the address is locked, or was a moment ago.
            ServerUnreachable: nothing answered; the next one tries again.
        """
        async with self._busy:
            if self.value is not None and self.value is not used:
                return self.value
            if self._refusal is not None and not self._is_over():
                raise self._refusal
            self.renewals += 1
            try:
                self.value = await sign_in()
            except (SignInRefused, SignInLocked) as refusal:
                self._refusal = refusal
                self._locked_until = self._now() + LOCK_S
                raise
            self._refusal = None
            return self.value

    def _is_over(self) -> bool:
        return isinstance(self._refusal, SignInLocked) and self._now() >= self._locked_until


class Door:
    """How a client gets in and stays in: finds the API's path, signs in, and puts the token on requests."""

    def __init__(
        self, target: Target, exchange: Exchange, *, retry: RetryClock, on_repeat: Callable[[], None]
    ) -> None:
        self.target = target
        self.token = Token(target.token, now=retry.now)
        self.generation = generations.FIRST_TRIES[0]
        self._exchange = exchange
        self._patience = retry
        self._retry = replace(retry, attempts=min(retry.attempts, ATTEMPTS))
        self._on_repeat = on_repeat
        self._is_open = False

    async def open(self) -> Session:
        """Get a token where there is none that works, and return who we are.

        Raises:
            NoAccess: see `client.connect`.
        """
        if self.token.value is None:
            await self._renewed(None)

        async def ask(generation: Generation) -> Session:
            self.generation = generation
            request = wire.who_am_i(generation)
            return answers.read_session(request, await self.authorized(request))

        session = await self._first_that_answers(ask)
        self.generation = (
            generations.from_version(session.version, answered=self.generation) or self.generation
        )
        self._is_open = True
        return session

    async def authorized(self, request: Request) -> Answer:
        """Send with the token; where it is refused, again with a renewed one.

        Raises:
            RequestFailed: nothing came back.
            NoAccess: the token was refused, and so was the sign-in or the new token.
        """
        used = self.token.value or await self._renewed(None)
        for _ in range(RENEWALS):
            answer = await self._exchange(request, self.generation, headers=_with_token(used))
            if answer.status != answers.UNAUTHORIZED:
                return answer
            # Expired and wrong look the same, and nothing was carried out. Source: api-contract §1.3.
            used = await self._renewed(used)
        answer = await self._exchange(request, self.generation, headers=_with_token(used))
        if answer.status == answers.UNAUTHORIZED:
            raise SignInRefused(self.target.url, secret="token")  # noqa: S106  a word, no secret
        return answer

    async def _renewed(self, used: Secret | None) -> Secret:
        try:
            return await self.token.renewed(used, sign_in=self._sign_in)
        except SignInLocked:
            if not self._is_open:
                raise
        # In the middle of a run a minute is cheaper than the run.
        await self._retry.sleep(LOCK_S)
        return await self.token.renewed(used, sign_in=self._sign_in)

    async def _sign_in(self) -> Secret:
        username, password = self.target.username, self.target.password
        if username is None or password is None:
            raise SignInRefused(self.target.url, secret="token")  # noqa: S106  a word, no secret
        headers = {"Authorization": basic(username, password)}

        async def ask(generation: Generation) -> Secret:
            request = wire.sign_in(generation)
            answer = await self._exchange(request, generation, headers=headers)
            if answer.status == answers.UNAUTHORIZED:
                raise SignInRefused(self.target.url, secret="password")  # noqa: S106  a word, no secret
            token = Secret(answers.read_token(request, answer))
            if generation.base != self.generation.base:
                self.generation = generation
            log.info("signed in", extra={"host": self.target.host, "times": self.token.renewals})
            return token

        return await self._first_that_answers(ask)

    async def _first_that_answers(self, ask: Callable[[Generation], Awaitable[T]]) -> T:
        """Try the path known so far, then the other: what fails here is no failed request but no access."""
        url, seen = self.target.url, ""
        refused: SignInRefused | None = None
        known = self.generation
        others = () if self._is_open else (one for one in generations.FIRST_TRIES if one.base != known.base)
        for generation in (known, *others):
            try:
                return await repeated(
                    partial(ask, generation),
                    # In the middle of a run it is AtroCore for sure, and a damaged answer passes.
                    self._patience if self._is_open else self._retry,
                    on_repeat=self._on_repeat,
                    is_worth=is_worth_repeating if self._is_open else _may_pass,
                )
            except (NoAnswer, ServerFailed) as failure:
                raise ServerUnreachable(url, reason=_told(failure)) from failure
            except SignInRefused as refusal:
                # 2.3 may ask who we are before it sees that v1's path is none of its own.
                refused = refused or refusal
            except (AnswerUnusable, Refused) as failure:
                # 403 has one meaning here. Source: api-contract §1.3; recorded answers ("failed_login_11").
                if failure.status == FORBIDDEN:
                    raise SignInLocked(url) from failure
                seen = seen or _told(failure)
        self.generation = known
        if refused is not None:
            raise refused
        raise NotAtroCore(url, answered=seen)


def _with_token(token: Secret) -> dict[str, str]:
    # Source: AtroCore REST API, "Authentication", step 2.
    return {"Authorization-Token": token.reveal()}


def _may_pass(failure: RequestFailed) -> bool:
    # A web page instead of JSON is another server, not a damaged answer.
    return isinstance(failure, NoAnswer | ServerFailed)


def _told(failure: RequestFailed) -> str:
    words = [str(failure.status) if failure.status else "", failure.reason]
    return ", ".join(word for word in words if word) or "nothing"
