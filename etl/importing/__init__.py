"""A table into a server: the whole way of a row, from the file to what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from etl.delivery import Paces, foreseen_outcomes
from etl.errors import HeldBack, Interrupted, RequestFailed, ServerUnreachable, TooManyAbsent
from etl.importing.absent import Absent, find_absent
from etl.importing.filing import Bad, open_files, write_counts
from etl.importing.grounds import ground_of
from etl.importing.legs import DIGESTS, all_links, link_finder, read_legs
from etl.importing.looking_back import LookingBack, second_records
from etl.importing.passage import Passage, ended_by
from etl.importing.remembering import FORGETFUL, recall
from etl.importing.settling import settler
from etl.journal import Journal
from etl.model import ChangeKind, Limits, Problem, Status
from etl.planning import KeptValues, PlanWriter, lines_of, unsent_lines, write_ground
from etl.planning.guards import USUAL, Census, ErrorWatch, Guards, check_source, read_census, write_census
from etl.report import FileCounts
from etl.report.tally import Tally
from etl.scanning import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from etl.api import Client, RetryClock
    from etl.delivery import OnDrift
    from etl.errors import EtlError
    from etl.importing.filing import FileLinks, Note
    from etl.importing.legs import Leg
    from etl.importing.remembering import HowToRemember, Memory
    from etl.mapping import Mapping
    from etl.model import Outcome, ProgressListener
    from etl.report.foreseen import FilesForeseen
    from etl.scanning import Scan
    from etl.schema import Schema
    from etl.tables import Table

__all__ = ["DIGESTS", "JOURNAL", "Carried", "HowToImport", "import_table", "plan_table"]

JOURNAL = "journal.db"
"""Name in the folder of a run."""


FOR_GOOD = frozenset({Status.DELETED, Status.FAILED, Status.INVALID, Status.SKIPPED})
"""How rows end of which nothing more is sent, whatever else their mapping has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HowToImport:
    """Everything about an import that neither its mapping nor its source says."""

    clock: RetryClock
    """How long is waited between tries of a request without an answer."""
    limits: Limits = Limits()
    selection: Selection = Selection()
    """The rows that are meant."""
    on_drift: OnDrift = "fail"
    """What becomes of a row whose record somebody changed since it was looked up."""
    listener: ProgressListener | None = None
    is_stopping: Callable[[], bool] = lambda: False
    """Asked before each request; true: what is in flight is finished and the run ends."""
    paces: Paces | None = None
    """How many requests at once, how many rows in each; None: found out from the start."""
    reads_all_back: bool = False
    """True: every record is read back after it was sent; False: a sample."""
    guards: Guards = USUAL
    remember: HowToRemember = FORGETFUL
    """Where it lies what earlier imports knew, and how far it is believed."""
    last_time: Census | None = None
    """The source of the last import with the same mapping into the same instance; None: not known."""
    state: Path | None = None
    """The state folder, where what was learnt of files is kept; None: the run's folder."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What an import came to."""

    tally: Tally
    scan: Scan
    seconds: float
    marked: Sequence[Problem]
    """What is wrong with cells, to be marked in a workbook; at most `settling.MOST_MARKED`."""
    ended_by: EtlError | None
    """Why it stopped after something was sent, or which guard held it back; None: it came to its end."""
    files: FilesForeseen | None = None
    """Of a plan whose mapping has files; else None."""
    memories: Sequence[Memory] = ()
    """What was known of the rows, by block."""
    asked: int = 0
    """Requests that only read."""


