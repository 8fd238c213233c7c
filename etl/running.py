"""A run from its first line to its report: its folder, its lock, what it stands on, what it leaves behind."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.errors import (
    ConfigurationInvalid,
    EtlError,
    HeldBack,
    Interrupted,
    LockLost,
    NothingToResume,
    ResumeRefused,
    RetryElsewhere,
    RetryRefused,
    Unusable,
)
from etl.importing import JOURNAL, Carried, HowToImport, import_table, plan_table
from etl.importing.leaving import (
    keep_paces,
    known_paces,
    last_time,
    next_commands,
    what_changed,
    write_report,
)
from etl.importing.locking import MEANT, lock_of, mapping_from, path_of
from etl.importing.opening import open_table
from etl.importing.resuming import as_begun, begun_with, read_options_of
from etl.journal import insist_on_form
from etl.mapping import load_to_bind
from etl.planning import PlanWriter, header_of
from etl.planning.known import name_of
from etl.report import Instance, Summary, to_object
from etl.report.foreseen import CHANGING, Foreseen, costs_of, lines_from
from etl.report.foreseen import to_object as foreseen_object
from etl.report.together import known_together
from etl.runs import (
    Fingerprint,
    Run,
    RunFacts,
    begin_run,
    end_run,
    list_runs,
    load_run,
    new_run_id,
)
from etl.runs.places import INCOMING, named_from
from etl.schema import read_metadata
from etl.tables import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

    from etl.api import Client
    from etl.importing.remembering import HowToRemember
    from etl.mapping import Mapping
    from etl.runs import Place, RunLock
    from etl.schema import Schema
    from etl.tables import Table


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a run stands on: while it is the same, a stopped run can go on."""

    mapping: Mapping
    table: Table
    schema: Schema
    client: Client

    def facts(
        self, run: str, place: Place, *, verb: str, how: HowToImport, read_options: ReadOptions
    ) -> RunFacts:
        path = self.table.path
        return RunFacts(
            run,
            verb,
            mappings=(Fingerprint(str(self.mapping.path), self.mapping.digest),),
            sources=(Fingerprint(str(path) if path else self.table.name, self.table.digest()),),
            url=self.client.url,
            user=self.client.user,
            profile=place.profile,
            schema_digest=self.schema.digest,
            version=place.version,
            started=place.now().isoformat(timespec="seconds"),
            options={
                **place.kept(),
                MEANT: [name_of(self.mapping.path, place.state)],
                "source": self.table.name,
                **begun_with(how, read_options),
            },
        )


async def run_import(
    source: Path | str | pd.DataFrame | None,
    mapping_path: Path,
    *,
    client: Client,
    place: Place,
    how: HowToImport,
    read_options: ReadOptions = ReadOptions(),
) -> Summary:
    """Import a table in a run of its own and return what it came to; the report lies in the run's folder.

    Args:
        source: None: the file that the mapping names. Text may be a path, a glob, `-` or an address.
        read_options: how the source is read; what it leaves open the mapping says, and then its first bytes.

    Raises:
        Unusable: the mapping or the source cannot be used, or another run is under way; nothing was sent.
        NoAccess: the server cannot be reached or does not let us in; nothing was sent.
    """
    mapping = load_to_bind(mapping_path)
    run_id = new_run_id(place.now(), place.chance())
    table = await _opened(source, mapping, options=read_options, run=run_id, place=place)
    ground = _Ground(mapping, table, read_metadata(await client.metadata()), client)
    facts = await asyncio.to_thread(
        ground.facts, run_id, place, verb="import", how=how, read_options=read_options
    )
    with lock_of(facts, place) as lock:
        run = begin_run(place.state, facts)
        place.begins(run)
        return await _carry(run, ground, place=place, how=how, lock=lock)


