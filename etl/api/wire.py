"""Requests and answers of the REST API as values: no I/O. `answers.py` reads what came back.

Each fact about the protocol carries its source above the line that relies on it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from enum import StrEnum
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import orjson

from etl.api.where import Scalar, Where, any_of, encode, encoded, split_texts, text_of, to_parameters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from etl.api.generations import Generation

Json: TypeAlias = Any
"""Anything that JSON can say."""

Record: TypeAlias = dict[str, Any]
"""A record as the server sent it: payload key -> value, with whatever else it sends along."""

Records: TypeAlias = list[Record]
"""Records in the server's order, where nothing else is said."""

Method: TypeAlias = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]


NO_HEADERS: Mapping[str, str] = MappingProxyType({})
# Source: AtroCore REST API, "Flattened Format": attribute values beside the fields need it.
FLATTENED: Mapping[str, str] = MappingProxyType({"Flatten-Attributes": "true"})


class Sink(Protocol):
    """Takes a body that is too large for memory."""

    def begin(self) -> None:
        """Drop what came so far: this is the first byte."""

    def take(self, piece: bytes) -> None:
        """Add a piece."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A body that is made while it is sent, so that no copy of it lies in memory."""

    length_bytes: int
    slices: Callable[[], Iterator[bytes]]
    """Called for each try; what it yields is sent one after the other."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, complete but for the host and the token."""

    method: Method
    path: str
    """Below the API's base path: `Product/a01`."""
    query: str = ""
    """Encoded, without the question mark."""
    body: bytes | None = field(default=None, repr=False)
    """JSON; None: no body. Not shown: it may hold a token, and holds the user's values."""
    stream: Stream | None = field(default=None, repr=False)
    """The body instead, made while it is sent."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Besides those that every request has."""
    is_at_root: bool = False
    """The path is below the site's root, as those of files are."""
    sink: Sink | None = field(default=None, repr=False, compare=False)
    """Takes the body of a successful answer; None: the answer holds it."""

    def __str__(self) -> str:
        """Name it for messages, without its query: that may be long and holds the user's values."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    """Not shown: it may hold a token."""
    reason: str = ""
    """X-Status-Reason: empty where there is none."""
    retry_after_s: float | None = None
    """Seconds, from Retry-After; None: not said."""
    location: str = ""
    """Of a redirect: where to, without query."""
    date: str = ""
    """The server's time, as its Date header says it; empty: not said."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a list, in the server's order."""

    total: int | None
    """Records that fit the filter, on all pages; None: the server does not count this entity."""
    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Session:
    """What the server tells about who signed in."""

    user: str
    """Name for signing in; empty: not told."""
    is_admin: bool = False
    version: str = ""
    """Of the core, for example `2.1.25`; empty: not told."""
    max_upload_mib: int | None = None
    """Largest request that PHP takes; None: not told."""
    acl: Mapping[str, Any] = field(default_factory=dict)
    """Rights by entity, as told: `{"Product": {"create": "yes", "read": "all", …}}`, or true or false for an
    entity without levels; empty: not told."""
    keeps_history: bool | None = None
    """True: what we do is written into the action history, record by record; None: not told."""
    checks_conflicts: bool | None = None
    """True: `_prev` is held against what stands there; None: not told."""


class ItemKind(StrEnum):
    """What the server says became of one item of a bulk upsert."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """The answer for one item of a bulk upsert."""

    kind: ItemKind
    code: int | None = None
    """Of a failed item: like an HTTP status, or what the database or PHP gave; None: not told."""
    text: str = ""
    """Of a failed item: the server's words, in the server's language. Nothing may be decided by them."""
    modified_at: str | None = None
    """`2026-11-21 18:23:56` in UTC, as stored by this item; None: not told."""


def sign_in(generation: Generation) -> Request:
    """Return the request that exchanges user and password for a token; the client adds these.

    Lifetime and idle time 0 (never ends) are said, not left out: tokens without own times are deleted by
    every request while AtroCore updates itself. Source: api-contract §1.1, §1.2; quirk 19.
    """
    return Request(
        "GET",
        generation.sign_in,
        headers=MappingProxyType(
            {
                "Authorization-Token-Only": "true",
                "Authorization-Token-Lifetime": "0",
                "Authorization-Token-Idletime": "0",
            }
        ),
    )


def who_am_i(generation: Generation) -> Request:
    """Return the request for user, rights and limits of a token. Source: api-contract §1.1."""
    return Request("GET", generation.sign_in)


def sign_out(token: str) -> Request:
    """Return the request that ends a token.

    Only the part of it behind the user's name is known there. Source: api-contract §1.1, §1.2.
    """
    raw = base64.b64decode(token + "==", validate=False).decode("utf-8", errors="replace").rpartition(":")[2]
    return write("POST", "App/action/destroyAuthToken", body={"token": raw})


def list_records(
    entity: str,
    *,
    select: Sequence[str] = (),
    where: Where = (),
    offset: int = 0,
    max_size: int | None = None,
    sort_by: str | None = None,
    asc: bool | None = None,
    total_only: bool = False,
) -> Request:
    """Return the request for some records of an entity. Source: api-contract §4."""
    parameters: list[tuple[str, str]] = []
    if select:
        parameters.append(("select", ",".join(select)))
    if offset:
        parameters.append(("offset", str(offset)))
    if max_size is not None:
        # A negative maxSize is an SQL error with status 200. Source: observations, "Lists".
        if max_size < 1:
            raise ValueError(f"max_size must be positive, got {max_size}")
        parameters.append(("maxSize", str(max_size)))
    if sort_by is not None:
        parameters.append(("sortBy", sort_by))
    if asc is not None:
        # Anything but these two words in lower case means descending. Source: api-contract §4; quirk 16.
        parameters.append(("asc", "true" if asc else "false"))
    if total_only:
        parameters.append(("totalOnly", "true"))
    parameters.extend(to_parameters(where))
    return Request("GET", entity, query=encode(parameters))


def look_ups(
    entity: str,
    field_name: str,
    *,
    values: Sequence[Scalar],
    select: Sequence[str],
    where: Where = (),
    url_bytes: int,
    keys: int,
    base_bytes: int = 0,
) -> list[Request]:
    """Return as few requests as possible that together find all records whose field has one of `values`.

    Args:
        url_bytes: how long an address may be, in bytes.
        keys: values in one request, at most.
        base_bytes: length of the address before the entity's name.
    """
    if not values:
        return []
    # Sorted by id, so that a list longer than one page can be read on without gaps. Source: quirk 16.
    first = list_records(
        entity,
        select=select,
        where=(*where, any_of(field_name, values[:1])),
        max_size=LOOK_UP_RECORDS,
        sort_by="id",
        asc=True,
    )
    texts = [encoded(text_of(value)) for value in values]
    name = f"&where[{len(where)}][value][]="
    # The values are the last thing in the query, so more of them are put behind it.
    bare = first.query[: len(first.query) - len(name) - len(texts[0])]
    pieces = split_texts(
        texts,
        query_bytes=url_bytes,
        keys=keys,
        fixed_bytes=base_bytes + len(entity) + len("?") + len(bare),
        name_bytes=len(name),
    )
    return [Request("GET", entity, query=bare + name + name.join(piece)) for piece in pieces]


LOOK_UP_RECORDS = 1000
"""Records asked for at once by a look-up; more are read page by page."""


def write(method: Method, path: str, *, body: Mapping[str, Any] | Sequence[Any] | None = None) -> Request:
    """Return a request that changes something, with a JSON body or none."""
    return Request(method, path, body=None if body is None else orjson.dumps(body))


def record_path(entity: str, record_id: str) -> str:
    """Return the path of one record; ids are encoded, so that none of them can name another path."""
    return f"{entity}/{encode([('', record_id)])[1:]}"


def get_record(entity: str, record_id: str, *, select: Sequence[str] = ()) -> Request:
    """Return the request for one record."""
    query = encode([("select", ",".join(select))]) if select else ""
    return Request("GET", record_path(entity, record_id), query=query)


def from_offset(request: Request, offset: int) -> Request:
    """Return the request for a list from its `offset`-th record (0-based) on."""
    return replace(request, query=f"{request.query}&offset={offset}") if offset else request


LARGE_BYTES = 1 << 20


def in_pieces(request: Request) -> bytes | BytesIO | AsyncIterator[bytes] | None:
    """Return a request's body as it is sent.

    aiohttp writes bytes in one go, which holds up everything else, and warns of that above 1 MiB.
    """
    if request.stream is not None:
        return _streamed(request.stream)
    body = request.body
    return body if body is None or len(body) < LARGE_BYTES else BytesIO(body)


async def _streamed(stream: Stream) -> AsyncIterator[bytes]:
    for part in stream.slices():
        yield part


def length_of(request: Request) -> Mapping[str, str]:
    """Return the header that tells the length of a streamed body: PHP is not asked to read chunks."""
    return {} if request.stream is None else {"Content-Length": str(request.stream.length_bytes)}
