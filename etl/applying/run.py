"""A plan carried out in a run of its own: its folder, its lock, its report; and such a run gone on with."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from etl.applying.accepting import is_workbook, take_accepted
from etl.applying.checking import check_plan
from etl.applying.filing import FilesOfPlan
from etl.applying.obstacles import Obstacles
from etl.applying.reading import LiveReader
from etl.applying.sending import Applying
from etl.errors import EtlError, HeldBack, Interrupted, LockLost, NotAgreed, NothingToResume
from etl.files import Uploads
from etl.importing import JOURNAL
from etl.importing.absent import ABSENT, insist_on_few
from etl.importing.filing import FETCHED, read_counts, write_counts
from etl.importing.leaving import keep_paces, known_paces
from etl.importing.locking import MEANT, lock_of, mappings_meant
from etl.importing.looking_back import LookingBack
from etl.importing.passage import ended_by
from etl.importing.resuming import drift_of, resume_command, told_guards
from etl.journal import Journal
from etl.model import Progress, Status
from etl.planning import KeptValues, read_header, read_lines, write_ground, write_kept
from etl.planning.guards import ErrorWatch
from etl.planning.touching import note_touched
from etl.report import Instance, to_object
from etl.report.results import write_results
from etl.report.tally import Tally
from etl.running import PLAN, failing_leaves_a_summary
from etl.runs import Fingerprint, RunFacts, begin_run, end_run, find_run, load_run, new_run_id
from etl.runs.places import named_from
from etl.schema import read_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from etl.api import Client
    from etl.delivery import Paces
    from etl.importing import HowToImport
    from etl.model import Outcome
    from etl.planning import PlanHeader
    from etl.report import FileCounts, Summary
    from etl.runs import Place, Run, RunLock
    from etl.runs.folder import Json
    from etl.schema import Schema

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be done; somebody may be asked whether it shall be."""

    verb: str
    """`apply` or `undo`."""
    what: str
    """The plan, or the run that is taken back."""
    records: Mapping[str, Mapping[str, int]]
    """Entity -> kind of change -> records."""
    uploads: int = 0
    """Files to be uploaded."""
    remarks: tuple[str, ...] = ()
    """What is to be known before: of an undo what stays as it is."""

    def count(self, *kinds: str) -> int:
        """Return how many records, of all entities, have one of these kinds of change."""
        return sum(counts.get(kind, 0) for counts in self.records.values() for kind in kinds)


async def run_apply(
    plan: Path,
    *,
    client: Client,
    place: Place,
    how: HowToImport,
    max_age: timedelta | None,
    approved_by: str,
    agrees: Callable[[Intent], bool],
) -> Summary:
    """Carry out a plan, or what was accepted in its workbook, and return what it came to.

    Args:
        max_age: an older plan is refused; None: none is.
        approved_by: kept in the report; empty: nobody is named.
        agrees: asked before anything is sent; false: nothing is.

    Raises:
        PlanRefused: it is of another instance, edited, too old, or applied already; nothing was sent.
        NotAgreed: `agrees` said no.
        Unusable, NoAccess: see `etl.running.run_import`.
    """
    accepted = await asyncio.to_thread(take_accepted, plan, place.state) if is_workbook(plan) else None
    file = accepted.plan if accepted is not None else plan
    header = await asyncio.to_thread(read_header, file)
    schema = read_metadata(await client.metadata())
    await asyncio.to_thread(check_plan, file, header, url=client.url, max_age=max_age, place=place)
    facts = facts_of(
        "apply", header, Fingerprint(str(plan), header.digest), client=client, place=place, how=how
    )
    facts = dataclasses.replace(facts, options={**facts.options, "approved_by": approved_by})
    with lock_of(facts, place) as lock:
        run = begin_run(place.state, facts)
        place.begins(run)
        with failing_leaves_a_summary(run, place):
            own = run.folder / PLAN
            write = partial(shutil.copyfile, plan) if accepted is None else accepted.write
            await asyncio.to_thread(write, own)
            for one in header.absent:
                insist_on_few(one.entity, one.count, one.live, most=how.guards.max_deletes)
            meant = read_header(own)
            intent = Intent("apply", str(plan), meant.records, meant.uploads)
            if not agrees(intent):
                raise NotAgreed(str(plan))
        return await carry(run, schema, client=client, place=place, how=how, lock=lock)


