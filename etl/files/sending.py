"""Sends one content until it stands on the server as it is here, or until it is clear that it cannot.

Id and `fileUniqueHash` are ours, so every request may go twice. What counts is what the server says it
stored: its size and MD5 are compared, since nothing there checks that pieces fit.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from etl.api.retry import repeated
from etl.api.silence import FORBIDDEN, LOCKOUT_S, LOST_RIGHTS, Silence
from etl.errors import (
    AnswerUnusable,
    Interrupted,
    NoAnswer,
    Refused,
    RequestFailed,
    RightsLost,
    ServerFailed,
    TooLarge,
    ungrouped,
)
from etl.files.finding import ENTITY, SELECT, Standing, holds, is_older, key_of, standing_of
from etl.files.pieces import (
    LEAST_PIECE_BYTES,
    Buffers,
    Changed,
    Cut,
    body_of,
    piece_bytes_of,
    read_piece,
    unique_hash,
)
from etl.files.wanted import Flaw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from etl.api import Client
    from etl.api.wire import Record, Stream
    from etl.files.content import Content
    from etl.files.gate import Gate
    from etl.files.remembering import Memory

log = logging.getLogger(__name__)

ROUNDS = 4
"""Times that the server is asked which pieces it has, before it is believed that it loses them."""
SMALL_BYTES = 128 << 10
BROKEN_TRIES = 5
"""So many 500s for the same request, then it is the file and not the moment."""
SERVER_BROKE = 500


@dataclass(frozen=True, slots=True)
class Job:
    """One content on its way."""

    path: Path
    content: Content
    file_id: str
    facts: Mapping[str, object]
    """What the record gets besides its content: payload key -> value."""


class Unsent(Exception):
    """The content cannot be sent; `flaw` says why."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw)
        self.flaw = flaw