async def import_table(
    table: Table, mapping: Mapping, *, schema: Schema, client: Client, folder: Path, how: HowToImport
) -> Carried:
    """Carry the rows of a table to a server as a mapping says.

    The folder of the run keeps the journal: where it holds a stopped part of the same run, this goes on from
    there. Memory does not grow with the rows.

    Raises:
        Unusable: the mapping does not fit the table or the instance; nothing was sent.
        NoAccess: the server cannot be asked; nothing was sent.
    """
    bad = Bad()
    legs = await _read(table, mapping, bad=bad, schema=schema, client=client, folder=folder, how=how)
    links = link_finder(legs, schema=schema, client=client)
    began, tally, stopped_by = how.clock.now(), Tally(), None
    requests, sent, used = client.requests, 0, []
    marked: list[Problem] = []
    tally.add_problems(_noticed(table, legs))
    try:
        _pass_guards(table, legs, folder=folder, how=how)
        absent = await _absent(legs, schema=schema, client=client, how=how, tally=tally)
        for one in absent:
            one.check(how.guards.max_deletes)
    except HeldBack as guard:
        return Carried(tally, legs[0].scan, how.clock.now() - began, (), guard)
    paces = how.paces or Paces(how.limits, now=how.clock.now)
    back = LookingBack(client, schema, reads_all=how.reads_all_back, report=tally.add_problems)
    write_ground(folder, ground_of(legs))
    with Journal(folder / JOURNAL) as journal, KeptValues(folder, schema) as kept:
        for outcomes in journal.outcomes():
            tally.add(outcomes)

        def uploaded(outcomes: Sequence[Outcome], counts: FileCounts) -> None:
            journal.noted(outcomes)
            tally.add(outcomes)
            write_counts(folder, counts)

        memories = await recall(
            legs, schema=schema, client=client, folder=folder, how=how.remember, journal=journal
        )
        async with _files(
            legs, mapping, uploaded, bad=bad, schema=schema, client=client, folder=folder, how=how
        ) as files:
            for leg, memory in zip(legs, memories, strict=True):
                for known in memory.outcomes():
                    tally.add(known)
                used.append(memory)
                back.told = memory.revoke
                passage = Passage(
                    leg.comparison(links, files, schema=schema, client=client, folder=folder, is_trying=True),
                    memory.left,
                    client,
                    journal,
                    limits=how.limits,
                    clock=how.clock,
                    paces=paces,
                    on_drift=how.on_drift,
                    settle=settler(tally, leg.scan, how.listener, marked=marked),
                    is_stopping=how.is_stopping,
                    keep=kept.keep,
                    back=back,
                    knowing=memory.knowing,
                    watch=ErrorWatch(
                        how.guards.max_errors,
                        rows=leg.scan.rows,
                        bad=lambda: tally.bad,
                        seen=tally.rows.read,
                    ),
                    created_before=_created_before(journal),
                    settled_before=journal.done_rows(leg.block) if leg.sends_after_records else {},
                )
                over = FOR_GOOD if leg.sends_after_records else None
                done = journal.done_rows(leg.block, statuses=over)
                passes = leg.passes(how.selection, done, left=memory.rest)
                stopped_by = await ended_by(passage.run(passes), passage) if memory.left else None
                sent += passage.batches_made
                is_whole, all_known = _is_whole(table, how), not tally.bad
                await asyncio.to_thread(
                    memory.keep, ended_well=stopped_by is None, is_whole=is_whole, all_known=all_known
                )
                if stopped_by is not None:
                    break
                finder = leg.finder(client, folder, select=())
                name, block = leg.rules.entity.name, leg.block
                tally.add_problems(
                    await second_records(
                        journal, finder, entity=name, block=block, created=tally.rows.created
                    )
                )
            stopped_by = stopped_by or await _carry_absent(absent, passage, tally)
            if files is not None:
                tally.add_files(files.counts)
                write_counts(folder, files.counts)
    if tally.rows.updated and client.session.checks_conflicts is False and how.on_drift != "overwrite":
        tally.add_problems([Problem("conflicts_unchecked", table.name)])
    write_ground(folder, ground_of(legs))
    seconds, asked = how.clock.now() - began, max(0, client.requests - requests - sent)
    return Carried(tally, legs[0].scan, seconds, marked, stopped_by, memories=used, asked=asked)


async def _read(
    table: Table,
    mapping: Mapping,
    *,
    bad: Bad,
    schema: Schema,
    client: Client,
    folder: Path,
    how: HowToImport,
) -> list[Leg]:
    return await read_legs(
        table,
        mapping,
        schema=schema,
        client=client,
        folder=folder,
        selection=how.selection,
        bad=bad,
        listener=how.listener,
        version=how.remember.version,
    )


def _is_whole(table: Table, how: HowToImport) -> bool:
    is_several = table.path is None and table.dialect.format != "dataframe"
    return how.selection.is_all and not is_several and not table.is_partial


def _files(
    legs: Sequence[Leg],
    mapping: Mapping,
    note: Note | None,
    *,
    bad: Bad,
    schema: Schema,
    client: Client,
    folder: Path,
    how: HowToImport,
) -> AbstractAsyncContextManager[FileLinks | None]:
    return open_files(
        all_links(legs),
        client=client,
        schema=schema,
        mapping=mapping.path,
        state=how.state or folder,
        folder=folder,
        note=note,
        bad=bad,
        listener=how.listener,
        is_stopping=how.is_stopping,
    )


def _pass_guards(table: Table, legs: Sequence[Leg], *, folder: Path, how: HowToImport) -> None:
    """Compare the source with last time, once: a run that goes on has passed already.

    Raises:
        HeldBack: a guard stops the run.
    """
    if read_census(folder) is not None:
        return
    scan = legs[0].scan
    census = Census(scan.rows, scan.columns, _is_whole(table, how))
    if how.selection.is_all:
        clearing = {name for leg in legs for name in leg.clearing_columns}
        check_source(table.name, census, last=how.last_time, guards=how.guards, clearing=clearing)
    write_census(folder, census)


