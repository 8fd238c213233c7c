"""The families of exceptions: what each means for a run, and its exit code."""

from __future__ import annotations


class EtlError(Exception):
    """A run that cannot go on. `str()` is the whole message: where, what, and what to do."""

    exit_code = 1


class Unusable(EtlError):
    """The mapping, the configuration or the source cannot be used; nothing was sent."""

    exit_code = 3


class NoAccess(EtlError):
    """The server cannot be reached or does not let us in; nothing was sent."""

    exit_code = 4


class RequestFailed(EtlError):
    """One request failed. The caller decides what that means for its rows and for the run."""

    exit_code = 7
    may_be_done = True
    """Whether the server may have carried it out."""

    def __init__(
        self, request: str, *, status: int = 0, reason: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(request, status, reason, retry_after_s)
        self.request, self.status, self.reason, self.retry_after_s = request, status, reason, retry_after_s

    def __str__(self) -> str:
        """Say which request and what came back."""
        answer = f"answered {self.status}" if self.status else "got no answer"
        return f"{self.request} {answer}{': ' + self.reason if self.reason else ''}"


class HeldBack(EtlError):
    """A guard stopped the run before anything was sent."""

    exit_code = 6
    lifted_by = ""
    """The option with which the run goes on all the same; empty: there is none."""


class Stopped(EtlError):
    """The run stopped after something was sent; `resume` goes on."""

    exit_code = 7
