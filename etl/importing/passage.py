"""The second pass of an import: every row from its frame to what became of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from etl.batching import make_deletions, paced_batches
from etl.delivery import deliver, unsent_outcomes
from etl.errors import EtlError, HeldBack, NoAccess, RequestFailed, ServerUnreachable, Stopped, stopped_by
from etl.model import Outcomes, Status
from etl.planning.kept import with_whole_records

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from etl.api import Client, ItemAnswer, RetryClock
    from etl.delivery import OnDrift, Paces, SentBefore
    from etl.importing.looking_back import LookingBack
    from etl.journal import Journal, Place, RowNumbers
    from etl.model import Batch, Changes, Frame, Limits, Outcome
    from etl.planning import Compared, Comparison
    from etl.planning.guards import ErrorWatch
    from etl.planning.knowing import Knowing


@dataclass(slots=True)
class Passage:
    """The second pass: what an import knows while its rows are under way."""

    comparison: Comparison
    rows: int
    """Of the source, all of them."""
    client: Client
    journal: Journal
    limits: Limits
    clock: RetryClock
    paces: Paces
    on_drift: OnDrift
    settle: Callable[[Iterable[Outcome]], None]
    """Takes the outcomes as they come."""
    is_stopping: Callable[[], bool]
    keep: Callable[[Compared], None]
    """Writes down what stands there, before it is overwritten."""
    back: LookingBack
    knowing: Knowing | None
    """Learns which rows are known from now on; None: nobody does."""
    watch: ErrorWatch
    """Stops the run when too many rows are bad."""
    sent_before: SentBefore = field(default_factory=dict)
    """What a stopped part of this run sent without an answer."""
    settled_before: Mapping[str, Mapping[Place, RowNumbers]] = field(default_factory=dict)
    """By part, rows whose outcome a stopped part of this run knows, and that are looked at again for what
    is sent after their records: that the same part of them is unchanged now is no news."""
    batches_made: int = field(default=0, init=False)
    """Requests that were made ready so far; 0: nothing can have been sent."""

    @property
    def has_sent(self) -> bool:
        """Whether anything can have been sent."""
        files = self.comparison.files
        return self.batches_made > 0 or (files is not None and files.has_sent)

    async def run(self, passes: Iterator[Iterator[Frame]]) -> None:
        """Carry all rows to the server; a pass begins when the one before has ended.

        Raises:
            Stopped: after something was sent; what is known by then has been settled.
            HeldBack: a guard stopped it.
            RequestFailed, NoAccess: the server could not be asked; nothing is half done.
        """
        self.comparison.knowing = self.knowing
        await self.comparison.prepare(self.rows)
        await self._deliver(self._batches(passes))

    async def run_further(self, all_compared: Iterable[Compared]) -> None:
        """Carry changes to the server that no row stands for, after all rows. Raises like `run`."""
        self.knowing = None
        await self._deliver(self._further(all_compared))

    async def _deliver(self, batches: AsyncIterator[Batch | None]) -> None:
        outcomes_of_batches = deliver(
            batches,
            self.client,
            journal=self.journal,
            limits=self.limits,
            clock=self.clock,
            paces=self.paces,
            on_drift=self.on_drift,
            is_stopping=self.is_stopping,
            guard=self.watch.check,
            heard=self._heard,
        )
        async for outcomes in outcomes_of_batches:
            self.comparison.refuse(outcomes)
            self._settle(outcomes)
            self.watch.landed(outcomes)
            await self.back.landed(outcomes)
        await self.back.finish()
        self.watch.check()

    async def _batches(self, passes: Iterator[Iterator[Frame]]) -> AsyncIterator[Batch | None]:
        for frames in passes:
            seen = self.watch.over(frames)
            async for compared in self.comparison.changes(seen, unsent=self._settle_unsent):
                entity = self.comparison.schema.entity(compared.changes.entity)
                self.keep(await with_whole_records(compared, self.client, entity))
                if self.knowing is not None:
                    self.knowing.planned(compared.changes)
                self._settle_unsent(unsent_outcomes(compared.changes, sent_before=self.sent_before))
                for batch in self._requests(compared.changes):
                    self.back.sending(batch)
                    yield batch
                if compared.is_needed:
                    yield None
            yield None

    async def _further(self, all_compared: Iterable[Compared]) -> AsyncIterator[Batch | None]:
        for compared in all_compared:
            entity = self.comparison.schema.entity(compared.changes.entity)
            self.keep(await with_whole_records(compared, self.client, entity))
            for batch in self._requests(compared.changes):
                yield batch

    def _requests(self, changes: Changes) -> Iterator[Batch]:
        rows, first = self.limits.batch_rows, self.batches_made + 1
        bounds = partial(self.paces.bounds, changes.entity)
        for batch in paced_batches(changes, bounds=bounds, first_number=first):
            self.batches_made = batch.number
            yield batch
        for batch in make_deletions(changes, max_rows=rows, first_number=self.batches_made + 1):
            self.batches_made = batch.number
            yield batch

    def _settle_unsent(self, outcomes: Sequence[Outcome] | Outcomes) -> None:
        if self.settled_before:
            outcomes = self._news(Outcomes.of(outcomes))
        if outcomes:
            self.journal.noted(outcomes)
            self._settle(outcomes)

    def _settle(self, outcomes: Sequence[Outcome] | Outcomes) -> None:
        self.settle(outcomes)
        if self.knowing is not None:
            self.knowing.landed(outcomes)

    def _heard(self, batch: Batch, answers: Sequence[ItemAnswer]) -> None:
        if self.knowing is not None:
            self.knowing.heard(batch.changes, answers)

    def _news(self, outcomes: Outcomes) -> Outcomes:
        """Leave out that rows are unchanged whose outcome is known."""
        alike = []
        for one in outcomes.alike:
            rows = self.settled_before.get(one.part, NO_PLACES).get((one.file, one.sheet))
            if rows is not None and one.status is Status.UNCHANGED:
                is_new = pa.array(~np.isin(one.rows.to_numpy(), rows))
                one = dataclasses.replace(  # noqa: PLW2901  the same ones, fewer
                    one,
                    rows=one.rows.filter(is_new),
                    keys=one.keys.filter(is_new),
                    ids=one.ids.filter(is_new),
                    records=len(set(one.ids.filter(is_new).to_pylist())),
                )
            alike.append(one)
        told = tuple(one for one in outcomes.told if not self._is_known(one))
        return Outcomes(tuple(one for one in alike if len(one)), told)

    def _is_known(self, outcome: Outcome) -> bool:
        rows = self.settled_before.get(outcome.part, NO_PLACES).get((outcome.file, outcome.sheet))
        return outcome.status is Status.UNCHANGED and rows is not None and outcome.row in rows


NO_PLACES: Mapping[Place, RowNumbers] = {}


class Sends(Protocol):
    """What sends batches, as far as its end is concerned."""

    @property
    def client(self) -> Client: ...  # noqa: D102  see the class

    @property
    def has_sent(self) -> bool: ...  # noqa: D102  see the class


async def ended_by(work: Awaitable[None], passage: Sends) -> EtlError | None:
    """Wait for the work of a passage; return why it stopped half way, None where it came to its end.

    Raises:
        NoAccess: the server could not be asked before anything was sent.
    """
    url = passage.client.url
    try:
        await work
    except (Stopped, HeldBack, RequestFailed, NoAccess) as error:
        if isinstance(error, Stopped | HeldBack):
            return error
        if passage.has_sent:
            return stopped_by(error, url)
        raise (error if isinstance(error, NoAccess) else ServerUnreachable(url, reason=str(error))) from error
    return None