async def plan_table(
    table: Table,
    mapping: Mapping,
    *,
    schema: Schema,
    client: Client,
    folder: Path,
    how: HowToImport,
    plan: PlanWriter,
) -> Carried:
    """Find out what `import_table` would do, and write it into a plan. Sends nothing that changes anything.

    The tally counts rows as they would end. Memory does not grow with the rows.

    Raises:
        Unusable: the mapping does not fit the table or the instance.
        NoAccess: the server cannot be asked.
        Interrupted: `how.is_stopping` said so.
    """
    bad = Bad()
    legs = await _read(table, mapping, bad=bad, schema=schema, client=client, folder=folder, how=how)
    links = link_finder(legs, schema=schema, client=client)
    began, tally = how.clock.now(), Tally()
    tally.add_problems(_noticed(table, legs))
    absent = await _absent(legs, schema=schema, client=client, how=how, tally=tally)
    settle = settler(tally, legs[0].scan, how.listener)

    def unsent(outcomes: Sequence[Outcome]) -> None:
        settle(outcomes)
        plan.write(unsent_lines(outcomes))

    try:
        memories = await recall(legs, schema=schema, client=client, folder=folder, how=how.remember)
        async with _files(
            legs, mapping, None, bad=bad, schema=schema, client=client, folder=folder, how=how
        ) as files:
            for leg, memory in zip(legs, memories, strict=True):
                comparison = leg.comparison(
                    links, files, schema=schema, client=client, folder=folder, is_trying=False
                )
                comparison.knowing = memory.knowing
                await comparison.prepare(leg.scan.rows)
                for frames in leg.passes(how.selection, {}, left=memory.rest):
                    async for compared in comparison.changes(frames, unsent=unsent):
                        settle(foreseen_outcomes(compared.changes))
                        plan.write(lines_of(compared, entity=schema.entity(compared.changes.entity)))
                        plan.step += compared.is_needed
                        if how.is_stopping():
                            raise Interrupted
                    plan.step += 1
            tally.add_files(files.counts if files is not None else FileCounts())
            foreseen = files.foreseen if files is not None else None
    except RequestFailed as error:
        raise ServerUnreachable(client.url, reason=str(error)) from error
    _plan_absent(absent, plan, tally, settle=settle, schema=schema, guards=how.guards)
    plan.rows, plan.ground = legs[0].scan.rows, ground_of(legs)
    plan.uploads = foreseen.uploads if foreseen is not None else 0
    return Carried(tally, legs[0].scan, how.clock.now() - began, (), None, foreseen)


async def _carry_absent(absent: Sequence[Absent], passage: Passage, tally: Tally) -> EtlError | None:
    """Delete or deactivate what the source does not have, unless rows of it failed."""
    if tally.bad:
        tally.add_problems(one.left(SOME_FAILED) for one in absent if one.records)
        return None
    return await ended_by(passage.run_further(chain.from_iterable(one.changes() for one in absent)), passage)


def _plan_absent(
    absent: Sequence[Absent],
    plan: PlanWriter,
    tally: Tally,
    *,
    settle: Callable[[Iterable[Outcome]], None],
    schema: Schema,
    guards: Guards,
) -> None:
    """List what the source does not have; whether that is too much is told here and decided by `apply`."""
    if tally.bad:
        tally.add_problems(one.left(SOME_FAILED) for one in absent if one.records)
        return
    for one in absent:
        plan.absent = (*plan.absent, one.counts)
        try:
            one.check(guards.max_deletes)
        except TooManyAbsent as guard:
            facts = {"why": str(guard)}
            tally.add_problems([Problem("absent_too_many", one.leg.table.name, facts=facts)])
        for compared in one.changes():
            settle(foreseen_outcomes(compared.changes))
            plan.write(lines_of(compared, entity=schema.entity(compared.changes.entity)))


async def _absent(
    legs: Sequence[Leg], *, schema: Schema, client: Client, how: HowToImport, tally: Tally
) -> list[Absent]:
    """Find what the source does not have, where the mapping wants something done about it."""
    try:
        found, problems = await find_absent(legs, schema=schema, client=client, selection=how.selection)
    except RequestFailed as error:
        raise ServerUnreachable(client.url, reason=str(error)) from error
    tally.add_problems(problems)
    return found


SOME_FAILED = "rows failed or are invalid"


def _noticed(table: Table, legs: Sequence[Leg]) -> list[Problem]:
    """What was noticed while opening and reading the source, each once whatever blocks read it."""
    found = [*table.problems]
    for leg in legs:
        found += [one for one in leg.damage if one not in found]
    return found


def _created_before(journal: Journal) -> frozenset[str]:
    return frozenset(one.record_id for one in journal.unanswered() if one.kind is ChangeKind.CREATE)
