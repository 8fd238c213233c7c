"""Files from addresses: each fetched once in a run, streamed to disk, not at all where its tag is unchanged.

Nothing that is said to one server goes to another: headers belong to an origin, and the token to AtroCore.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from etl.errors import NoAnswer
from etl.files.content import Content, to_stamp, unreadable
from etl.files.finding import key_of
from etl.files.kinds import HEAD_BYTES, mistaken, suffix_for
from etl.files.remembering import Fetched
from etl.files.wanted import MOST_FETCHED_BYTES, Flaw

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    from etl.api import Client
    from etl.api.transport import Download
    from etl.files.remembering import Memory

log = logging.getLogger(__name__)

AT_ONCE = 3
"""Requests to one host at the same time: others want its pictures too."""
REDIRECTS = 5
TIMEOUT_S = 600.0
"""Of one download, from connecting to the last byte."""
WRITE_BYTES = 1 << 20
"""Collected before they are written to disk."""
OK, NOT_MODIFIED = 200, 304
MOVED = frozenset({301, 302, 303, 307, 308})
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Worth another try."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A content that can be looked up, and where it lies."""

    content: Content
    name: str
    """That it gets where nobody says another."""
    path: Path | None
    """None: its address says that it is what it was the last time, and it was not fetched."""


class _Given(Exception):
    """The address brings nothing usable."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw)
        self.flaw = flaw


class _Passing(Exception):
    """The server may bring it a moment later."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Fetcher:
    """Fetches for one run."""

    def __init__(self, client: Client, folder: Path, *, memory: Memory) -> None:
        """Prepare; nothing is fetched yet.

        Args:
            folder: where files lie until they are stored; made when the first one comes.
        """
        self._client, self._folder, self._memory = client, folder, memory
        self._clock = client.retry
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
        self._known: dict[str, Ready | Flaw] = {}
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def fetch(self, url: str, *, most_bytes: int | None, anew: bool = False) -> Ready | Flaw:
        """Return what an address brings; the second time in a run without asking again.

        Args:
            most_bytes: a longer content is given up; None: `MOST_FETCHED_BYTES`.
            anew: also where it says that nothing changed: the content itself is needed.
        """
        async with self._busy[url]:
            known = self._known.get(url)
            if known is None or (anew and isinstance(known, Ready) and not _lies_there(known)):
                known = self._known[url] = await self._fetched(url, most_bytes or MOST_FETCHED_BYTES, anew)
            return known

    def remembered(self, url: str) -> Ready | None:
        """Return what an address brought the last time, without asking it; None: it was never fetched."""
        before = self._memory.fetched([url]).get(url)
        return (
            None
            if before is None
            else Ready(Content(before.key.size_bytes, before.key.md5), before.name, None)
        )

    def let_go(self, ready: Ready) -> None:
        """Remove a file that was fetched and is stored now."""
        if ready.path is not None:
            ready.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove what is left of the files."""
        for known in self._known.values():
            if isinstance(known, Ready):
                self.let_go(known)

    async def _fetched(self, url: str, most_bytes: int, anew: bool) -> Ready | Flaw:  # noqa: FBT001  passed on
        before = None if anew else self._memory.fetched([url]).get(url)
        attempt = 1
        while True:
            try:
                async with self._hosts[urlsplit(url).netloc]:
                    return await self._once(url, before, most_bytes)
            except _Given as given:
                return given.flaw
            except OSError as error:
                return unreadable(self._folder, error)
            except (NoAnswer, _Passing) as failure:
                reason = failure.reason if isinstance(failure, NoAnswer) else str(failure)
                pause = self._clock.pause_s(attempt, retry_after_s=failure.retry_after_s)
                if attempt >= self._clock.attempts or pause > self._clock.patience_s:
                    return Flaw("file_not_fetched", {"url": shown(url), "reason": reason})
                log.warning("fetches again", extra={"url": shown(url), "why": reason})
            await self._clock.sleep(pause)
            attempt += 1

    async def _once(self, url: str, before: Fetched | None, most_bytes: int) -> Ready:
        """Follow redirects to the content and stream it to disk.

        Raises:
            _Given, _Passing, NoAnswer: there is none.
        """
        at = url
        for _ in range(REDIRECTS + 1):
            _check(at, url)
            async with self._client.fetch(
                at, headers=self._headers(at, before), timeout_s=TIMEOUT_S
            ) as answer:
                if answer.status in MOVED and answer.location:
                    at = _moved(at, answer.location, url)
                    continue
                if answer.status == NOT_MODIFIED and before is not None:
                    content = Content(before.key.size_bytes, before.key.md5)
                    return Ready(content, before.name, None)
                if answer.status in PASSING:
                    raise _Passing(f"it answered {answer.status}", answer.retry_after_s)
                if answer.status != OK:
                    raise _not_fetched(url, f"it answered {answer.status}")
                name = name_of(url, answer.content_type)
                content, path = await self._streamed(url, answer, name=name, most_bytes=most_bytes)
                if answer.etag or answer.last_modified:
                    tag = Fetched(answer.etag, answer.last_modified, name, key_of(content))
                    self._memory.keep_fetched(url, tag)
                return Ready(content, name, path)
        raise _not_fetched(url, f"it redirects more than {REDIRECTS} times")

    def _headers(self, at: str, before: Fetched | None) -> dict[str, str]:
        # As the bytes are: their length is announced then, and their hash is that of the file.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "atro-etl"}
        if before is not None and before.etag:
            headers["If-None-Match"] = before.etag
        elif before is not None:
            headers["If-Modified-Since"] = before.last_modified
        ours = self._client.target.fetch_headers.get(origin_of(at), {})
        return headers | {name: value.reveal() for name, value in ours.items()}

    async def _streamed(
        self, url: str, answer: Download, *, name: str, most_bytes: int
    ) -> tuple[Content, Path]:
        if answer.size_bytes is not None and answer.size_bytes > most_bytes:
            raise _too_large(url, answer.size_bytes, most_bytes)
        path = self._folder / hashlib.sha256(url.encode()).hexdigest()[:24]
        digest, size = hashlib.md5(usedforsecurity=False), 0

        def write(file: FileIO, chunk: bytearray) -> None:
            digest.update(chunk)
            file.write(chunk)

        self._folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb", buffering=0) as file:
            waiting = bytearray()
            async for chunk in answer.content:
                if not size and (flaw := mistaken(shown(url), name, chunk[:HEAD_BYTES])):
                    raise _Given(flaw)
                size += len(chunk)
                if size > most_bytes:
                    raise _too_large(url, size, most_bytes)
                waiting += chunk
                if len(waiting) >= WRITE_BYTES:
                    await asyncio.to_thread(write, file, waiting)
                    waiting = bytearray()
            await asyncio.to_thread(write, file, waiting)
            stamp = to_stamp(os.fstat(file.fileno()))
        if not size:
            path.unlink()
            raise _Given(Flaw("file_empty", {"path": shown(url)}))
        return Content(size, digest.hexdigest(), stamp), path


def origin_of(url: str) -> str:
    """Return `https://cdn.example` or `http://cdn.example:8080`: who is spoken to, and how."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def name_of(url: str, content_type: str = "") -> str:
    """Return the last part of an address's path, without `?v=…`; one without suffix gets that of its type."""
    name = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]).replace("/", "_").replace("\0", "")
    name = name or "file"
    return name if PurePosixPath(name).suffix else name + suffix_for(content_type)


