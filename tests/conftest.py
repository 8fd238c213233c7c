"""What tests of several rooms share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Answer(ClientResponse):
    """A response that aioresponses can make: it does not hand over the `stream_writer` of aiohttp 3.14.

    Can go once pnuckowski/aioresponses#289 is released.
    """

    def __init__(self, *args: Any, stream_writer: Any = None, **named: Any) -> None:
        super().__init__(*args, stream_writer=stream_writer, **named)


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
