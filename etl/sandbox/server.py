"""The server around the routes: sockets, threads, sign-in, faults, and the model of a slow server."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import struct
import tempfile
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import orjson
from aiohttp import web

from etl.sandbox import audits, contents, control, faults, files, routes, storage
from etl.sandbox.attribute_types import language_suffix
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.calls import HTML, Answer, Call, refusal_answer
from etl.sandbox.first_records import store_first_records
from etl.sandbox.generations import GENERATIONS
from etl.sandbox.instance import Instance, Session, open_database
from etl.sandbox.metadata import JsonValue, read_schema
from etl.sandbox.options import OpenToOthers, Options
from etl.sandbox.other_writer import OtherWriter
from etl.sandbox.query import read_query
from etl.sandbox.refusals import BadRequest, Crash, NoRoute, Refusal
from etl.sandbox.signin import Accounts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Iterator

MAX_URI_BYTES = 8192
"""nginx's own limit of a request line. Source: observed (414 above 8 KB)."""
_READERS = 2
_REMEMBERED_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came, for tests that count."""

    method: str
    path: str
    """With the query, as it was sent."""
    status: int
    """0 where nothing was answered."""
    body_bytes: int


class Sandbox:
    """A running sandbox. `requests` are the last ten thousand requests, oldest first."""

    def __init__(self, options: Options) -> None:
        if options.is_refused:
            raise OpenToOthers(options.host)
        self.options = options
        generation = GENERATIONS[options.generation]
        given = options.metadata
        raw = orjson.loads(given.read_bytes()) if given else builtin_metadata(generation, options.languages)
        schema = read_schema(raw)
        self._temporary = tempfile.TemporaryDirectory(prefix="atro-sandbox-") if options.db is None else None
        path = options.db or Path(self._temporary.name if self._temporary else ".") / "sandbox.sqlite"
        if options.from_snapshot is not None:
            _restore_snapshot(options.from_snapshot, path)
        self.instance = Instance(path, generation, schema=schema, seed=options.seed, clock=options.clock)
        self.instance.checks_conflicts = options.checks_conflicts
        self.instance.languages = options.languages
        accounts = Accounts(self.instance, username=options.username, password=options.password)
        self.site = routes.Site(self.instance, accounts)
        store_first_records(self.instance)
        self.faults = faults.Faults(options.faults, options.seed)
        self.requests: deque[Seen] = deque(maxlen=_REMEMBERED_REQUESTS)
        self.port = options.port
        self._other = OtherWriter(options.seed)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sandbox-write")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sandbox-read")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._runner: web.ServerRunner | None = None
        self._slots: asyncio.Semaphore | None = None
        self._hanging = asyncio.Event()

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://{self.options.host}:{self.port}"

    @property
    def username(self) -> str:
        """Who may sign in."""
        return self.options.username

    @property
    def password(self) -> str:
        """With what."""
        return self.options.password

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, db: Path | None = None, **fields: object) -> AsyncIterator[Sandbox]:
        """Run a sandbox in this event loop; `fields` are those of Options."""
        sandbox = cls(Options(db=db, **fields))  # type: ignore[arg-type]  # the dataclass takes its own fields
        await sandbox.start()
        try:
            yield sandbox
        finally:
            await sandbox.stop()

    async def start(self) -> None:
        """Listen."""
        self._slots = asyncio.Semaphore(self.options.workers) if self.options.workers else None
        server = web.Server(self._handle, max_line_size=1 << 22, max_field_size=1 << 20, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, self.options.host, self.options.port).start()
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening, write the snapshot that was asked for, and close the database."""
        self._hanging.set()
        if self._runner is not None:
            await self._runner.cleanup()
        self._writer.shutdown()
        self._readers.shutdown()
        if self.options.snapshot is not None:
            storage.copy_into(self.instance.writer, self.options.snapshot)
        for connection in self._connections:
            connection.close()
        self.instance.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def cron(self) -> int:
        """Run what AtroCore's cron would, jobs and tokens that are over; return the number of jobs."""
        return self._writer.submit(self._locked_cron).result()

    def _locked_cron(self) -> int:
        with self._transaction() as session:
            return control.tick(self.site, session)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = b"".join([part async for part in request.content.iter_any()])
        path, _, query = request.raw_path.partition("?")
        parts = tuple(unquote(part) for part in self._inner(path).strip("/").split("/"))
        method = "GET" if request.method == "HEAD" else request.method
        site = f"http://{request.headers.get('Host', '')}"
        call = Call(method, parts, read_query(query), request.headers, raw, request.remote or "", site)
        if path.startswith("/sandbox/"):
            return _response(await self._controlled(path, call), request.method)
        try:
            answer = await self._faulty(request, path, call)
        except faults.Died:
            answer = None
        self.requests.append(Seen(request.method, request.raw_path, answer.status if answer else 0, len(raw)))
        if answer is None:
            return _cut(request)
        if self.faults.strikes("truncate"):
            return await _truncated(request, answer)
        return _response(answer, request.method)

    def _inner(self, path: str) -> str:
        base = self.instance.generation.base
        return path.removeprefix(base)

    async def _controlled(self, path: str, call: Call) -> Answer:
        loop = asyncio.get_running_loop()
        if path == "/sandbox/cron" and call.method == "POST":
            jobs: JsonValue = await loop.run_in_executor(self._writer, self._locked_cron)
            return control.done({"jobs": jobs})
        return (
            control.faults_answer(self.faults, call)
            if path == "/sandbox/faults"
            else refusal_answer(NoRoute())
        )

    async def _faulty(self, request: web.BaseRequest, path: str, call: Call) -> Answer | None:
        """Return the answer with whatever faults strike; None where the connection is cut."""
        delay = self.faults.delay_s()
        if delay:
            await asyncio.sleep(delay)
        if self.faults.strikes("reset"):
            return None
        for name, size, status in (("max_body", len(call.raw), 413), ("max_uri", len(request.raw_path), 414)):
            limit = self.faults.limit(name)
            if limit is not None and size > limit:
                self.faults.struck_size(name)
                return faults.too_large(status)
        if len(request.raw_path) > MAX_URI_BYTES:
            return faults.too_large(414)
        instead = self.faults.instead()
        if instead is not None:
            return instead
        await self._spoil_accounts(call)
        answer = self.faults.spoil(await self._answer(request, path, call), call)
        if self.faults.strikes("hang_after_commit"):
            await self._hanging.wait()
            return None
        return None if self.faults.strikes("reset_after_commit") else answer

    async def _spoil_accounts(self, call: Call) -> None:
        if self.faults.strikes("lockout"):
            self.site.accounts.lock_out(call.address)
        if not routes.is_sign_in(call) and self.faults.strikes("expire_token"):
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._writer, self.site.accounts.destroy_all)

    async def _answer(self, request: web.BaseRequest, path: str, call: Call) -> Answer:
        if request.method == "OPTIONS":
            return Answer(200, b"", HTML)
        try:
            if not path.startswith(self.instance.generation.base) and not routes.is_at_root(call):
                raise NoRoute
            if not routes.is_open(call):
                self.site.accounts.check_token(request.headers)
        except Refusal as refusal:
            return refusal_answer(refusal)
        if self._slots is None:
            return await self._work(call)
        async with self._slots:
            return await self._work(call)

    async def _work(self, call: Call) -> Answer:
        cost = self.options.cost_per_request_s
        if self.options.cost_per_record_s:
            cost += self.options.cost_per_record_s * _records_in(call)
        if cost:
            await asyncio.sleep(cost)
        loop = asyncio.get_running_loop()
        if not routes.is_sign_in(call) and self.faults.strikes("other_writer"):
            await loop.run_in_executor(self._writer, self._somebody_else)
        if routes.reads_only(call):
            return await loop.run_in_executor(self._readers, self._read, call)
        fetched: bytes | None = None
        url = routes.address_to_fetch(call)
        if url is not None:
            try:
                fetched = await loop.run_in_executor(
                    None, contents.download, url, files.url_headers(_object(call.body()))
                )
            except Refusal as refusal:
                return refusal_answer(refusal)
        return await loop.run_in_executor(self._writer, self._write, call, fetched)

    def _read(self, call: Call) -> Answer:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = open_database(self.instance.path)
            self._connections.append(connection)
        return self._routed(call, Session(self.instance, connection))

    def _write(self, call: Call, fetched: bytes | None) -> Answer:
        with self._transaction() as session:
            session.fetched = fetched
            session.breaks_off = self.faults.breaking_off()
            dying = "die_mid_batch" in self.faults and faults.is_bulk(call)
            self.site.before_item = self.faults.dying(_records_in(call)) if dying else None
            return self._routed(call, session)

    def _somebody_else(self) -> None:
        with self._transaction() as session:
            self._other.act(session)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Session]:
        """Hold the writing connection; everything that was stored is committed, whatever happens."""
        instance = self.instance
        with instance.lock:
            # Counted before and after, so that what is read in between is not remembered as if it were later.
            instance.writes += 1
            instance.writer.execute("BEGIN IMMEDIATE")
            try:
                yield Session(instance, instance.writer)
            finally:
                instance.writer.execute("COMMIT")
                instance.writes += 1

    def _routed(self, call: Call, session: Session) -> Answer:
        session.flatten = call.flag("Flatten-Attributes")
        session.meta = call.flag("With-Meta")
        session.site = call.site
        session.delegator = call.headers.get(audits.HEADER, "")
        try:
            session.language = _language(self.instance, call.headers.get("Language", "main"))
            return routes.answer(self.site, session, call)
        except Refusal as refusal:
            return refusal_answer(refusal)
        except Crash:
            return Answer(500, b"", HTML)