async def run_plan(
    source: Path | str | pd.DataFrame | None,
    mapping_path: Path,
    *,
    client: Client,
    place: Place,
    how: HowToImport,
    plan: Path | None = None,
    read_options: ReadOptions = ReadOptions(),
) -> Foreseen:
    """Find out what `run_import` would do and return it; nothing that changes anything is sent.

    Args:
        source: None: the file that the mapping names. Text may be a path, a glob, `-` or an address.
        plan: where the plan is written; None: into the run's folder.
        read_options: see `run_import`.

    Raises:
        Unusable, NoAccess: see `run_import`.
        Interrupted: `how.is_stopping` said so; there is no plan then.
    """
    _insist_on_folder(plan)
    mapping = load_to_bind(mapping_path)
    run_id = new_run_id(place.now(), place.chance())
    table = await _opened(source, mapping, options=read_options, run=run_id, place=place)
    ground = _Ground(mapping, table, read_metadata(await client.metadata()), client)
    facts = await asyncio.to_thread(
        ground.facts, run_id, place, verb="plan", how=how, read_options=read_options
    )
    with place.lock(run_id):
        run = begin_run(place.state, facts)
        place.begins(run)
        # A plan shows what stands there: nothing is spared, and what was known only settles conflicts.
        remember = dataclasses.replace(_remembering(how, place, run=run.id, writes=False), refreshes=True)
        how = dataclasses.replace(how, state=place.state, remember=remember)
        with (
            failing_leaves_a_summary(run, place),
            PlanWriter(plan or run.folder / PLAN, header_of(facts, mapping)) as writer,
        ):
            carried = await plan_table(
                table, mapping, schema=ground.schema, client=client, folder=run.folder, how=how, plan=writer
            )
        foreseen = _foreseen(run, ground, carried, writer, place=place)
        end_run(run, foreseen_object(foreseen))
        return foreseen


PLAN = "plan.parquet"
"""Name in the folder of a run."""


def _insist_on_folder(plan: Path | None) -> None:
    if plan is not None and not plan.absolute().parent.is_dir():
        advice = "Make it, or write the plan elsewhere."
        raise ConfigurationInvalid("--output", what=f"there is no folder {plan.parent}.", advice=advice)


def _foreseen(run: Run, ground: _Ground, carried: Carried, writer: PlanWriter, *, place: Place) -> Foreseen:
    client = ground.client
    path = ground.table.path
    is_named = path == ground.mapping.source_path
    source = () if path is None or is_named else ("--source", str(path))
    command = place.command("import", str(ground.mapping.path), *source)
    writes = sum(counts.get(kind, 0) for counts in writer.records.values() for kind in CHANGING)
    applies = place.command("apply", named_from(place.cwd, writer.path))
    summary = carried.tally.summary(
        run.id,
        "plan",
        mappings=[str(ground.mapping.path)],
        requests=client.requests,
        retries=client.retries,
        seconds=carried.seconds,
        next_commands=[applies, *([command] if path is not None else [])] if writes else [],
        folder=named_from(place.cwd, run.folder),
        instance=Instance(client.target.host, client.user, place.profile, client.version),
        version=place.version,
    )
    runs = list_runs(place.state)
    costs = costs_of(writes, carried.files, batch_rows=client.limits.batch_rows, runs=runs, url=client.url)
    return Foreseen(
        summary,
        file=named_from(place.cwd, writer.path),
        url=client.url,
        records=writer.records,
        fields=writer.fields,
        forecast=dataclasses.replace(costs.records, attribute_share=writer.attribute_share),
        first=tuple(lines_from(writer.first)),
        differences=sum(count for counts in writer.fields.values() for count in counts.values()),
        files=costs.files,
        digest=writer.digest,
    )


async def resume_import(run: Run, *, client: Client, place: Place, how: HowToImport) -> Summary:
    """Go on with a run that was stopped or killed; rows whose fate is known are not looked at again.

    Raises:
        RunLocked: a process is at work on it, or on another run of its mapping.
        ResumeRefused: source, mapping, target, schema or our major version have changed; says which.
        JournalOutdated: an earlier version began the run and kept its journal in another form.
        Unusable, NoAccess: see `run_import`.
    """
    with lock_of(run.facts, place) as lock:
        # It may have come to its end before the lock was ours.
        return await _resumed(load_run(run.folder), client=client, place=place, how=how, lock=lock)


async def _resumed(run: Run, *, client: Client, place: Place, how: HowToImport, lock: RunLock) -> Summary:
    if run.facts.verb != "import":
        raise ResumeRefused(run.id, changed=[f"it is a run of {run.facts.verb}, which sends nothing"])
    if run.status in ("ok", "partial"):
        raise NothingToResume(run.id, status=run.status, retry=place.command("retry", run.id))
    insist_on_form(run.folder / JOURNAL)
    mapping = load_to_bind(mapping_from(place.cwd, run.facts))
    path = path_of(run.facts.sources[0], run.facts.options)
    # What came by standard input has another name on disk; its rows are those of the source all the same.
    named = str(run.facts.options["source"]) if "source" in run.facts.options else None
    how, read_options = as_begun(how, run), read_options_of(run)
    table = await _opened(path, mapping, options=read_options, run=run.id, place=place, name=named)
    ground = _Ground(mapping, table, read_metadata(await client.metadata()), client)
    facts = await asyncio.to_thread(
        ground.facts, run.id, place, verb="import", how=how, read_options=read_options
    )
    if changed := what_changed(run.facts, facts):
        raise ResumeRefused(run.id, changed=changed)
    place.begins(run)
    return await _carry(run, ground, place=place, how=how, lock=lock)


