"""Logs: JSON lines into `run.log`, text or JSON on standard error. No cells above debug, never a secret."""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO
from urllib.parse import quote, quote_plus

import structlog

from etl.report import neutral

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from structlog.typing import EventDict, WrappedLogger

    from etl.api.target import Secret

# What holds the contents of cells; such facts of an event are kept at debug only.
CELL_FACTS = frozenset(
    {"value", "values", "cell", "cells", "key", "keys", "payload", "body", "record", "row_values"}
)
SECRET_FACTS = frozenset({"password", "token", "authorization", "auth", "secret", "authorization_token"})
SHORTEST = 4
"""Characters. A shorter secret is not looked for in texts: it would blot out half of every line."""


class LogFormat(StrEnum):
    """How log lines look on standard error."""

    TEXT = "text"
    JSON = "json"


class Scrubber:
    """Takes known secrets out of texts, in every form in which one travels."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._names: set[str] = set()
        self._found: re.Pattern[str] | None = None

    def hide(self, secret: Secret, *, username: str = "") -> None:
        """Keep a secret out of all texts from now on."""
        plain = secret.reveal()
        if len(plain) < SHORTEST:
            return
        # HTTP's Basic header is the pair in base64.
        pair = base64.b64encode(f"{username}:{plain}".encode()).decode()
        escaped = (json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1], repr(plain)[1:-1])
        self._forms |= {plain, *escaped, quote(plain, safe=""), quote_plus(plain), pair}
        # Who the user is stands in every summary: there a password that is the name, or a part of it, stays.
        self._names |= {username} - {""}
        # Longest first: a short form may be a part of a long one.
        forms = sorted(self._forms | self._names, key=len, reverse=True)
        self._found = re.compile("|".join(map(re.escape, forms)))

    def scrub(self, text: str) -> str:
        """Return the text with `…` in place of every secret."""
        if self._found is None:
            return text
        return self._found.sub(lambda one: one[0] if one[0] in self._names else "…", text)


class ScrubbingFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders a record, whoever made it, and takes secrets out of the finished line."""

    def __init__(self, scrubber: Scrubber, *, log_format: LogFormat) -> None:
        as_json = structlog.processors.JSONRenderer()
        super().__init__(
            processors=[
                _drop_cells,
                structlog.processors.format_exc_info,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                as_json if log_format is LogFormat.JSON else _line,
            ],
            foreign_pre_chain=[*SHARED, structlog.stdlib.ExtraAdder()],
        )
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of text."""
        return self._scrubber.scrub(super().format(record))


def _drop_cells(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take facts that may hold cells or secrets out of an event; cells stay in debug events."""
    dropped = set(SECRET_FACTS) if event.get("level") == "debug" else SECRET_FACTS | CELL_FACTS
    return {name: value for name, value in event.items() if name not in dropped}


SHARED = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def set_up(err: TextIO, scrubber: Scrubber, *, is_verbose: bool, log_format: LogFormat) -> None:
    """Send the package's log to standard error with `--verbose`; else, until `log_to`, nowhere."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    ours = logging.getLogger("etl")
    close()
    ours.propagate = False
    ours.setLevel(logging.DEBUG if is_verbose else logging.INFO)
    if is_verbose:
        handler: logging.Handler = logging.StreamHandler(err)
        handler.setLevel(logging.INFO)
        handler.setFormatter(ScrubbingFormatter(scrubber, log_format=log_format))
        ours.addHandler(handler)
    else:
        # Without any handler the standard library would print warnings by itself.
        ours.addHandler(logging.NullHandler())


class _Lines(logging.FileHandler):
    """Lines that a full disk does not take are left out: each would tell so with a traceback."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  its name in `logging`
        """Leave out a line that cannot be written; other errors are told as ever."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def log_to(path: Path, scrubber: Scrubber) -> None:
    """Write the package's log into a file as JSON lines too, appended to what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _Lines(path, encoding="utf-8", delay=True)
    handler.setFormatter(ScrubbingFormatter(scrubber, log_format=LogFormat.JSON))
    logging.getLogger("etl").addHandler(handler)


def close() -> None:
    """Take off and close what `set_up` and `log_to` attached."""
    ours = logging.getLogger("etl")
    for handler in _attached(ours.handlers):
        ours.removeHandler(handler)
        with suppress(OSError):  # of a full disk; what ended the run was said
            handler.close()


def _attached(handlers: Iterable[logging.Handler]) -> list[logging.Handler]:
    return [
        h for h in handlers if isinstance(h.formatter, ScrubbingFormatter) or type(h) is logging.NullHandler
    ]


def _line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    facts = dict(event)
    head = f"{facts.pop('timestamp', '')} {facts.pop('level', '')}: {facts.pop('event', '')}"
    trace = facts.pop("exception", "")
    facts.pop("logger", None)
    tail = "".join(f" {name}={value}" for name, value in facts.items() if value is not None)
    return neutral(head + tail) + (f"\n{neutral(trace, keep=chr(10))}" if trace else "")