def shown(url: str) -> str:
    """Return an address for messages: without user and query, which may hold secrets."""
    parts = urlsplit(url)
    return f"{origin_of(url)}{parts.path}"


def check_address(url: str) -> Flaw | None:
    """Return why an address cannot be fetched from; None: it may."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return Flaw("file_address", {"url": url, "reason": "it cannot be read"})
    if not is_whole:
        return Flaw("file_address", {"url": url, "reason": "only http:// and https:// are fetched"})
    if parts.username is not None:
        reason = "a user stands in it; set fetch_headers of the profile instead"
        return Flaw("file_address", {"url": shown(url), "reason": reason})
    return None


def _check(at: str, url: str) -> None:
    flaw = check_address(at)
    if flaw is not None and at == url:
        raise _Given(flaw)
    if flaw is not None:
        raise _not_fetched(url, f"it redirects to where nothing is fetched: {flaw.facts['reason']}")


def _moved(at: str, location: str, url: str) -> str:
    to = urljoin(at, location)
    if at.startswith("https:") and not to.startswith("https:"):
        raise _not_fetched(url, f"it redirects to {shown(to)}, which is not encrypted")
    return to


def _not_fetched(url: str, reason: str) -> _Given:
    return _Given(Flaw("file_not_fetched", {"url": shown(url), "reason": reason}))


def _too_large(url: str, size: int, most: int) -> _Given:
    return _Given(Flaw("file_too_large", {"path": shown(url), "bytes": f"{size:,}", "most": f"{most:,}"}))


def _lies_there(ready: Ready) -> bool:
    return ready.path is not None and ready.path.is_file()
