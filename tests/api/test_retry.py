"""What is repeated, how often, and after which pauses; by a clock that nobody waits for."""

from __future__ import annotations

import pytest

from etl import errors
from etl.api.retry import RetryClock, is_worth_repeating, repeated
from tests.api.clock import Clock


def failing(*failures):
    left = list(failures)

    async def ask():
        if left:
            raise left.pop(0)
        return "there"

    return ask


async def run(ask, clock, repeats=None, **changed):
    seen = [] if repeats is None else repeats
    return await repeated(ask, clock.retry(**changed), on_repeat=lambda: seen.append(1))


async def test_pauses_grow_twofold_until_it_works():
    clock, repeats = Clock(), []
    assert await run(failing(*[errors.NoAnswer("GET x")] * 4), clock, repeats) == "there"
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0]
    assert len(repeats) == 4


async def test_after_the_last_attempt_the_failure_is_told():
    clock = Clock()
    with pytest.raises(errors.ServerFailed):
        await run(failing(*[errors.ServerFailed("GET x", status=503)] * 9), clock, attempts=3)
    assert len(clock.pauses) == 2


async def test_retry_after_is_waited_for():
    clock = Clock()
    await run(failing(errors.ServerFailed("GET x", status=429, retry_after_s=17.0)), clock)
    assert clock.pauses == [17.0]


async def test_a_retry_after_beyond_patience_ends_the_tries_at_once():
    clock = Clock()
    with pytest.raises(errors.ServerFailed):
        await run(failing(errors.ServerFailed("GET x", status=503, retry_after_s=3600.0)), clock)
    assert clock.pauses == []


@pytest.mark.parametrize(
    ("failure", "is_worth"),
    [
        (errors.NoAnswer("GET x"), True),
        (errors.NotReached("GET x"), True),
        (errors.ServerFailed("GET x", status=500), True),
        (errors.AnswerUnusable("GET x", status=200), True),
        (errors.DatabaseRefused("GET x", status=200, reason="SQLSTATE[22P02]: no number"), False),
        (errors.DatabaseRefused("GET x", status=200, reason="SQLSTATE[42P01]: no table"), False),
        (errors.DatabaseRefused("GET x", status=200, reason="SQLSTATE[40P01]: deadlock"), True),
        (errors.Refused("GET x", status=404), False),
        (errors.TooLarge("GET x", status=414), False),
    ],
)
async def test_only_what_may_pass_is_repeated(failure, is_worth):
    assert is_worth_repeating(failure) is is_worth
    clock = Clock()
    if is_worth:
        assert await run(failing(failure), clock) == "there"
    else:
        with pytest.raises(type(failure)):
            await run(failing(failure), clock)


async def test_what_is_no_failed_request_is_not_repeated():
    clock = Clock()
    with pytest.raises(errors.SignInRefused):
        await run(failing(errors.SignInRefused("https://pim.example", secret="password")), clock)
    assert clock.pauses == []


def test_pauses_are_spread_and_never_longer_than_the_longest():
    low, high = RetryClock(chance=lambda: 0.0), RetryClock(chance=lambda: 1.0)
    assert low.pause_s(1) == 0.25
    assert high.pause_s(1) == 0.5
    assert high.pause_s(50) == high.longest_pause_s
