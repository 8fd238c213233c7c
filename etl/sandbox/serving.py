"""The server around the routes: sockets, threads, sign-in, faults, the model of a slow server."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import orjson
from aiohttp import web

from etl.sandbox import routes
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.calls import HTML, Answer, Call, refusal_answer
from etl.sandbox.generations import GENERATIONS
from etl.sandbox.instance import Instance, Session
from etl.sandbox.metadata import read_schema
from etl.sandbox.query import read_query
from etl.sandbox.refusals import Crash, NoRoute, Refusal
from etl.sandbox.signin import Accounts
from etl.sandbox.storage import connect

MAX_BODY_BYTES = 1 << 30
MAX_URI_BYTES = 8192
"""nginx's own limit of a request line. Source: observed (414 above 8 KB)."""
_READERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a sandbox is started."""

    generation: str = "2.2"
    """1.10, 2.1, 2.2 or 2.3."""
    db: Path | None = None
    """The database; None is a temporary one."""
    metadata: Path | None = None
    """A `GET /Metadata` answer to take the schema from; None is the built-in schema."""
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one."""
    username: str = "admin"
    password: str = field(default="admin", repr=False)
    faults: str = ""
    """A fault specification; "" is none."""
    seed: int | None = None
    """Makes faults and server-made ids repeatable."""
    workers: int | None = None
    """How many requests are handled at a time; None is without limit."""
    cost_per_request_s: float = 0.0
    """Time that each request takes before its first record."""
    cost_per_record_s: float = 0.0
    """Time that each record takes."""
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""


