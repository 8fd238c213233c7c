"""One token for all: whatever dies and whoever comes when, nobody signs in where somebody else just did."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.api import Secret
from etl.api.auth import Token
from etl.errors import ServerUnreachable, SignInRefused


class Instance:
    """A server whose tokens die, and the client's side of a request to it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  repeatable order
        self.valid = Secret("token-0")
        self.deaths = 0
        self.token = Token(self.valid, now=lambda: 0.0)

    async def moment(self) -> None:
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)

    async def sign_in(self) -> Secret:
        await self.moment()
        return self.valid

    def die(self) -> None:
        self.deaths += 1
        self.valid = Secret(f"token-{self.deaths}")

    async def request(self) -> None:
        used = self.token.value
        assert used is not None
        while True:
            await self.moment()
            if used == self.valid:
                return
            used = await self.token.renewed(used, sign_in=self.sign_in)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 6), st.integers(0, 5))
@settings(max_examples=50)
def test_there_are_no_more_sign_ins_than_tokens_died(seed, tasks, requests, deaths):
    async def run() -> Instance:
        instance = Instance(seed)

        async def work() -> None:
            for _ in range(requests):
                await instance.request()

        async def killing() -> None:
            for _ in range(deaths):
                await instance.moment()
                instance.die()

        await asyncio.gather(*(work() for _ in range(tasks)), killing())
        return instance

    instance = asyncio.run(run())
    # A token that dies while a sign-in fetches it is fetched in vain: one more for each death, at most.
    assert instance.token.renewals <= 2 * instance.deaths


async def test_who_is_cancelled_in_the_middle_of_a_sign_in_locks_nobody_out():
    token, is_open = Token(None, now=lambda: 0.0), asyncio.Event()

    async def hanging() -> Secret:
        await is_open.wait()
        return Secret("late")

    async def working() -> Secret:
        return Secret("token-1")

    first = asyncio.create_task(token.renewed(None, sign_in=hanging))
    await asyncio.sleep(0)
    second = asyncio.create_task(token.renewed(None, sign_in=working))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == Secret("token-1")


async def test_a_server_that_was_not_reached_is_tried_again_by_the_next_and_a_refusal_is_not():
    token, tries = Token(None, now=lambda: 0.0), []

    async def failing(error: Exception) -> Secret:
        tries.append(error)
        raise error

    unreachable = ServerUnreachable("https://pim.example", reason="down")
    refused = SignInRefused("https://pim.example", secret="password")
    for error in (unreachable, unreachable, refused, refused, refused):
        with pytest.raises((ServerUnreachable, SignInRefused)):
            await token.renewed(None, sign_in=lambda error=error: failing(error))
    assert tries == [unreachable, unreachable, refused]
