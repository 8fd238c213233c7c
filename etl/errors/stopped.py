"""The run stopped after something was sent."""

from __future__ import annotations

from etl.errors.access import ServerUnreachable
from etl.errors.families import EtlError, NoAccess, Stopped
from etl.errors.requests import Refused


class ServerGone(Stopped):
    """The server stopped answering in the middle of a run."""

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        """Say why it was given up; the summary names the next command."""
        return f"{self.url} stopped answering: {self.reason}."


class RequestRefused(Stopped):
    """The server refused a request in the middle of a run that cannot do without it."""

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        """Say what it refused; asking again would bring the same."""
        return f"{self.url} refuses what the run needs: {self.reason}."


def stopped_by(failure: EtlError, url: str) -> Stopped:
    """Return why a run ends at a request that failed for good."""
    if isinstance(failure, Refused):
        return RequestRefused(url, reason=str(failure))
    if isinstance(failure, ServerUnreachable):
        return ServerGone(url, reason=failure.reason)
    if isinstance(failure, NoAccess):
        return AccessLost(url, reason=str(failure))
    return ServerGone(url, reason=str(failure))


class AccessLost(Stopped):
    """The server does not let us in any more, in the middle of a run: say, a password was changed."""

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        """Say what the sign-in brought, and that the run can go on."""
        return (
            f"{self.url} lets the run in no more, after it was begun. {self.reason} Then go on with the run."
        )


class RightsLost(Stopped):
    """The server does not let us write any more, in the middle of a run."""

    def __init__(self, url: str, *, status: int) -> None:
        super().__init__(url, status)
        self.url, self.status = url, status

    def __str__(self) -> str:
        """Say what came back."""
        return (
            f"{self.url} answered {self.status}: the user may not write any more. "
            "Check its role and its token."
        )


class LockLost(Stopped):
    """Another run took this one's lock over, for example while this machine was asleep."""

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.run = run

    def __str__(self) -> str:
        """Say that another run is at work."""
        return (
            f"another run of the same mapping took over while run {self.run} did not answer; "
            "wait until it has ended."
        )


class Interrupted(Stopped):
    """Somebody stopped the run; the requests in flight were finished."""

    exit_code = 130

    def __str__(self) -> str:
        """Say that nothing is lost."""
        return "interrupted; the requests in flight were finished."


class AttributesNotKept(Stopped):
    """The server keeps attribute values in none of the ways in which they can be written in bulk."""

    def __init__(self, attribute: str, entity: str) -> None:
        super().__init__(attribute, entity)
        self.attribute, self.entity = attribute, entity

    def __str__(self) -> str:
        """Say what was tried."""
        return (
            f'attribute "{self.attribute}" of {self.entity} was sent with one record, and reading it back '
            "showed another value. Nothing more was sent. Check the right to create attribute values."
        )


class ObjectsNotKept(Stopped):
    """The server takes linked objects and drops them."""

    def __init__(self, field: str, entity: str) -> None:
        super().__init__(field, entity)
        self.field, self.entity = field, entity

    def __str__(self) -> str:
        """Say what to write instead."""
        return (
            f"{self.entity}.{self.field} was sent as an object with one record, and the link stayed empty. "
            'Nothing more was sent. Write "send: id" in the link.'
        )