class Sandbox:
    """A running sandbox."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._temporary = tempfile.TemporaryDirectory(prefix="atro-sandbox-") if options.db is None else None
        path = options.db or Path(self._temporary.name if self._temporary else ".") / "sandbox.sqlite"
        generation = GENERATIONS[options.generation]
        raw = orjson.loads(options.metadata.read_bytes()) if options.metadata else builtin_metadata(generation)
        self.instance = Instance(path, generation, schema=read_schema(raw), seed=options.seed, clock=options.clock)
        self.site = routes.Site(self.instance, Accounts(self.instance, username=options.username, password=options.password))
        _first_records(self.instance)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sandbox-write")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sandbox-read")
        self._local = threading.local()
        self._runner: web.AppRunner | None = None
        self._slots: asyncio.Semaphore | None = None
        self.port = options.port

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
    async def open(cls, db: Path | None = None, **options: object) -> AsyncIterator[Sandbox]:
        """Run a sandbox in this event loop; `options` are the fields of Options."""
        sandbox = cls(Options(db=db, **options))  # type: ignore[arg-type]  # the fields check themselves
        await sandbox.start()
        try:
            yield sandbox
        finally:
            await sandbox.stop()

    async def start(self) -> None:
        """Listen."""
        self._slots = asyncio.Semaphore(self.options.workers) if self.options.workers else None
        server = web.Server(self._handle, max_line_size=1 << 22, max_field_size=1 << 20, access_log=None)
        runner = web.ServerRunner(server)
        await runner.setup()
        site = web.TCPSite(runner, self.options.host, self.options.port)
        await site.start()
        self._runner = runner  # type: ignore[assignment]  # both runners clean up alike
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and close the database."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._writer.shutdown()
        self._readers.shutdown()
        self.instance.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await _read_body(request)
        answer = await self._answer(request, raw)
        body = b"" if request.method == "HEAD" else answer.body
        headers = {**answer.headers, "Content-Type": answer.content_type}
        if answer.status == 304:
            del headers["Content-Type"]
        return web.Response(status=answer.status, body=body, headers=headers)

    async def _answer(self, request: web.BaseRequest, raw: bytes) -> Answer:
        if len(request.raw_path) > MAX_URI_BYTES:
            return Answer(414, b"<html><head><title>414</title></head></html>", HTML)
        path, _, query = request.raw_path.partition("?")
        base = self.instance.generation.base
        if request.method == "OPTIONS":
            return Answer(200, b"", HTML)
        if not path.startswith(base):
            return refusal_answer(NoRoute())
        parts = tuple(unquote(part) for part in path[len(base) :].strip("/").split("/"))
        site = f"http://{request.headers.get('Host', '')}"
        method = "GET" if request.method == "HEAD" else request.method
        call = Call(method, parts, read_query(query), request.headers, raw, request.remote or "", site)
        try:
            if not routes.is_open(call) and call.path != ("App", "user"):
                self.site.accounts.check_token(request.headers)
        except Refusal as refusal:
            return refusal_answer(refusal)
        if self._slots is None:
            return await self._work(call)
        async with self._slots:
            return await self._work(call)

    async def _work(self, call: Call) -> Answer:
        cost = self.options.cost_per_request_s + self.options.cost_per_record_s * _records_in(call)
        if cost:
            await asyncio.sleep(cost)
        loop = asyncio.get_running_loop()
        if routes.reads_only(call):
            return await loop.run_in_executor(self._readers, self._read, call)
        return await loop.run_in_executor(self._writer, self._write, call)

    def _read(self, call: Call) -> Answer:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self.instance.path)
        return self._routed(call, Session(self.instance, connection))

    def _write(self, call: Call) -> Answer:
        instance = self.instance
        with instance.lock:
            instance.writer.execute("BEGIN IMMEDIATE")
            try:
                return self._routed(call, Session(instance, instance.writer))
            finally:
                instance.writes += 1
                instance.writer.execute("COMMIT")

    def _routed(self, call: Call, session: Session) -> Answer:
        session.flatten = call.flag("Flatten-Attributes")
        session.meta = call.flag("With-Meta")
        session.site = call.site
        try:
            return routes.answer(self.site, session, call)
        except Refusal as refusal:
            return refusal_answer(refusal)
        except Crash:
            return Answer(500, b"", HTML)


def _records_in(call: Call) -> int:
    """Estimate how many records a request is about."""
    if call.method == "GET":
        return 0
    body = call.body()
    return len(body) if isinstance(body, (list, dict)) and call.path[:1] == ("MassActions",) else 1


async def _read_body(request: web.BaseRequest) -> bytes:
    parts = [part async for part in request.content.iter_any()]
    return b"".join(parts)


def _first_records(instance: Instance) -> None:
    """Store what every AtroCore has: the administrator, the storage, the first attribute panel."""
    first: dict[str, dict[str, str | int]] = {
        "User": {"id": "1", "name": "Admin", "userName": "admin", "isActive": 1, "isAdmin": 1},
        "Storage": {"id": "a_base", "name": "Base", "type": "local", "path": "upload/files", "isActive": 1},
        "AttributePanel": {"id": "attributeValues", "code": "attributeValues", "name": "Attributes", "entityId": "Product"},
    }
    for name, values in first.items():
        entity = instance.schema.entities.get(name)
        if entity is None or instance.writer_row(f'SELECT 1 FROM "{name}" LIMIT 1', ()):
            continue
        kept = {key: value for key, value in values.items() if entity.has(key)}
        columns = ", ".join(f'"{key}"' for key in kept)
        marks = ", ".join("?" * len(kept))
        instance.writer.execute(f'INSERT INTO "{name}" ({columns}) VALUES ({marks})', tuple(kept.values()))


async def serve(options: Options, *, say: Callable[[str], None]) -> None:
    """Run until cancelled; `say` gets one line when it listens."""
    sandbox = Sandbox(options)
    await sandbox.start()
    say(f"sandbox ready at {sandbox.url}  user {sandbox.username}  password {sandbox.password}")
    try:
        await asyncio.Event().wait()
    finally:
        await sandbox.stop()


@contextlib.contextmanager
def run_in_thread(options: Options | None = None, **fields: object) -> Iterator[Sandbox]:
    """Run a sandbox in a thread of its own, for blocking callers; `fields` are those of Options."""
    sandbox = Sandbox(options or Options(**fields))  # type: ignore[arg-type]  # the fields check themselves
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result()
        yield sandbox
    finally:
        asyncio.run_coroutine_threadsafe(sandbox.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
