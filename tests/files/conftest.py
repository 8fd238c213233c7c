"""A client for tests of files: it repeats without waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from etl.api import RetryClock, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from etl.api import Client
    from etl.sandbox import Sandbox


async def soon(_: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
async def pim(sandbox: Sandbox) -> AsyncIterator[Client]:
    """A client that is signed in there, and tries again at once."""
    retry = RetryClock(sleep=soon)
    async with connect(
        sandbox.url, username=sandbox.username, password=sandbox.password, retry=retry
    ) as client:
        yield client