class Sender:
    """Sends contents, several at once; what it learns of the server holds for all of them."""

    def __init__(
        self,
        client: Client,
        gate: Gate,
        *,
        memory: Memory,
        is_stopping: Callable[[], bool],
        on_bytes: Callable[[Job, int], None],
        most_piece_bytes: int,
    ) -> None:
        """Begin with what an earlier run learnt.

        Args:
            on_bytes: told how much of a file has arrived since the last time.
        """
        self._client, self._gate, self._memory = client, gate, memory
        self._is_stopping, self._on_bytes = is_stopping, on_bytes
        self._buffers = Buffers()
        self._clock = client.retry
        self._silence = Silence(client.url, limits=client.limits, clock=self._clock)
        told = client.session.max_upload_mib
        self.piece_bytes = piece_bytes_of(told, memory.piece_bytes(), most=most_piece_bytes)

    async def send(self, job: Job) -> Standing | Flaw:
        """Send a content and return where it stands, or why it does not.

        Raises:
            Changed: the file is not what was measured; what was stored of it is removed.
            Stopped, NoAccess: the run cannot go on.
        """
        key = key_of(job.content)
        salt = ""
        for _ in range(2):
            try:
                record = await self._stored(job, salt)
            except Unsent as unsent:
                return unsent.flaw
            if "hash" not in record:
                record = await self._standing(job) or record
            if holds(record, key):
                return await self._only_one(job, record)
            log.warning("stored differently", extra={"file": str(job.path), "size": record.get("fileSize")})
            await self._removed(job.file_id)
            # What lies there of it may be what is wrong: nothing of it may be used again.
            salt = f"{self._clock.chance():.17f}"
        return Flaw("file_damaged", {"path": str(job.path)})

    async def _stored(self, job: Job, salt: str) -> Record:
        while True:
            piece_bytes = self.piece_bytes
            is_whole = job.content.size_bytes <= piece_bytes
            try:
                if is_whole:
                    return await self._ask(job, cut=None, start=0)
                return await self._in_pieces(job, salt)
            except TooLarge as refusal:
                refused = min(piece_bytes, job.content.size_bytes)
                if refused <= LEAST_PIECE_BYTES:
                    flaw = Flaw("file_refused", {"path": str(job.path), "text": str(refusal)})
                    raise Unsent(flaw) from refusal
                self.piece_bytes = min(self.piece_bytes, max(LEAST_PIECE_BYTES, refused // 2048 * 1024))
                self._memory.keep_piece_bytes(self.piece_bytes)
                log.warning("sends smaller pieces", extra={"bytes": self.piece_bytes, "why": str(refusal)})

    async def _in_pieces(self, job: Job, salt: str) -> Record:
        """Send the pieces that the server lacks, and ask again as long as some got lost."""
        cut = Cut(
            unique_hash(key_of(job.content), self.piece_bytes, salt=salt),
            self.piece_bytes,
            job.content.size_bytes,
        )
        told: set[str] = set()
        for _ in range(ROUNDS):
            # There is no call that lists pieces: sending one tells. Source: api-contract §7.2, 7.
            answer = await self._ask(job, cut=cut, start=0)
            there = set(map(str, answer.get("chunks", ())))
            if "id" in answer:
                return answer
            self._told(job, cut, there - told)
            told |= there
            if not there <= {str(start) for start in cut.starts}:
                # Somebody else's lie under this name; they would become part of the file.
                return await self._in_pieces(job, f"{self._clock.chance():.17f}")
            missing = [start for start in cut.starts if str(start) not in there]
            if (record := await self._several(job, cut, missing)) is not None:
                return record
        raise Unsent(Flaw("file_damaged", {"path": str(job.path)}))

    def _told(self, job: Job, cut: Cut, starts: set[str]) -> None:
        """Count pieces that stand there already as progress."""
        for start in cut.starts:
            if str(start) in starts and start:
                self._on_bytes(job, min(cut.piece_bytes, cut.size_bytes - start))

    async def _several(self, job: Job, cut: Cut, starts: Sequence[int]) -> Record | None:
        """Send pieces, some at once, and return the record, which any of them may bring."""
        left = iter(starts)
        found: list[Record] = []

        async def send_next() -> None:
            for start in left:
                if found:
                    return
                if self._is_stopping():
                    raise Interrupted
                answer = await self._ask(job, cut=cut, start=start)
                if "id" in answer:
                    found.append(answer)

        with ungrouped():
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._client.limits.in_flight, len(starts))):
                    group.create_task(send_next())
        return found[0] if found else None

    async def _ask(self, job: Job, *, cut: Cut | None, start: int) -> Record:
        """Send a piece, or the whole, until it is answered; the answer has an `id` where the file is stored.

        Raises:
            Unsent: the server refuses it, or fails at it again and again.
            TooLarge: for the server or a proxy before it.
            Changed, Stopped, NoAccess: see `send`.
        """
        tries = broken = 0
        is_locked_out = False
        while True:
            try:
                answer = await self._once(job, cut=cut, start=start)
            except Refused as refusal:
                if refusal.status == FORBIDDEN and not is_locked_out:
                    is_locked_out = True
                    await self._clock.sleep(LOCKOUT_S)
                    continue
                if refusal.status in LOST_RIGHTS:
                    raise RightsLost(self._client.url, status=refusal.status) from refusal
                return await self._standing_or(job, "file_refused", refusal)
            except (NoAnswer, ServerFailed, AnswerUnusable) as failure:
                tries += 1
                broken += failure.status == SERVER_BROKE or isinstance(failure, AnswerUnusable)
                log.warning("no answer", extra={"file": str(job.path), "tries": tries, "why": str(failure)})
                if broken >= BROKEN_TRIES:
                    return await self._standing_or(job, "file_server_broke", failure)
                pause_s = self._clock.pause_s(tries, retry_after_s=failure.retry_after_s)
                self._silence.give_up(tries - broken, failure, pause_s=pause_s)
                await self._clock.sleep(pause_s)
                if cut is None and failure.may_be_done and (record := await self._standing(job)):
                    return record
                continue
            if answer.get("created") is True and "id" not in answer:
                return await self._standing(job) or answer
            return answer

    async def _once(self, job: Job, *, cut: Cut | None, start: int) -> Record:
        rest = job.content.size_bytes - start
        size = rest if cut is None else min(cut.piece_bytes, rest)
        facts = {"id": job.file_id, **job.facts, **({} if cut is None else cut.facts(start))}
        async with self._gate:
            buffer = self._buffers.take(size + 1)
            try:
                read = partial(read_piece, job.path, job.content, start=start, size_bytes=size, buffer=buffer)
                # What is small was read a moment ago to be hashed; a thread costs more than reading it again.
                if (flaw := read() if size <= SMALL_BYTES else await asyncio.to_thread(read)) is not None:
                    raise Unsent(flaw)
                body = body_of(memoryview(buffer)[:size], facts, is_piece=cut is not None)
                answer = await self._answered(body, size, is_piece=cut is not None)
            finally:
                self._buffers.give_back(buffer)
        self._on_bytes(job, size)
        return answer

    async def _answered(self, body: Stream, size_bytes: int, *, is_piece: bool) -> Record:
        began = self._clock.now()
        try:
            answer = await self._client.upload(body, is_piece=is_piece)
        except RequestFailed as failure:
            if isinstance(failure, NoAnswer | ServerFailed) and failure.status != SERVER_BROKE:
                self._gate.pacer.failed()
            else:
                self._silence.broken()
            raise
        self._silence.broken()
        self._gate.answered(self._clock.now() - began, size_bytes)
        return answer

    async def _standing_or(self, job: Job, code: str, failure: RequestFailed) -> Record:
        """Return what stands under the id: an earlier try, or somebody at the same time, stored it."""
        record = await self._standing(job)
        if record is not None and holds(record, key_of(job.content)):
            return record
        raise Unsent(Flaw(code, {"path": str(job.path), "text": str(failure)})) from failure

    async def _standing(self, job: Job) -> Record | None:
        found = await self._client.look_up(ENTITY, "id", [job.file_id], select=SELECT)
        return found[0] if found else None

    async def _only_one(self, job: Job, record: Record) -> Standing:
        """Return the record, or the one that somebody else made of the same content a moment before."""
        other = record.get("duplicate")
        if isinstance(other, dict) and holds(other, key_of(job.content)) and is_older(other, record):
            log.warning("somebody else uploaded it", extra={"file": str(job.path), "id": other.get("id")})
            await self._removed(job.file_id)
            return standing_of(other)
        return standing_of(record)

    async def _removed(self, file_id: str) -> None:
        remove = partial(self._client.delete, ENTITY, file_id, for_good=True)
        await repeated(remove, self._clock, on_repeat=lambda: None)


__all__ = ["Changed", "Job", "Sender", "Unsent"]
