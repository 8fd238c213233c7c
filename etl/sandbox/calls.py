"""Requests and answers as values: what a route gets, what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from etl.sandbox import php

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.sandbox.metadata import JsonObject, JsonValue
    from etl.sandbox.refusals import Refusal

JSON = "application/json"
HTML = "text/html"


@dataclass(slots=True)
class Call:
    """One request."""

    method: str
    path: tuple[str, ...]
    """Parts of the path behind the base, decoded."""
    query: JsonObject
    """Parameters as PHP reads them."""
    headers: Mapping[str, str]
    raw: bytes
    """The body as it came."""
    address: str
    """Of the client."""
    site: str = ""
    """`http://host:port` as the client named it."""
    _decoded: list[JsonValue] = field(default_factory=list)

    @property
    def is_json(self) -> bool:
        """Say whether the body is announced as JSON."""
        return "application/json" in self.headers.get("Content-Type", "")

    def body(self) -> JsonValue:
        """Return the decoded body; None where it is no JSON, the text itself where it is not called JSON."""
        if not self._decoded:
            self._decoded.append(self._decode())
        return self._decoded[0]

    def _decode(self) -> JsonValue:
        if not self.is_json or not self.raw:
            return self.raw.decode("utf-8", "replace")
        try:
            value: JsonValue = orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            return None
        return value

    def flag(self, header: str) -> bool:
        """Say whether a header is `true` or `1`."""
        return self.headers.get(header, "") in {"true", "1"}

    def ids(self) -> list[str]:
        """Return the ids of a DELETE: `ids` or `id` of the query, or of the body."""
        given = self.query.get("ids", self.query.get("id"))
        if given is None:
            body = self.body()
            given = body.get("ids", body.get("id")) if isinstance(body, dict) else None
        if isinstance(given, list):
            return [str(one) for one in given]
        return str(given).split(",") if given else []


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(value: JsonValue) -> Answer:
    """Return a JSON value as an answer."""
    return Answer(200, orjson.dumps(value))


def refusal_answer(refusal: Refusal) -> Answer:
    """Return a refusal: plain text under text/html, and the same text in X-Status-Reason.

    Source: observed on 1.10 and 2.1.
    """
    text = refusal.text
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    headers = {"X-Status-Reason": shown.strip()} if refusal.has_reason else {}
    if getattr(refusal, "asks", False):
        headers["WWW-Authenticate"] = 'Basic realm=""'
    return Answer(refusal.status, b"" if refusal.status == 304 else text.encode(), HTML, headers)


def text_parameter(value: JsonValue) -> str:
    """Return a query parameter as text; "" where it is none."""
    return (
        value
        if isinstance(value, str)
        else php.to_text(value)
        if isinstance(value, (bool, int, float))
        else ""
    )
