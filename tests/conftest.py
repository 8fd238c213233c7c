"""What tests of several rooms share."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses
from hypothesis import HealthCheck, settings

from etl.api import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from etl.api import Client
    from etl.sandbox import Sandbox


# The same examples each time: new ones are looked for in the long runs. A machine that has much else to do is
# no finding.
settings.register_profile(
    "usual", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("usual")

# Processes inherit whether an interrupt is ignored, as it is where the tests run in the background. Those
# that tests interrupt are to be as in a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class _Answer(ClientResponse):
    """A response that aioresponses can make: it does not hand over the `stream_writer` of aiohttp 3.14.

    Can go once pnuckowski/aioresponses#289 is released.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **{"stream_writer": SimpleNamespace(output_size=0)} | named)


class Answers(aioresponses):
    """aioresponses, for the odd answer of a single call."""

    def add(self, *args: Any, **named: Any) -> None:
        named.setdefault("response_class", _Answer)
        super().add(*args, **named)


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Answers in place of the network, as long as the test runs."""
    with Answers() as prepared:
        yield prepared


@pytest.fixture
async def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox on a free port; parametrise it indirectly with a generation or with fields of its Options."""
    from etl.sandbox import Sandbox  # noqa: PLC0415  most tests need none

    given = getattr(request, "param", {})
    options = {"generation": given} if isinstance(given, str) else dict(given)
    async with Sandbox.open(tmp_path / "sandbox.db", seed=1, **options) as running:
        yield running


@pytest.fixture
async def pim(sandbox: Sandbox) -> AsyncIterator[Client]:
    """A client that is signed in there."""
    async with connect(sandbox.url, username=sandbox.username, password=sandbox.password) as client:
        yield client


@pytest.fixture
def sandbox_in_thread(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """The same for blocking callers, the command line among them: it runs in a thread of its own."""
    from etl.sandbox import run_in_thread  # noqa: PLC0415  most tests need none

    given = getattr(request, "param", {})
    options = {"generation": given} if isinstance(given, str) else dict(given)
    with run_in_thread(db=tmp_path / "sandbox.db", seed=1, **options) as running:
        yield running
