"""Files to the server, each content once: found there, or uploaded and compared with what was stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

import pybase64

from etl.errors import AnswerUnusable, Refused
from etl.files.content import Content, measure
from etl.files.finding import ENTITY, Key, Standing, find, holds, key_of
from etl.files.wanted import Counts, FileStatus, Flaw, Stored, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.api import Client
    from etl.files.finding import Found


class Uploads:
    """The files of one run at one server: what it has learnt holds until its end."""

    def __init__(
        self, client: Client, state: Path, *, is_stopping: Callable[[], bool] = lambda: False
    ) -> None:
        """Begin with what earlier runs left in the state folder.

        Args:
            state: the state folder.
            is_stopping: asked before each file; when true, the run ends after those under way.
        """
        self._client, self._state, self._is_stopping = client, state, is_stopping
        self._standing: dict[Key, Standing] = {}
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Counts:
        """What became of files so far."""
        return Counts(**self._counts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the state folder."""
        self._standing.clear()

    async def ensure(self, files: Sequence[Wanted]) -> list[Stored]:
        """See to it that files stand on the server and return what became of each, in their order.

        Equal contents, in this call or an earlier one, are one file. Safe to be called again at any time.

        Raises:
            Stopped: the server is gone, the right to write is lost, or `is_stopping` said so.
            NoAccess: the token was refused and so was the sign-in.
        """
        contents = [await self._content(one) for one in files]
        found = await self._find(contents)
        return [await self._one(one, content, found) for one, content in zip(files, contents, strict=True)]

    async def foresee(self, files: Sequence[Wanted]) -> list[Stored]:
        """Return what `ensure` would come to. Only looks; nothing is uploaded, fetched or made.

        Raises:
            RequestFailed, NoAccess: the server cannot be asked.
        """
        contents = [await self._content(one) for one in files]
        found = await self._find(contents)
        foreseen = []
        for one, content in zip(files, contents, strict=True):
            if isinstance(content, Flaw):
                foreseen.append(_failed(one, content))
                continue
            key = key_of(content)
            there = self._standing.get(key)
            file_id = there.file_id if there else found.new_id(key)
            status = FileStatus.REUSED if there else FileStatus.MISSING
            name = there.name if there else None
            foreseen.append(_stored(one, content, status=status, file_id=file_id, name=name))
        return foreseen

    async def _content(self, wanted: Wanted) -> Content | Flaw:
        if not isinstance(wanted.source, Path):
            return Flaw(
                "file_not_fetched", {"url": wanted.source.url, "reason": "addresses cannot be fetched"}
            )
        return await asyncio.to_thread(measure, wanted.source)

    async def _find(self, contents: Sequence[Content | Flaw]) -> Found:
        keys = dict.fromkeys(key_of(one) for one in contents if isinstance(one, Content))
        found = await find(self._client, [key for key in keys if key not in self._standing], known={})
        self._standing.update(found.standing)
        self._counts["reused"] += len(found.standing)
        return found

    async def _one(self, wanted: Wanted, content: Content | Flaw, found: Found) -> Stored:
        if isinstance(content, Flaw):
            self._counts["failed"] += 1
            return _failed(wanted, content)
        key = key_of(content)
        if (there := self._standing.get(key)) is not None:
            return _stored(wanted, content, status=FileStatus.REUSED, file_id=there.file_id, name=there.name)
        sent = await self._send(wanted, content, found.new_id(key))
        if isinstance(sent, Flaw):
            self._counts["failed"] += 1
            return _failed(wanted, sent)
        self._standing[key] = sent
        self._counts["uploaded"] += 1
        self._counts["bytes"] += content.size_bytes
        return _stored(wanted, content, status=FileStatus.UPLOADED, file_id=sent.file_id, name=sent.name)

    async def _send(self, wanted: Wanted, content: Content, file_id: str) -> Standing | Flaw:
        source = wanted.source
        if not isinstance(source, Path):
            raise TypeError("only local files are sent")
        data = await asyncio.to_thread(source.read_bytes)
        payload = {
            "id": file_id,
            "name": file_name(wanted),
            # Content without this prefix is stored as an empty file. Source: observations, "Files".
            "fileContents": "data:application/octet-stream;base64," + pybase64.b64encode_as_string(data),
        }
        try:
            record = await self._client.create(ENTITY, payload)
        except (Refused, AnswerUnusable) as refusal:
            return Flaw("file_refused", {"path": str(source), "text": str(refusal)})
        if not holds(record, key_of(content)):
            return Flaw("file_damaged", {"path": str(source)})
        return Standing(str(record["id"]), str(record.get("name") or ""))


def file_name(wanted: Wanted) -> str:
    """Return the name that a file gets: the one said, else the path's, else the last part of the address."""
    if wanted.name:
        return wanted.name
    if isinstance(wanted.source, Path):
        return wanted.source.name
    # Without `?v=…`: AtroCore's names carry the suffix at their end.
    return unquote(urlsplit(wanted.source.url).path.rpartition("/")[2])


def _stored(
    wanted: Wanted, content: Content, *, status: FileStatus, file_id: str, name: str | None
) -> Stored:
    return Stored(
        wanted,
        status,
        file_id=file_id,
        name=name or file_name(wanted),
        size_bytes=content.size_bytes,
        md5=content.md5,
    )


def _failed(wanted: Wanted, flaw: Flaw) -> Stored:
    return Stored(wanted, FileStatus.FAILED, name=file_name(wanted), flaw=flaw)