async def resume_applied(run: Run, *, client: Client, place: Place, how: HowToImport) -> Summary:
    """Go on with an `apply` or an `undo` that was stopped or killed.

    Raises:
        RunLocked: a process is at work on it, or on another run of its mapping.
        NothingToResume: it came to its end, or nothing was begun.
        Unusable, NoAccess: see `run_apply`.
    """
    with lock_of(run.facts, place) as lock:
        run = load_run(run.folder)
        if run.status in ("ok", "partial", "failed") or not (run.folder / PLAN).exists():
            raise NothingToResume(run.id, status=run.status, retry="")
        schema = read_metadata(await client.metadata())
        how = dataclasses.replace(how, on_drift=drift_of(run))
        place.begins(run)
        return await carry(run, schema, client=client, place=place, how=how, lock=lock)


def facts_of(
    verb: str, header: PlanHeader, source: Fingerprint, *, client: Client, place: Place, how: HowToImport
) -> RunFacts:
    """Return what a run is about that carries out a plan."""
    return RunFacts(
        new_run_id(place.now(), place.chance()),
        verb,
        mappings=(Fingerprint(header.mapping, header.mapping_digest),),
        sources=(source,),
        url=client.url,
        user=client.user,
        profile=place.profile,
        schema_digest=header.schema_digest,
        version=place.version,
        started=place.now().isoformat(timespec="seconds"),
        options={
            **place.kept(),
            **_home_of(header, place),
            "plan_of": header.run,
            "on_drift": how.on_drift,
            "guards": told_guards(how.guards),
        },
    )


def _home_of(header: PlanHeader, place: Place) -> dict[str, Json]:
    """Return what the name of a plan's mapping means: it was typed with the run that made the plan."""
    try:
        facts = find_run(place.state, header.run).facts
    except EtlError:  # made elsewhere
        return {"cwd": str(place.cwd)}
    meant: list[Json] = [*mappings_meant(facts, place.state)]
    return {"cwd": facts.options.get("cwd", str(place.cwd)), MEANT: meant}


def forget_touched(run: Run, schema: Schema, client: Client, place: Place) -> None:
    """Forget the records that a plan is about: what is sent now was not made from rows.

    Else the next import would take it for edits of somebody else, or not see that records are gone.
    """
    ground = read_header(run.folder / PLAN).ground
    for name in mappings_meant(run.facts, place.state):
        touched = note_touched(
            place.state,
            lambda: read_lines(run.folder / PLAN),
            ground=ground,
            mapping=name,
            url=client.url,
            absent=ABSENT,
            entity_of=schema.entity,
        )
        log.info("known records touched", extra={"mapping": name, "records": touched})