async def retry_import(run: Run, *, client: Client, place: Place, how: HowToImport) -> Summary:
    """Import what a run left in its file of rejected rows, as it lies there now, in a run of its own.

    Raises:
        RetryRefused: there is no such file, the run was stopped, so that `resume` does it, or it wrote to
            another instance.
        Unusable, NoAccess: see `run_import`.
    """
    if run.facts.verb != "import" or run.status not in ("ok", "partial"):
        status = run.status if run.facts.verb == "import" else run.facts.verb
        raise RetryRefused(run.id, status=status, resume=place.command("resume", run.id))
    if run.facts.url != client.url:
        raise RetryElsewhere(run.id, url=run.facts.url, here=client.url)
    rejected = next(iter(sorted(run.folder.glob("rejected.*"))), None)
    if rejected is None:
        raise RetryRefused(run.id, status=run.status, resume="")
    mapping = mapping_from(place.cwd, run.facts)
    return await run_import(rejected, mapping, client=client, place=place, how=how)


async def _carry(run: Run, ground: _Ground, *, place: Place, how: HowToImport, lock: RunLock) -> Summary:
    client = ground.client
    log.info("begins", extra={"run": run.id, "mapping": str(ground.mapping.path), "url": client.url})
    paces = how.paces or known_paces(client, how, state=place.state)
    how = dataclasses.replace(
        how,
        paces=paces,
        last_time=last_time(run, place.state),
        state=place.state,
        remember=_remembering(how, place, run=run.id),
        is_stopping=_any_of(how.is_stopping, lambda: lock.is_lost),
    )
    with failing_leaves_a_summary(run, place):
        carried = await import_table(
            ground.table, ground.mapping, schema=ground.schema, client=client, folder=run.folder, how=how
        )
    keep_paces(paces, client, state=place.state)
    if isinstance(carried.ended_by, Interrupted) and lock.is_lost:
        carried = dataclasses.replace(carried, ended_by=LockLost(run.id))
    rejected, fields = await asyncio.to_thread(write_report, run, ground.table, carried)
    ended_by = carried.ended_by
    is_stopped = ended_by is not None
    is_guarded = isinstance(ended_by, HeldBack)
    summary = carried.tally.summary(
        run.id,
        "import",
        mappings=[str(ground.mapping.path)],
        requests=client.requests,
        retries=client.retries,
        seconds=carried.seconds,
        guard=str(ended_by) if is_guarded else None,
        error=str(ended_by) if is_stopped and not is_guarded else None,
        resumable=is_stopped and ground.table.path is not None,
        next_commands=next_commands(
            run,
            ground.mapping,
            table=ground.table,
            rejected=rejected,
            ended_by=ended_by,
            guards=how.guards,
            place=place,
        ),
        folder=named_from(place.cwd, run.folder),
        instance=Instance(client.target.host, client.user, place.profile, client.version),
        version=place.version,
    )
    known = known_together(one.told(asked=carried.asked) for one in carried.memories)
    summary = dataclasses.replace(summary, known=known, fields=fields, limits=how.limits)
    end_run(run, to_object(summary))
    log.info("ends", extra={"run": run.id, "status": summary.status, "read": summary.rows.read})
    return summary


def _remembering(how: HowToImport, place: Place, *, run: str, writes: bool = True) -> HowToRemember:
    return dataclasses.replace(how.remember, state=place.state, version=place.version, run=run, writes=writes)


def _any_of(*asked: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: any(one() for one in asked)


async def _opened(
    source: Path | str | pd.DataFrame | None,
    mapping: Mapping,
    *,
    options: ReadOptions,
    run: str,
    place: Place,
    name: str | None = None,
) -> Table:
    """Open the source in a thread: it may have to be copied first."""
    try:
        return await asyncio.to_thread(
            open_table,
            source,
            mapping,
            options=options,
            folder=place.state / INCOMING / run,
            stdin=place.stdin,
            now_s=place.now().timestamp(),
            name=name,
        )
    except Unusable:
        # A key that nobody knows, such as `fiel`, may be why.
        mapping.insist_on_known_keys()
        raise


@contextmanager
def failing_leaves_a_summary(run: Run, place: Place) -> Iterator[None]:
    """Let a run that cannot go on say so in its folder."""
    try:
        yield
    except EtlError as error:
        said = Summary(run.id, run.facts.verb, status="failed", error=str(error), version=place.version)
        end_run(run, to_object(dataclasses.replace(said, folder=named_from(place.cwd, run.folder))))
        raise
