"""Faults while the sandbox runs: which one strikes a request, and what it does to bulk items and answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from etl.sandbox.calls import HTML, JSON, Answer
from etl.sandbox.fault_specs import Fault, read_faults
from etl.sandbox.refusals import SqlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.sandbox.calls import Call
    from etl.sandbox.metadata import JsonObject, JsonValue

_PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We are back soon</body></html>"
_GATEWAY = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr></body></html>"
SLOW_REQUESTS = 10
"""How many requests after the start are slow: each a little less than the one before."""


class Died(Exception):
    """The server died in the middle of a bulk call; what was stored stays."""


class Faults:
    """The faults that are switched on."""

    def __init__(self, text: str = "", seed: int | None = None) -> None:
        self._seed = seed
        self._faults = read_faults(text, seed)
        self._requests = 0

    def replace(self, text: str, seed: int | None = None) -> None:
        """Switch these faults on, and all others off."""
        self._seed = seed if seed is not None else self._seed
        self._faults = read_faults(text, self._seed)
        self._requests = 0

    def report(self) -> JsonObject:
        """Return what is switched on and how often each struck."""
        fired: JsonObject = {name: fault.fired for name, fault in self._faults.items()}
        return {
            "faults": ",".join(fault.text() for fault in self._faults.values()),
            "fired": fired,
            "seed": self._seed,
        }

    def strikes(self, name: str) -> bool:
        """Say whether a fault strikes this request."""
        fault = self._faults.get(name)
        return fault is not None and fault.strikes()

    def delay_s(self) -> float:
        """Return how long this request waits: the latency, and more just after the start."""
        delay = self._time("latency")
        if self._requests < SLOW_REQUESTS:
            delay += self._time("slow_start") * (1 - self._requests / SLOW_REQUESTS)
        self._requests += 1
        return delay

    def _time(self, name: str) -> float:
        fault = self._faults.get(name)
        if fault is None:
            return 0.0
        fault.fired += 1
        return fault.amount

    def limit(self, name: str) -> int | None:
        """Return the bytes that `max_body` or `max_uri` allow."""
        fault = self._faults.get(name)
        return int(fault.amount) if fault is not None else None

    def struck_size(self, name: str) -> None:
        """Count that a limit was met."""
        self._faults[name].fired += 1

    def instead(self) -> Answer | None:
        """Return the answer of something in front of the server, which sees nothing of the request."""
        for name, fault in self._faults.items():
            if re.fullmatch(r"http[45]\d\d", name) and fault.strikes():
                return _gateway(int(name[4:]))
        if self.strikes("page_html"):
            return Answer(200, _PAGE, HTML)
        if self.strikes("sql200"):
            error = SqlError("SQLSTATE[40P01]: deadlock detected")
            return Answer(200, error.text.encode(), HTML, {"X-Status-Reason": error.text})
        return None

    def dying(self, items: int) -> Callable[[int], None] | None:
        """Return what is called before each item of a bulk call that dies in the middle; None if it lives."""
        if items < 2 or not self.strikes("die_mid_batch"):
            return None
        last = items // 2

        def before_item(number: int) -> None:
            if number >= last:
                raise Died

        return before_item

    def breaking_off(self) -> Callable[[], bool]:
        """Return what says of each record whether it is stored without its relations."""
        return lambda: self.strikes("half_stored")

    def spoil(self, answer: Answer, call: Call) -> Answer:
        """Return a bulk answer with items missing or wrongly failed, if such a fault strikes."""
        spoiled = "short_answer" in self._faults or "failed_but_stored" in self._faults
        if not spoiled or answer.status != 200 or answer.content_type != JSON or not is_bulk(call):
            return answer
        items: JsonValue = orjson.loads(answer.body)
        if not isinstance(items, list) or not items:
            return answer
        changed = False
        if self.strikes("short_answer"):
            items, changed = items[: max(len(items) - 1, 0)], True
        if self._faults.get("failed_but_stored"):
            for number, item in enumerate(items):
                if isinstance(item, dict) and item.get("stored") and self.strikes("failed_but_stored"):
                    items[number], changed = failed_item(item), True
        return Answer(200, orjson.dumps(items), JSON, answer.headers) if changed else answer

    def __contains__(self, name: str) -> bool:
        return name in self._faults


def failed_item(item: JsonObject) -> JsonValue:
    """Return what a stored item looks like where the server reports it as failed."""
    if isinstance(item.get("entity"), str):
        return {"status": "Failed", "stored": False, "code": 500, "message": "a listener failed"}
    return {"status": "Failed", "stored": False, "message": "Code: 500. Message: a listener failed"}


def is_bulk(call: Call) -> bool:
    """Say whether a request is the bulk call."""
    return call.method == "POST" and call.path in {("MassActions", "action", "upsert"), ("upsert",)}


def too_large(status: int) -> Answer:
    """Return what a proxy answers to what is too large."""
    return _gateway(status)


def _gateway(status: int) -> Answer:
    headers = {"Retry-After": "1"} if status in {429, 503} else {}
    return Answer(status, _GATEWAY.format(status).encode(), HTML, headers)


__all__ = ["Died", "Fault", "Faults", "failed_item", "is_bulk", "too_large"]
