"""The second pass of an import over all its legs: journalled, so that it can be stopped at any moment."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from etl.delivery import Paces
from etl.importing.absent import ABSENT
from etl.importing.filing import write_counts
from etl.importing.grounds import ground_of
from etl.importing.looking_back import LookingBack, second_records
from etl.importing.passage import Passage, ended_by
from etl.importing.remembering import recall
from etl.importing.settling import carried_out
from etl.journal import Journal
from etl.model import Problem, Status
from etl.planning import KeptValues, write_ground
from etl.planning.guards import ErrorWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from etl.errors import EtlError
    from etl.importing.absent import Absent
    from etl.importing.beginning import Begun
    from etl.importing.filing import FileLinks
    from etl.importing.how import Carried
    from etl.importing.legs import Leg
    from etl.importing.remembering import Memory
    from etl.journal import Place, RowNumbers, Unanswered
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

        unsettled = journal.unsettled()
        memories = await recall(
            begun.legs,
            schema=begun.schema,
            client=begun.client,
            folder=folder,
            how=begun.how.remember,
            done=[_told(leg, journal, unsettled) for leg in begun.legs],
        )
        async with begun.files(uploaded) as files:
            yield Underway(begun, journal, kept, memories, files, unsettled)
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
    unsettled: Sequence[Unanswered]
    """What a stopped part of this run sent without an answer."""
    passages: list[Passage] = field(default_factory=list)
    """Of the legs that were begun."""
    _kept_later: list[tuple[Memory, Sequence[Absent], Callable[[], None]]] = field(default_factory=list)
    """Memories of legs whose source lacks records, these, and what writes them down."""
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
            absent: what `carry_absent` will be about: doubted before it is touched, so that no kill leaves a
                record believed that is not there; those that are not done are found again.

        Raises:
            NoAccess: the server could not be asked before anything was sent.
        """
        for leg, memory in zip(self.begun.legs, self.memories, strict=True):
            for outcomes in memory.outcomes():
                self.begun.tally.add(outcomes)
            stopped_by = await self._carry(leg, memory)
            is_whole, all_known = self.begun.is_whole, not self.begun.tally.bad
            ended_well = stopped_by is None
            keep = partial(memory.keep, ended_well=ended_well, is_whole=is_whole, all_known=all_known)
            mine = [one for one in absent if one.leg is leg]
            if mine and ended_well:
                for one in mine:
                    memory.doubt(one.records)
                self._kept_later.append((memory, mine, keep))
            else:
                await asyncio.to_thread(keep)
            if stopped_by is not None:
                await self.remember_absent()
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

    async def settle_unsettled(self) -> EtlError | None:
        """Tell what became of records that were sent before this run stopped, and that need nothing now.

        Like `carry_rows`. To be called last: what is not sent again by then was carried out.
        """
        if not self.unsettled:
            return None
        own = {leg.block for leg in self.begun.legs}
        # Rows that stand for these records themselves were looked at.
        left = [one for one in self.journal.unsettled() if not (one.row and one.part in own)]

        async def settle() -> None:
            outcomes = await carried_out(left, self.begun.client)
            self.journal.noted(outcomes)
            self.begun.settle(outcomes)

        return await ended_by(settle(), self.passages[-1])

    async def remember_absent(self) -> None:
        """Write down what is known of the legs whose source lacks records: nothing of those that are done."""
        done = {
            (one.entity, one.key)
            for outcomes in (self.journal.outcomes() if self._kept_later else ())
            for one in outcomes
            if one.part == ABSENT and one.status in (Status.DELETED, Status.UPDATED)
        }
        for memory, absent, keep in self._kept_later:
            name = memory.leg.rules.entity.name
            memory.drop([key for entity, key in done if entity == name])
            memory.drop([key for one in absent for key in one.vanished])
            await asyncio.to_thread(keep)
        self._kept_later.clear()

    def came_to(self, ended_by: EtlError | None) -> Carried:
        """Return what the import came to."""
        begun, client = self.begun, self.begun.client
        is_unchecked = client.session.checks_conflicts is False and begun.how.on_drift != "overwrite"
        if is_unchecked and begun.tally.rows.updated:
            begun.tally.add_problems([Problem("conflicts_unchecked", begun.table.name)])
        return dataclasses.replace(
            begun.came_to(ended_by),
            memories=self.memories[: len(self.passages)],
            asked=client.reads - begun.reads_before,
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
            how.guards.max_errors, rows=leg.scan.rows, bad=lambda: tally.bad, ended=lambda: tally.rows.read
        )
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
            sent_before={(one.entity, one.part, one.record_id): one.kind for one in self.unsettled},
            settled_before=self.journal.done_by_part() if leg.sends_after_records else {},
        )

    async def _look_for_second_records(self, leg: Leg) -> None:
        finder = leg.finder(self.begun.client, self.begun.folder, select=())
        created = self.begun.tally.rows.created
        name, block = leg.rules.entity.name, leg.block
        self.begun.tally.add_problems(
            await second_records(self.journal, finder, entity=name, block=block, created=created)
        )


def _told(leg: Leg, journal: Journal, unsettled: Sequence[Unanswered]) -> dict[Place, RowNumbers]:
    """Rows of which a stopped part of this run knows or has to tell more than that they are unchanged."""
    rows = journal.done_rows(leg.block)
    nowhere = np.array([], np.int64)
    for place in {(one.file, one.sheet) for one in unsettled}:
        sent = [one.row for one in unsettled if one.row and (one.file, one.sheet) == place]
        rows[place] = np.union1d(rows.get(place, nowhere), np.array(sent, np.int64))
    return rows


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
