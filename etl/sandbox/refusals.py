"""What the sandbox answers instead of a record: refusals with the status and text AtroCore would give."""

from __future__ import annotations


class Refusal(Exception):
    """An answer that is not a success; `status` is HTTP's, `text` the plain body."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        #: the number that a bulk item shows as "Code: …"
        self.code = status
        #: False for answers that PHP gives before AtroCore can: they have no X-Status-Reason
        self.has_reason = True


class NotModified(Refusal):
    """An update that changes nothing."""

    def __init__(self) -> None:
        super().__init__(304)


class BadRequest(Refusal):
    """Refused data."""

    def __init__(self, text: str = "") -> None:
        super().__init__(400, text)


class NotFound(Refusal):
    """No such record, with an empty text; or no such action, with a sentence."""

    def __init__(self, text: str = "") -> None:
        super().__init__(404, text)


class Conflict(Refusal):
    """`_prev` differs from what is stored."""

    def __init__(self, text: str = "") -> None:
        super().__init__(409, text)


class SqlError(Refusal):
    """A database error, which AtroCore answers with status 200 and the error as text.

    Source: observed on 1.10 and 2.1 (success is told by the content type and X-Status-Reason only).
    """

    def __init__(self, text: str) -> None:
        super().__init__(200, text)
        self.code = 7


class PhpError(Refusal):
    """An error inside the server: 500 for the whole request without text, code 0 in a bulk item."""

    def __init__(self, text: str = "") -> None:
        super().__init__(500, "")
        self.code = 0
        self.item_text = text
        self.has_reason = False


class NoRoute(Refusal):
    """No such route: 404 with a page instead of a sentence."""

    def __init__(self) -> None:
        super().__init__(
            404, "<html><head><title>404</title></head><body><h1>No such page</h1></body></html>"
        )
        self.has_reason = False


class Unfinished(Refusal):
    """Something that this generation answers with a note instead of JSON, status 200."""

    def __init__(self, text: str) -> None:
        super().__init__(200, text)
        self.has_reason = False


class Crash(Exception):
    """A PHP type error outside of what a bulk call catches: 500, empty, and what was done before stays."""
