"""Sends batches, some at once, and yields their outcomes.

Every payload carries its id, so any of them can be sent again; a request without an answer is never called
failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.delivery.flight import Flight
from etl.delivery.sender import Sender
from etl.errors import EtlError, Interrupted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from etl.api import Client, ItemAnswer, RetryClock
    from etl.delivery.drift import OnDrift
    from etl.delivery.paces import Paces
    from etl.journal import Journal
    from etl.model import Batch, Limits, Outcomes


async def deliver(
    batches: AsyncIterator[Batch | None],
    client: Client,
    *,
    journal: Journal,
    limits: Limits,
    clock: RetryClock,
    paces: Paces,
    on_drift: OnDrift = "fail",
    is_stopping: Callable[[], bool] = lambda: False,
    guard: Callable[[], None] = lambda: None,
    heard: Callable[[Batch, Sequence[ItemAnswer]], None] = lambda _batch, _answers: None,
) -> AsyncIterator[Outcomes]:
    """Yield the outcomes of batches as their answers come, not in the order of the batches.

    The next batch is asked for when a place is free: that pull is the back-pressure. What is yielded stands
    in the journal already, and whatever stands there is yielded, also of a batch that was not finished.

    Args:
        batches: None among them: what came before must have its outcomes before the next is asked for.
        clock: how long is waited between tries of a request without an answer.
        paces: how many requests are under way at once; learns from their answers.
        on_drift: what becomes of a row whose record somebody changed since it was looked up.
        is_stopping: asked before each batch, and where a try is waited for; when true, what is in flight is
            finished and the run ends.
        guard: asked before each batch too; raises what ends the run.
        heard: told each answer before its outcomes are yielded.

    Raises:
        ServerGone: no answer any more; what was in flight was waited for.
        RightsLost: the server does not let us write any more.
        NoAccess: it does not let us in any more.
        Interrupted: `is_stopping` said so.
    """
    sender = Sender(
        client,
        journal,
        limits=limits,
        clock=clock,
        paces=paces,
        on_drift=on_drift,
        is_stopping=is_stopping,
        heard=heard,
    )
    flight = Flight()
    try:
        async for batch in batches:
            leave = None if batch is None else paces.at_once(batch) - 1
            async for outcomes in _landing(flight, sender, leave=leave):
                yield outcomes
            _stop_if(is_stopping)
            guard()
            if batch is not None:
                flight.start(sender.send(batch))
        async for outcomes in _landing(flight, sender, leave=None):
            yield outcomes
    except EtlError:
        # What left is waited for, so that as little as possible stays unknown.
        await flight.rest()
        for outcomes in sender.landed():
            yield outcomes
        raise
    finally:
        flight.cancel()


async def _landing(flight: Flight, sender: Sender, *, leave: int | None) -> AsyncIterator[Outcomes]:
    """Yield outcomes until so many batches are on their way; None: until all are settled."""
    while len(flight) > (leave or 0):
        await flight.land()
        for outcomes in sender.landed():
            yield outcomes
    if leave is None:
        await sender.decide()
        for outcomes in sender.landed():
            yield outcomes


def _stop_if(is_stopping: Callable[[], bool]) -> None:
    if is_stopping():
        raise Interrupted