async def carry(
    run: Run, schema: Schema, *, client: Client, place: Place, how: HowToImport, lock: RunLock
) -> Summary:
    """Send what the plan in a run's folder says, report it, and return what it came to."""
    log.info("begins", extra={"run": run.id, "url": client.url})
    paces = how.paces or known_paces(client, how, state=place.state)
    stops = how.is_stopping
    how = dataclasses.replace(
        how, paces=paces, state=place.state, is_stopping=lambda: stops() or lock.is_lost
    )
    with failing_leaves_a_summary(run, place):
        await asyncio.to_thread(forget_touched, run, schema, client, place)
        header = read_header(run.folder / PLAN)
        began = how.clock.now()
        tally, ended = await _sent(run, header, schema, client=client, how=how, paces=paces)
    keep_paces(paces, client, state=place.state)
    if isinstance(ended, Interrupted) and lock.is_lost:
        ended = LockLost(run.id)
    with Journal(run.folder / JOURNAL) as journal:
        write_results(run.folder, journal.outcomes())
        fields = write_kept(run.folder, journal.outcomes())
    is_guarded = isinstance(ended, HeldBack)
    again = [] if ended is None else [resume_command(run, place, guards=how.guards, ended_by=ended)]
    summary = tally.summary(
        run.id,
        run.facts.verb,
        mappings=[header.mapping] if header.mapping else [],
        requests=client.requests,
        retries=client.retries,
        seconds=how.clock.now() - began,
        guard=str(ended) if is_guarded else None,
        error=str(ended) if ended is not None and not is_guarded else None,
        resumable=ended is not None,
        next_commands=again,
        folder=named_from(place.cwd, run.folder),
        instance=Instance(client.target.host, client.user, place.profile, client.version),
        version=place.version,
    )
    approved_by = str(run.facts.options.get("approved_by", ""))
    summary = dataclasses.replace(summary, fields=fields, approved_by=approved_by)
    end_run(run, to_object(summary))
    log.info("ends", extra={"run": run.id, "status": summary.status, "read": summary.rows.read})
    return summary


async def _sent(
    run: Run, header: PlanHeader, schema: Schema, *, client: Client, how: HowToImport, paces: Paces
) -> tuple[Tally, EtlError | None]:
    tally = Tally()

    def settle(outcomes: Iterable[Outcome]) -> None:
        tally.add(outcomes)
        if how.listener is not None:
            how.listener(Progress("send", tally.rows.read, header.rows, tally.bad))

    write_ground(run.folder, header.ground)
    own = {(one.entity, one.part) for one in header.ground if one.is_own}
    with (
        Journal(run.folder / JOURNAL) as journal,
        KeptValues(run.folder, schema) as kept,
        ExitStack() as opened,
    ):
        done = set()
        obstacles = Obstacles(header.ground, set())
        for outcomes in journal.outcomes():
            tally.add(outcomes)
            obstacles.learn(outcomes)
            for one in outcomes:
                if one.status is not Status.PENDING:
                    name = str(one.row) if (one.entity, one.part) in own and one.row else one.record_id
                    done.add((one.entity, one.part, name))

        def uploaded(outcomes: Sequence[Outcome], counts: FileCounts) -> None:
            journal.noted(outcomes)
            tally.add(outcomes)
            write_counts(run.folder, counts)

        uploads = (
            Uploads(
                client,
                how.state or run.folder,
                folder=run.folder / FETCHED,
                listener=how.listener,
                is_stopping=how.is_stopping,
            )
            if header.uploads
            else None
        )
        if uploads is not None:
            opened.enter_context(uploads)
        files = FilesOfPlan(uploads, note=uploaded, report=tally.add_problems, before=read_counts(run.folder))
        applying = Applying(
            client,
            schema,
            journal,
            how,
            paces,
            LiveReader(client, schema, header.ground, run.folder),
            settle,
            kept.keep,
            LookingBack(client, schema, reads_all=how.reads_all_back, report=tally.add_problems),
            ErrorWatch(
                how.guards.max_errors,
                rows=header.rows,
                bad=lambda: tally.bad,
                ended=lambda: tally.rows.read,
            ),
            lambda: tally.bad,
            frozenset(done),
            files,
            obstacles,
            journal.unanswered(),
        )
        ended = await ended_by(applying.run(read_lines(run.folder / PLAN)), applying)
        tally.add_files(files.counts)
        if uploads is not None:
            write_counts(run.folder, files.counts)
    if ended is not None:
        _count_rest(tally, run.folder / PLAN)
    return tally, ended


def _count_rest(tally: Tally, plan: Path) -> None:
    """Count the rows whose fate is not known."""
    for batch in read_lines(plan):
        for file, sheet, row in zip(
            batch["file"].to_pylist(), batch["sheet"].to_pylist(), batch["row"].to_pylist(), strict=True
        ):
            if row:
                tally.add_rest(file or "", sheet, rows=[row], status=Status.PENDING)
