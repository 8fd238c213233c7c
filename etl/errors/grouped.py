"""What fails in a group of tasks, told as if it had failed alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def ungrouped() -> Iterator[None]:
    """Let the first failure of an `asyncio.TaskGroup` out by itself, with the whole group as its cause."""
    try:
        yield
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
