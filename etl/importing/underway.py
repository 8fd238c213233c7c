"""The second pass of an import over all its legs: journalled, so that it can be stopped at any moment."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from etl.delivery import Paces
from etl.importing.filing import write_counts
from etl.importing.grounds import ground_of
from etl.importing.looking_back import LookingBack, second_records
from etl.importing.passage import Passage, ended_by
from etl.importing.remembering import recall
from etl.journal import Journal
from etl.model import ChangeKind, Problem, Status
from etl.planning import KeptValues, write_ground
from etl.planning.guards import ErrorWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from etl.errors import EtlError
    from etl.importing.absent import Absent
    from etl.importing.beginning import Begun
    from etl.importing.filing import FileLinks
    from etl.importing.how import Carried
    from etl.importing.legs import Leg
    from etl.importing.remembering import Memory
    from etl.model import Outcome
    from etl.report import FileCounts

JOURNAL = "journal.db"
"""Name in the folder of a run."""
FOR_GOOD = frozenset({Status.DELETED, Status.FAILED, Status.INVALID, Status.SKIPPED})
"""How rows end of which nothing more is sent, whatever else their mapping has."""
SOME_FAILED = "rows failed or are invalid"


@asynccontextmanager
async def under_way(begun: Begun) -> AsyncIterator[Underway]:
    """Open what an import writes while rows are under way; count first what a stopped part of it knew."""
    tally, folder = begun.tally, begun.folder
    write_ground(folder, ground_of(begun.legs))
    with Journal(folder / JOURNAL) as journal, KeptValues(folder, begun.schema) as kept:
        for leg in begun.legs:
            _withdraw_what_is_tried_again(leg, journal)
        for outcomes in journal.outcomes():
            tally.add(outcomes)

        def uploaded(outcomes: Sequence[Outcome], counts: FileCounts) -> None:
            journal.noted(outcomes)
            tally.add(outcomes)
            write_counts(folder, counts)

        memories = await recall(
            begun.legs,
            schema=begun.schema,
            client=begun.client,
            folder=folder,
            how=begun.how.remember,
            journal=journal,
        )
        async with begun.files(uploaded) as files:
            yield Underway(begun, journal, kept, memories, files)
            if files is not None:
                tally.add_files(files.counts)
                write_counts(folder, files.counts)
    # Attributes that the source names itself are known once its rows were translated.
    write_ground(folder, ground_of(begun.legs))


@dataclass(slots=True)
class Underway:
    """What the legs of an import share while their rows are under way."""

    begun: Begun
    journal: Journal
    kept: KeptValues
    memories: Sequence[Memory]
    """What is known of the rows, by leg."""
    files: FileLinks | None
    passages: list[Passage] = field(default_factory=list)
    """Of the legs that were begun."""
    paces: Paces = field(init=False)
    back: LookingBack = field(init=False)

    def __post_init__(self) -> None:
        begun, how = self.begun, self.begun.how
        self.paces = how.paces or Paces(how.limits, now=how.clock.now)
        report = begun.tally.add_problems
        self.back = LookingBack(begun.client, begun.schema, reads_all=how.reads_all_back, report=report)

    async def carry_rows(self, absent: Sequence[Absent]) -> EtlError | None:
        """Carry the rows of one leg after the other; return why it stopped half way, None: it did not.

        Args:
            absent: what `carry_absent` will be about: forgotten before it is touched, so that no kill leaves
                a record known that is not there.

        Raises:
            NoAccess: the server could not be asked before anything was sent.
        """
        for leg, memory in zip(self.begun.legs, self.memories, strict=True):
            for outcomes in memory.outcomes():
                self.begun.tally.add(outcomes)
            stopped_by = await self._carry(leg, memory)
            is_whole, all_known = self.begun.is_whole, not self.begun.tally.bad
            ended_well = stopped_by is None
            memory.drop([key for one in absent if one.leg is leg for key, _ in one.records])
            await asyncio.to_thread(
                memory.keep, ended_well=ended_well, is_whole=is_whole, all_known=all_known
            )
            if stopped_by is not None:
                return stopped_by
            await self._look_for_second_records(leg)
        return None

    async def carry_absent(self, absent: Sequence[Absent]) -> EtlError | None:
        """Delete or deactivate what the source does not have, unless rows of it failed. Like `carry_rows`."""
        if self.begun.tally.bad:
            self.begun.tally.add_problems(one.left(SOME_FAILED) for one in absent if one.records)
            return None
        last = self.passages[-1]
        return await ended_by(last.run_further(chain.from_iterable(one.changes() for one in absent)), last)

    def came_to(self, ended_by: EtlError | None) -> Carried:
        """Return what the import came to."""
        begun, client = self.begun, self.begun.client
        is_unchecked = client.session.checks_conflicts is False and begun.how.on_drift != "overwrite"
        if is_unchecked and begun.tally.rows.updated:
            begun.tally.add_problems([Problem("conflicts_unchecked", begun.table.name)])
        sent = sum(passage.batches_made for passage in self.passages)
        return dataclasses.replace(
            begun.came_to(ended_by),
            memories=self.memories[: len(self.passages)],
            asked=max(0, client.requests - begun.requests_before - sent),
        )

    async def _carry(self, leg: Leg, memory: Memory) -> EtlError | None:
        passage = self._passage(leg, memory)
        self.passages.append(passage)
        self.back.told = memory.revoke
        if not memory.left:
            return None
        over = FOR_GOOD if leg.sends_after_records else None
        done = self.journal.done_rows(leg.block, statuses=over)
        return await ended_by(
            passage.run(leg.passes(self.begun.how.selection, done, left=memory.rest)), passage
        )

    def _passage(self, leg: Leg, memory: Memory) -> Passage:
        begun, how, tally = self.begun, self.begun.how, self.begun.tally
        comparison = leg.comparison(
            begun.links,
            self.files,
            schema=begun.schema,
            client=begun.client,
            folder=begun.folder,
            is_trying=True,
        )
        watch = ErrorWatch(
            how.guards.max_errors, rows=leg.scan.rows, bad=lambda: tally.bad, seen=tally.rows.read
        )
        unanswered = self.journal.unanswered()
        return Passage(
            comparison,
            memory.left,
            begun.client,
            self.journal,
            limits=how.limits,
            clock=how.clock,
            paces=self.paces,
            on_drift=how.on_drift,
            settle=begun.settle,
            is_stopping=how.is_stopping,
            keep=self.kept.keep,
            back=self.back,
            knowing=memory.knowing,
            watch=watch,
            created_before=frozenset(one.record_id for one in unanswered if one.kind is ChangeKind.CREATE),
            settled_before=self.journal.done_rows(leg.block) if leg.sends_after_records else {},
        )

    async def _look_for_second_records(self, leg: Leg) -> None:
        finder = leg.finder(self.begun.client, self.begun.folder, select=())
        created = self.begun.tally.rows.created
        name, block = leg.rules.entity.name, leg.block
        self.begun.tally.add_problems(
            await second_records(self.journal, finder, entity=name, block=block, created=created)
        )


def _withdraw_what_is_tried_again(leg: Leg, journal: Journal) -> None:
    """Take back that links and attributes failed in a stopped part of this run, whose records stand.

    Such rows are looked at again: what becomes of them now is what counts.
    """
    if not leg.sends_after_records:
        return
    over = journal.done_rows(leg.block, statuses=FOR_GOOD)
    nowhere = np.array([], np.int64)

    def is_tried_again(one: Outcome) -> bool:
        rows = over.get((one.file, one.sheet), nowhere)
        return bool(one.row) and one.part in leg.further_parts and one.row not in rows

    journal.withdraw(is_tried_again)