def _language(instance: Instance, header: str) -> str:
    if header in {"", "main", "en_US"}:
        return ""
    if header not in instance.languages:
        raise BadRequest(f"no language {header!r}")
    return language_suffix(header)


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _records_in(call: Call) -> int:
    """Return how many records a request is about, as far as its body tells."""
    if call.method == "GET":
        return 0
    body = call.body() if faults.is_bulk(call) else None
    return len(body) if isinstance(body, (list, dict)) else 1


def _response(answer: Answer, method: str) -> web.Response:
    headers = {**answer.headers, "Content-Type": answer.content_type}
    if answer.status == 304:
        del headers["Content-Type"]
    return web.Response(status=answer.status, body=b"" if method == "HEAD" else answer.body, headers=headers)


def _cut(request: web.BaseRequest) -> web.Response:
    """End the connection without an answer, the hard way."""
    transport = request.transport
    if transport is not None:
        plain: socket.socket | None = transport.get_extra_info("socket")
        if plain is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _truncated(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Announce the whole answer and send half of it."""
    response = web.StreamResponse(
        status=answer.status, headers={**answer.headers, "Content-Type": answer.content_type}
    )
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _restore_snapshot(snapshot: Path, path: Path) -> None:
    if path.exists():
        raise FileExistsError(path)
    shutil.copyfile(snapshot, path)
