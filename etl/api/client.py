"""The client: sends what `wire.py` says, with one token, a limit on every wait, repeats of safe requests."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from etl.api import answers, generations, reading, wire
from etl.api.auth import Door
from etl.api.retry import RetryClock, repeated
from etl.api.target import Secret, Target, complete
from etl.api.transport import Transport
from etl.api.wire import Answer, ItemAnswer, Page, Record, Records, Request, Session
from etl.errors import AnswerUnusable
from etl.model import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from etl.api.generations import Generation
    from etl.api.transport import Download
    from etl.api.where import Scalar, Where

T = TypeVar("T")


@asynccontextmanager
async def connect(
    target: str | Target,
    *,
    username: str | None = None,
    password: str | Secret | None = None,
    token: str | Secret | None = None,
    limits: Limits | None = None,
    retry: RetryClock | None = None,
    fetch_headers: Mapping[str, Mapping[str, Secret]] | None = None,
) -> AsyncIterator[Client]:
    """Sign in and yield a client; its connections are closed at the end. The token stays valid.

    Args:
        target: the address as a person has it (see `target.read_url`), or all that can be said of a target.
        token: of an earlier sign-in, tried first; user and password renew it when it is refused.
        fetch_headers: origin such as `https://cdn.example` -> what requests for files there carry.

    Raises:
        ServerUnreachable: nothing answers there, or it fails.
        NotAtroCore: something else answers.
        SignInRefused: user and password, or the token, are wrong.
        SignInLocked: too many failed sign-ins from this address.
        ConfigurationInvalid: the address cannot be one, or there is nothing to sign in with.
    """
    known = complete(target, username=username, password=password, token=token)
    if fetch_headers is not None:
        known = replace(known, fetch_headers=fetch_headers)
    async with Client(known, limits=limits or Limits(), retry=retry or RetryClock()) as client:
        await client.sign_in()
        yield client


class Client:
    """One user of one instance. Safe to use from many tasks of one event loop at once."""

    def __init__(self, target: Target, *, limits: Limits, retry: RetryClock) -> None:
        self.target = target
        self.limits = limits
        self.retry = retry
        self.session = Session(user=target.username or "")
        self.requests = 0
        """Requests that were sent, sign-ins and repeats counted."""
        self.reads = 0
        """Of them: those that only read from the server."""
        self.retries = 0
        """Of them: repeats after a failure."""
        self._door = Door(target, self._exchange, retry=retry, on_repeat=self._count_repeat)
        # Look-ups come by the dozen at once; they share what one run may ask at the same time.
        self._look_up_slots = asyncio.Semaphore(limits.in_flight)
        self._transport = Transport(target)

    @property
    def url(self) -> str:
        """The address of the instance, without the API's path."""
        return self.target.url

    @property
    def user(self) -> str:
        """Who is signed in; empty: the server did not tell."""
        return self.session.user

    @property
    def version(self) -> str:
        """Of the server's core, for example `2.1.25`; empty: it did not tell."""
        return self.session.version

    @property
    def token(self) -> Secret | None:
        """The token in use, to be kept for the next time."""
        return self._door.token.value

    @property
    def generation(self) -> Generation:
        """Which AtroCore this is, as far as it is known."""
        return self._door.generation

    async def __aenter__(self) -> Self:
        """Open the connections."""
        self._transport.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._transport.close()

    async def sign_in(self) -> None:
        """Find out the API's path, get a token where there is none that works, and learn who we are.

        Raises:
            NoAccess: see `connect`.
        """
        told = await self._door.open()
        self.session = replace(told, user=told.user or self.target.username or "")

    async def sign_out(self) -> bool:
        """End the token at the server; False where it did not do so. The client cannot be used any more.

        Raises:
            RequestFailed: nothing came back.
        """
        if self.token is None:
            return False
        answer = await self.send(wire.sign_out(self.token.reveal()))
        return answer.status == answers.OK and answer.body == b"true"

    # --- one request ---

    async def send(self, request: Request) -> Answer:
        """Send one request with the token, renewing it once where it is refused, and return the whole answer.

        Nothing is repeated after other failures, and error answers are returned too: `answers.py` reads them.

        Raises:
            NoAnswer: nothing came back.
            ServerFailed: 429 and 5xx.
            NoAccess: the token was refused and so was the sign-in.
        """
        answer = await self._door.authorized(request)
        if answer.status >= answers.SERVER_ERRORS or answer.status == answers.TOO_MANY:
            raise answers.failure(request, answer)
        return answer

    async def ask(self, request: Request, read: Callable[[Request, Answer], T]) -> T:
        """Send one request that changes nothing and read the answer, again and again where that is worth it.

        Args:
            read: one of the readers of `answers.py`; a damaged answer is asked for once more.

        Raises:
            RequestFailed, NoAccess: see `send`; of the last try.
        """

        async def once() -> T:
            return read(request, await self.send(request))

        return await repeated(once, self.retry, on_repeat=self._count_repeat)

    async def _exchange(
        self, request: Request, generation: Generation, *, headers: Mapping[str, str]
    ) -> Answer:
        self.requests += 1
        self.reads += request.method == "GET"
        base = self.url if request.is_at_root else f"{self.url}{generation.base}"
        patience_s = self.limits.request_timeout_s
        return await self._transport.exchange(request, base, headers=headers, timeout_s=patience_s)

    def _count_repeat(self) -> None:
        self.retries += 1

    # --- reading ---

    async def metadata(self) -> Record:
        """Return the raw Metadata answer; `etl.schema.read_metadata` makes the schema of it.

        Raises:
            RequestFailed, NoAccess: see `ask`.
        """
        metadata = await self.ask(Request("GET", self.generation.metadata), answers.read_object) or {}
        if not self.session.version:
            self._door.generation = generations.from_metadata(metadata, answered=self.generation)
        return metadata

    async def get(self, entity: str, record_id: str, *, select: Sequence[str] = ()) -> Record | None:
        """Return one record, or None where there is none with this id (or it was deleted).

        Raises:
            RequestFailed, NoAccess: see `ask`.
        """
        request = wire.get_record(entity, record_id, select=select)
        read = partial(answers.read_record, record_id=record_id, generation=self.generation)
        return await self.ask(request, read)

    async def list(
        self,
        entity: str,
        *,
        select: Sequence[str] = (),
        where: Where = (),
        offset: int = 0,
        max_size: int | None = None,
        sort_by: str | None = None,
        asc: bool | None = None,
        total_only: bool = False,
    ) -> Page:
        """Return some records; without `max_size` the server sends 200. Raises like `ask`."""
        request = wire.list_records(
            entity,
            select=select,
            where=where,
            offset=offset,
            max_size=max_size,
            sort_by=sort_by,
            asc=asc,
            total_only=total_only,
        )
        return await self.ask(request, answers.read_page)

    async def total(self, entity: str, where: Where = ()) -> int | None:
        """Return how many records fit; None where the server does not count this entity.

        Raises:
            RequestFailed, NoAccess: see `ask`.
        """
        # 1.10 does not know totalOnly and sends records along, so one is asked for. Source: recordings.
        page = await self.list(entity, select=("id",), where=where, max_size=1, total_only=True)
        return page.total

    async def pages(
        self,
        entity: str,
        *,
        select: Sequence[str] = (),
        where: Where = (),
        page_records: int | None = None,
    ) -> AsyncIterator[Page]:
        """Yield all records that fit, page by page, sorted by id; each page's `total` counts it and the rest.

        Raises:
            RequestFailed, NoAccess: see `ask`.
        """
        pages = reading.by_id(
            self._page,
            entity,
            select=select,
            where=where,
            page_records=page_records or self.limits.page_records,
        )
        async for page in pages:
            yield page

    async def look_up(
        self,
        entity: str,
        field: str,
        values: Sequence[Scalar],
        *,
        select: Sequence[str],
        where: Where = (),
    ) -> Records:
        """Return every record whose field has one of `values`, in no order; all in memory.

        Asks for as many values at once as `limits` allow, and for several such pieces at once. Servers on
        MySQL compare without case, so records of other spelling may be among them.

        Raises:
            RequestFailed, NoAccess: see `ask`; of the first piece that failed, the others are dropped.
        """
        requests = wire.look_ups(
            entity,
            field,
            values=list(dict.fromkeys(values)),
            select=select,
            where=where,
            url_bytes=self.limits.lookup_url_bytes,
            keys=self.limits.lookup_keys,
            base_bytes=len(self.url) + len(self.generation.base) + 1,
        )
        return await reading.all_of(self._page, requests, slots=self._look_up_slots)

    async def _page(self, request: Request) -> Page:
        return await self.ask(request, answers.read_page)

    # --- writing: one try each, the caller decides what a failure means ---

    async def upsert(
        self, body: bytes, *, count: int, headers: Mapping[str, str] = wire.NO_HEADERS
    ) -> Sequence[ItemAnswer]:
        """Send one bulk upsert and return the outcome of each item, in their order.

        Args:
            body: the JSON array of `{"entity", "payload"}` objects.
            count: how many they are.
            headers: besides the usual ones; `wire.FLATTENED` where payloads hold attribute values.

        Raises:
            RequestFailed: all, some or none of it may have been carried out where `may_be_done` says so.
            NoAccess: the token was refused and so was the sign-in; nothing was carried out.
        """
        request = Request("POST", self.generation.upsert, body=body, headers=headers)
        return answers.read_items(request, await self.send(request), count=count)

    async def create(self, entity: str, payload: Mapping[str, object]) -> Record:
        """Create one record and return it as stored.

        Raises:
            RequestFailed, NoAccess: see `upsert`.
        """
        request = wire.write("POST", entity, body=payload)
        if (record := answers.read_object(request, await self.send(request))) is None:
            raise AnswerUnusable(str(request), status=answers.NOT_MODIFIED, reason="to a create")
        return record

    async def patch(self, entity: str, record_id: str, *, payload: Mapping[str, object]) -> Record | None:
        """Change fields of one record and return it as stored; None where nothing changed (304).

        Raises:
            RequestFailed, NoAccess: see `upsert`; `Refused` with status 404 where there is no such record.
        """
        request = wire.write("PATCH", wire.record_path(entity, record_id), body=payload)
        return answers.read_object(request, await self.send(request))

    async def write(
        self, method: wire.Method, path: str, *, body: Mapping[str, object] | Sequence[object]
    ) -> object:
        """Send one request that changes something and has no call of its own; None where nothing changed.

        Raises:
            RequestFailed, NoAccess: see `upsert`.
        """
        request = wire.write(method, path, body=body)
        return answers.read_json(request, await self.send(request))

    async def upload(self, body: wire.Stream, *, is_piece: bool) -> Record:
        """Send a file's content or a piece of it and return the record, or what is there of it so far.

        Raises:
            RequestFailed, NoAccess: see `upsert`; a piece may be sent again.
        """
        path = self.generation.pieces if is_piece else "File"
        request = Request("POST", path, stream=body)
        return answers.read_object(request, await self.send(request)) or {}

    def fetch(
        self, url: str, *, headers: Mapping[str, str], timeout_s: float
    ) -> AbstractAsyncContextManager[Download]:
        """Ask any address for its content; see `Transport.fetch`. No token goes there."""
        self.requests += 1
        return self._transport.fetch(url, headers=headers, timeout_s=timeout_s)

    async def delete(self, entity: str, record_id: str, *, for_good: bool = False) -> bool:
        """Delete one record; False where there was none with this id.

        Args:
            for_good: it does not go to the trash. Source: api-contract §3.1; older servers do not know it.

        Raises:
            RequestFailed, NoAccess: see `upsert`.
        """
        headers = {"permanently": "true"} if for_good else wire.NO_HEADERS
        request = Request("DELETE", wire.record_path(entity, record_id), headers=headers)
        answer = await self.send(request)
        if answers.is_missing_record(answer, self.generation):
            return False
        answers.read_json(request, answer)
        return True
