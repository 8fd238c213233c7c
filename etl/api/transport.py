"""Bytes to a server and back over kept connections. The only module that imports aiohttp's client."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from etl.api import answers, wire
from etl.api.target import trust
from etl.api.wire import Answer, Request
from etl.errors import NoAnswer, NotReached, TimedOut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from etl.api.target import Target

READ_BYTES = 1 << 17
"""Of a download, handed over at once."""
SILENCE_S = 60.0
"""A download that brings nothing for so long is given up."""


@dataclass(frozen=True, slots=True)
class Download:
    """The answer of any web server, its content still to be read."""

    status: int
    content_type: str
    """Lower case, without its parameters."""
    size_bytes: int | None
    """As announced; None: not said, or sent compressed."""
    etag: str
    """Empty: none."""
    last_modified: str
    """As the header says it; empty: not said."""
    location: str
    """Of a redirect: as the header says it, with its query; not for messages."""
    retry_after_s: float | None
    content: AsyncIterator[bytes]
    """Read once; raises NoAnswer where it breaks off."""


class Transport:
    """The connections of one client."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._http: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Get ready; the first request connects."""
        # aiohttp counts the wait for a free connection into the time of a request, so there is no limit here:
        # who calls decides how many requests are under way.
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=trust(self._target)),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self._target.proxy,
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    async def exchange(
        self, request: Request, base: str, *, headers: Mapping[str, str], timeout_s: float
    ) -> Answer:
        """Send one request below `base` and return the whole answer.

        Raises:
            NoAnswer: nothing came back.
        """
        query = f"?{request.query}" if request.query else ""
        # Source: AtroCore REST API: every request needs this content type.
        everywhere = {"Accept": "application/json", "Content-Type": "application/json"}
        with _failing_as(str(request), timeout_s=timeout_s):
            async with self._opened().request(
                request.method,
                URL(f"{base}/{request.path}{query}", encoded=True),
                data=wire.in_pieces(request),
                headers={**everywhere, **wire.length_of(request), **request.headers, **headers},
                timeout=_patience(request, timeout_s),
                # A redirect would take the token along to wherever it points.
                allow_redirects=False,
            ) as response:
                return Answer(
                    response.status,
                    response.headers.get("Content-Type", ""),
                    await _body(request, response),
                    reason=response.headers.get("X-Status-Reason", ""),
                    retry_after_s=answers.read_retry_after(response.headers.get("Retry-After", "")),
                    location=answers.read_location(response.headers.get("Location", "")),
                    date=response.headers.get("Date", ""),
                )

    @asynccontextmanager
    async def fetch(
        self, url: str, *, headers: Mapping[str, str], timeout_s: float
    ) -> AsyncIterator[Download]:
        """Ask any address for its content, which is read inside of the context. Redirects are not followed.

        Args:
            headers: all that is said besides what HTTP needs.
            timeout_s: from connecting to the last byte.

        Raises:
            NoAnswer: nothing came back; or, while reading, it broke off.
        """
        named = f"GET {answers.read_location(url)}"
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=SILENCE_S, sock_read=SILENCE_S)
        with _failing_as(named, timeout_s=timeout_s):
            response = await self._opened().get(
                URL(url), headers=headers, timeout=timeout, allow_redirects=False
            )
        async with response:
            is_plain = "Content-Encoding" not in response.headers
            yield Download(
                response.status,
                response.content_type.lower(),
                response.content_length if is_plain else None,
                etag=response.headers.get("ETag", ""),
                last_modified=response.headers.get("Last-Modified", ""),
                location=response.headers.get("Location", ""),
                retry_after_s=answers.read_retry_after(response.headers.get("Retry-After", "")),
                content=_read(response, named, timeout_s=timeout_s),
            )

    def _opened(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("the client is used outside of its `async with`")
        return self._http


def _patience(request: Request, timeout_s: float) -> aiohttp.ClientTimeout:
    """A page must be there in time; of a file, however large, the next bytes must."""
    if request.sink is None:
        return aiohttp.ClientTimeout(total=timeout_s)
    return aiohttp.ClientTimeout(total=None, sock_connect=timeout_s, sock_read=timeout_s)


async def _body(request: Request, response: aiohttp.ClientResponse) -> bytes:
    """Return the body; where the request has a sink, a successful one goes there piece by piece."""
    if request.sink is None or response.status != answers.OK:
        return await response.read()
    request.sink.begin()
    async for piece in response.content.iter_chunked(READ_BYTES):
        request.sink.take(piece)
    return b""


async def _read(response: aiohttp.ClientResponse, named: str, *, timeout_s: float) -> AsyncIterator[bytes]:
    with _failing_as(named, timeout_s=timeout_s):
        async for chunk in response.content.iter_chunked(READ_BYTES):
            yield chunk


@contextmanager
def _failing_as(request: str, *, timeout_s: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise TimedOut(request, reason=f"no answer within {timeout_s:g} s") from error
    except aiohttp.ClientConnectorError as error:
        raise NotReached(request, reason=_why(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise NoAnswer(request, reason="the connection was cut") from error


def _why(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not valid"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "there is no such host"
    refused = isinstance(error.os_error, ConnectionRefusedError)
    return "the connection was refused" if refused else str(error.os_error.strerror or error.os_error)
