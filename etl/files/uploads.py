"""Files to the server, each content once: found there, or uploaded and compared with what was stored."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from etl.errors import Interrupted, ungrouped
from etl.files.addressed import fetch_there, find_fetched, own_address_id
from etl.files.content import Content, measure
from etl.files.fetching import Fetcher, Ready, check_address, name_of, shown
from etl.files.finding import ENTITY, Found, Key, Standing, find, key_of, standing_of
from etl.files.gate import Gate
from etl.files.kinds import misfit
from etl.files.pieces import PIECE_BYTES
from etl.files.places import Places
from etl.files.reading import read_all
from etl.files.remembering import Memory
from etl.files.sending import Changed, Job, Sender
from etl.files.sharing import shared
from etl.files.telling import Stopwatch, Teller
from etl.files.wanted import Address, Counts, FileStatus, Flaw, Stored, Wanted
from etl.pacing import Pacer, keep_learnt, read_learnt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.api import Client
    from etl.api.wire import Record
    from etl.model import ProgressListener

PORTION = 256
"""Files read ahead while those before them are sent; with addresses, also so many lie on disk."""


class Uploads:
    """The files of one run at one server: what it has learnt holds until its end. For one event loop."""

    def __init__(
        self,
        client: Client,
        state: Path,
        *,
        folder: Path | None = None,
        listener: ProgressListener | None = None,
        is_stopping: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.time,
        piece_bytes: int = PIECE_BYTES,
    ) -> None:
        """Begin with what earlier runs left in the state folder.

        Args:
            state: the state folder.
            folder: where files from addresses lie until they are stored, best in the folder of the run; None:
                below the state folder.
            listener: told how far it is.
            is_stopping: asked before each request and while files are read, also from threads; when true, the
                run ends after the requests under way.
            now: seconds since 1970.
            piece_bytes: a larger file goes in pieces of this size, or of the largest that the server takes.
        """
        self._client, self._state, self._is_stopping = client, state, is_stopping
        self._memory = Memory(state, client.url, now=now)
        self._pace = f"{client.target.host}/File"
        self._pacer = Pacer(client.limits, read_learnt(state, self._pace), now=client.retry.now)
        self._teller = Teller(listener, now=client.retry.now)
        self._sender = Sender(
            client,
            Gate(self._pacer),
            memory=self._memory,
            is_stopping=is_stopping,
            on_bytes=self._arrived,
            most_piece_bytes=piece_bytes,
        )
        self._fetcher = Fetcher(client, folder or state / "incoming" / "files", memory=self._memory)
        self._places = Places(client)
        self._files_at_once = asyncio.Semaphore(client.limits.in_flight + 1)
        self._standing: dict[Key, Standing] = {}
        self._linked: dict[str, Stored] = {}
        """Address -> what the server fetched from it."""
        self._busy: defaultdict[Key | str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._missing: set[Key] = set()
        """Contents that were foreseen to be uploaded."""
        self._counts: Counter[str] = Counter()
        self._stopwatch = Stopwatch(client.retry.now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Keep what was learnt and remove what was fetched."""
        self._fetcher.close()
        self._memory.close()
        if self._pacer.learnt is not None:
            keep_learnt(self._state, self._pace, learnt=self._pacer.learnt)

    @property
    def counts(self) -> Counts:
        """What became of files so far."""
        return Counts(**self._counts, upload_ms=self._stopwatch.milliseconds)

    async def ensure(self, files: Sequence[Wanted]) -> list[Stored]:
        """See to it that files stand on the server and return what became of each, in their order.

        Equal contents, in this call or an earlier one, are one file. Safe to be called again at any time.

        Raises:
            Stopped: the server is gone, the right to write is lost, or `is_stopping` said so.
            RequestFailed, NoAccess: the server cannot be asked.
        """
        self._teller.expect(len(files))
        stored: list[Stored] = []
        portions = [files[start : start + PORTION] for start in range(0, len(files), PORTION)]
        reading = asyncio.ensure_future(self._read(portions[0] if portions else ()))
        try:
            for at, portion in enumerate(portions):
                ready = await reading
                reading = asyncio.ensure_future(
                    self._read(portions[at + 1] if at + 1 < len(portions) else ())
                )
                stored += await self._portion(portion, ready)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await asyncio.to_thread(self._memory.flush)
        return stored

    async def foresee(self, files: Sequence[Wanted]) -> list[Stored]:
        """Return what `ensure` would come to. Only looks; nothing is uploaded, fetched or made.

        What an address brings is not known beforehand unless an earlier run fetched it; then it counts as if
        it brought the same again.

        Raises:
            RequestFailed, NoAccess: the server cannot be asked.
        """
        ready = await self._read(files, only_looks=True)
        found = await self._find(files, ready)
        foreseen = [self._foreseen(*one, found) for one in zip(files, ready, strict=True)]
        await asyncio.to_thread(self._memory.flush)
        return foreseen

    def _foreseen(self, wanted: Wanted, ready: Ready | Flaw | None, found: Found) -> Stored:
        if isinstance(ready, Flaw):
            return self._failed(wanted, ready)
        if ready is None:
            url = _url(wanted)
            if (stored := self._linked.get(url)) is not None:
                return replace(stored, wanted=wanted)
            self._counts["missing"] += 1
            own = own_address_id(url) if _is_by_server(wanted) else ""
            return Stored(wanted, FileStatus.MISSING, file_id=own, name=file_name(wanted))
        key = key_of(ready.content)
        if (standing := self._standing.get(key)) is not None:
            return _stored(wanted, ready.content, standing, status=FileStatus.REUSED)
        new = Standing(found.new_ids[key], wanted.name or ready.name)
        if key not in self._missing:
            self._missing.add(key)
            self._counts["missing"] += 1
        return _stored(wanted, ready.content, new, status=FileStatus.MISSING)

    async def _read(self, files: Sequence[Wanted], *, only_looks: bool = False) -> list[Ready | Flaw | None]:
        """Return the content of each; None: not known beforehand."""
        names = {one.source: file_name(one) for one in files if isinstance(one.source, Path)}
        contents = await read_all(names, self._memory, is_stopping=self._is_stopping)
        fetched = await asyncio.gather(
            *(self._fetched(one, only_looks=only_looks) for one in files if isinstance(one.source, Address))
        )
        addressed = iter(fetched)
        ready: list[Ready | Flaw | None] = []
        for one in files:
            if isinstance(one.source, Address):
                ready.append(next(addressed))
                continue
            content = contents[one.source]
            ready.append(content if isinstance(content, Flaw) else Ready(content, file_name(one), one.source))
        return [
            None if found is None else _fitting(one, found) for one, found in zip(files, ready, strict=True)
        ]

    async def _fetched(self, wanted: Wanted, *, only_looks: bool) -> Ready | Flaw | None:
        url = _url(wanted)
        if (flaw := check_address(url)) is not None:
            return flaw
        if _is_by_server(wanted):
            return None
        if only_looks:
            return self._fetcher.remembered(url)
        if self._is_stopping():
            raise Interrupted
        return await self._fetcher.fetch(url, most_bytes=wanted.rules.most_bytes)

    async def _find(self, files: Sequence[Wanted], ready: Sequence[Ready | Flaw | None]) -> Found:
        """Look up in bulk what is not known yet: contents, and addresses that the server fetched."""
        contents = [one.content for one in ready if isinstance(one, Ready)]
        keys = [key for key in dict.fromkeys(map(key_of, contents)) if key not in self._standing]
        found = await find(self._client, keys, known=self._memory.ids(keys))
        for key, standing in found.standing.items():
            self._memory.keep_id(key, standing.file_id)
        self._standing.update(found.standing)
        self._counts["reused"] += len(found.standing)
        urls = {_url(one): one for one in files if _is_by_server(one)}
        new = [url for url in urls if url not in self._linked and check_address(url) is None]
        for url, record in (await find_fetched(self._client, new, memory=self._memory)).items():
            self._linked[url] = _stored_there(urls[url], record, status=FileStatus.REUSED)
            self._counts["reused"] += 1
        return found

    async def _portion(self, files: Sequence[Wanted], ready: Sequence[Ready | Flaw | None]) -> list[Stored]:
        found = await self._find(files, ready)
        with ungrouped():
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._one(*one, found)) for one in zip(files, ready, strict=True)]
        return [task.result() for task in tasks]

    async def _one(self, wanted: Wanted, ready: Ready | Flaw | None, found: Found) -> Stored:
        async with self._files_at_once:
            if isinstance(ready, Flaw):
                stored = self._failed(wanted, ready)
            elif ready is None:
                stored = await self._from_address(wanted)
            else:
                stored = await self._uploaded(wanted, ready, found)
            if wanted.share is not None and stored.status is not FileStatus.FAILED:
                stored = await self._shared(stored)
        source = wanted.source
        self._teller.done(
            source if isinstance(source, Path) else None, failed=stored.status is FileStatus.FAILED
        )
        return stored

    async def _uploaded(self, wanted: Wanted, ready: Ready, found: Found) -> Stored:
        key = key_of(ready.content)
        status = FileStatus.REUSED
        content = ready.content
        if key not in self._standing:
            async with self._busy[key]:
                # Who waited finds what another task uploaded meanwhile.
                if key not in self._standing:
                    sent = await self._sent(wanted, ready, found)
                    if isinstance(sent, Flaw):
                        return self._failed(wanted, sent)
                    content, key, status = sent.content, key_of(sent.content), sent.status
        if isinstance(wanted.source, Address):
            self._fetcher.let_go(ready)
        return _stored(wanted, content, self._standing[key], status=status)

    async def _sent(self, wanted: Wanted, ready: Ready, found: Found) -> _Sent | Flaw:
        """Upload a content; what changes under our hands is measured again, once."""
        facts = await self._places.facts(wanted, name=ready.name)
        if isinstance(facts, Flaw):
            return facts
        now: Ready | Flaw = ready
        if ready.path is None:
            # Its address says that it is unchanged, but the server does not have it any more.
            now = await self._fetcher.fetch(_url(wanted), most_bytes=wanted.rules.most_bytes, anew=True)
        for _ in range(2):
            now = _fitting(wanted, now)
            if isinstance(now, Flaw):
                return now
            if key_of(now.content) in self._standing:
                return _Sent(now.content, FileStatus.REUSED)
            try:
                return await self._sent_once(now, facts, found)
            except Changed:
                now = await self._measured_again(wanted, now)
                found = await self._find([wanted], [now])
        return Flaw("file_changed", {"path": _named(wanted)})

    async def _sent_once(self, ready: Ready, facts: dict[str, object], found: Found) -> _Sent | Flaw:
        if self._is_stopping():
            raise Interrupted
        if ready.path is None:
            raise Changed
        key = key_of(ready.content)
        with self._stopwatch.running():
            standing = await self._sender.send(Job(ready.path, ready.content, found.new_ids[key], facts))
        if isinstance(standing, Flaw):
            return standing
        self._standing[key] = standing
        self._memory.keep_id(key, standing.file_id)
        self._counts["uploaded"] += 1
        self._counts["bytes"] += ready.content.size_bytes
        return _Sent(ready.content, FileStatus.UPLOADED)

    async def _measured_again(self, wanted: Wanted, ready: Ready) -> Ready | Flaw:
        if ready.path is None or isinstance(wanted.source, Address):
            return await self._fetcher.fetch(_url(wanted), most_bytes=wanted.rules.most_bytes, anew=True)
        content = await asyncio.to_thread(measure, ready.path, name=file_name(wanted))
        return content if isinstance(content, Flaw) else replace(ready, content=content)

    async def _from_address(self, wanted: Wanted) -> Stored:
        """Let the server fetch an address, once in a run."""
        url = _url(wanted)
        async with self._busy[url]:
            if (known := self._linked.get(url)) is not None:
                return replace(known, wanted=wanted)
            if self._is_stopping():
                raise Interrupted
            facts = await self._places.facts(wanted, name=name_of(url))
            record = facts if isinstance(facts, Flaw) else await fetch_there(self._client, url, facts)
            if isinstance(record, Flaw):
                return self._failed(wanted, record)
            stored = await self._only_one(_stored_there(wanted, record, status=FileStatus.UPLOADED))
            self._memory.keep_linked(url, stored.file_id)
            self._linked[url] = replace(stored, status=FileStatus.REUSED)
            self._counts["uploaded"] += 1
            self._counts["bytes"] += stored.size_bytes
            return stored

    async def _only_one(self, stored: Stored) -> Stored:
        """Return what the server fetched, or the same where it has it from another address or from us."""
        key = Key(stored.md5, stored.size_bytes)
        async with self._busy[key]:
            there = self._standing.setdefault(key, Standing(stored.file_id, stored.name))
            if there.file_id != stored.file_id:
                await self._client.delete(ENTITY, stored.file_id, for_good=True)
            return replace(stored, file_id=there.file_id, name=there.name)

    async def _shared(self, stored: Stored) -> Stored:
        share = stored.wanted.share
        if share is None:
            return stored
        async with self._busy[f"share {stored.file_id}"]:
            links = await shared(self._client, stored.file_id, name=stored.name, share=share)
        if isinstance(links, str):
            flaw = Flaw("share_refused", {"path": _named(stored.wanted), "text": links})
            return replace(stored, flaw=flaw)
        return replace(stored, link=links.link, view_link=links.view_link)

    def _failed(self, wanted: Wanted, flaw: Flaw) -> Stored:
        self._counts["failed"] += 1
        return Stored(wanted, FileStatus.FAILED, name=file_name(wanted), flaw=flaw)

    def _arrived(self, job: Job, size_bytes: int) -> None:
        self._teller.arrived(job.path, size_bytes=size_bytes, of_bytes=job.content.size_bytes)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was found at the moment of sending: the file may have changed since it was measured."""

    content: Content
    status: FileStatus


def file_name(wanted: Wanted) -> str:
    """Return the name that a file gets: the one said, else the path's, else the last part of the address."""
    if wanted.name:
        return wanted.name
    return wanted.source.name if isinstance(wanted.source, Path) else name_of(wanted.source.url)


