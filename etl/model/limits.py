"""How much at once, how long, and how far a run is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once, and how long. Shown in the report."""

    batch_rows: int = 100
    """Records per request, at most."""
    batch_bytes: int = 900_000
    """Bytes of a request body, at most. nginx refuses bodies over 1 MB unless it is told otherwise."""
    in_flight: int = 4
    """Requests at once, at most."""
    lookup_keys: int = 100
    """Values in one `in` filter, at most."""
    lookup_url_bytes: int = 6000
    """Bytes of the address of one look-up, at most. nginx answers 414 above 8 KB."""
    page_records: int = 1000
    """Records per page when an entity is read whole; an export grows its pages up to five times that."""
    request_timeout_s: float = 120.0
    """For one request, from connecting to the last byte."""
    attempts: int = 5
    """Requests in a row without an answer, after which a run stops."""
    silence_s: float = 120.0
    """Seconds without any answer, after which a run stops."""
    frame_rows: int = 5000
    """Rows per frame."""

    def __post_init__(self) -> None:
        """Refuse limits under which nothing could ever be sent.

        Raises:
            ValueError: one of them is not positive.
        """
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


Phase = Literal["scan", "send", "export", "upload"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; handed to the listener some times a second at most."""

    phase: Phase
    rows: int
    """Rows done in this phase; files, where they are uploaded."""
    rows_total: int | None
    """None: not known."""
    failed: int = 0
    """Rows failed or invalid so far."""
    bytes_done: int = 0
    """Of files that are uploaded: so much has arrived."""
    file: str = ""
    """Name of the file that something of arrived last; empty: none."""
    file_bytes: int = 0
    """Size of that file; 0: not known."""
    file_bytes_done: int = 0


ProgressListener: TypeAlias = "Callable[[Progress], None]"
"""Called from the thread of the run; must return at once."""