def _fitting(wanted: Wanted, ready: Ready | Flaw) -> Ready | Flaw:
    if isinstance(ready, Flaw):
        return ready
    name, content = wanted.name or ready.name, ready.content
    size, md5 = content.size_bytes, content.md5
    return misfit(_named(wanted), name, size_bytes=size, md5=md5, rules=wanted.rules) or ready


def _named(wanted: Wanted) -> str:
    return str(wanted.source) if isinstance(wanted.source, Path) else shown(wanted.source.url)


def _url(wanted: Wanted) -> str:
    return wanted.source.url if isinstance(wanted.source, Address) else ""


def _is_by_server(wanted: Wanted) -> bool:
    return isinstance(wanted.source, Address) and wanted.source.fetch == "server"


def _stored(wanted: Wanted, content: Content, standing: Standing, *, status: FileStatus) -> Stored:
    return Stored(
        wanted,
        status,
        file_id=standing.file_id,
        name=standing.name or file_name(wanted),
        size_bytes=content.size_bytes,
        md5=content.md5,
    )


def _stored_there(wanted: Wanted, record: Record, *, status: FileStatus) -> Stored:
    size = record.get("fileSize")
    content = Content(size if isinstance(size, int) else 0, str(record.get("hash") or ""))
    return _stored(wanted, content, standing_of(record), status=status)
