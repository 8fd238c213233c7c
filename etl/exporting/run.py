"""An export as a run: its folder, the pages kept there, the file that appears when whole, the summary."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from etl.errors import ConfigurationInvalid, RequestFailed, ResumeRefused, stopped_by
from etl.exporting import ranges
from etl.exporting.exploding import check_multiple
from etl.exporting.gallery import NAMED
from etl.exporting.laying import Laying
from etl.exporting.outputs import TEXTS, Earlier, Format, check_format, output_path
from etl.exporting.people import choices_of
from etl.exporting.pulling import What, bounds_of_plan, export_records, plan_export
from etl.exporting.sorting import read_sort
from etl.exporting.staging import Stage
from etl.exporting.templates import load_template
from etl.exporting.writing import Described, How, write_export
from etl.mapping import load
from etl.report import Instance, Summary, to_object
from etl.report.tally import Tally
from etl.resolving.changed import newest_change
from etl.runs import Fingerprint, RunFacts, begin_run, end_run, load_run, new_run_id
from etl.runs.places import named_from
from etl.schema import read_metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.api import Client
    from etl.errors import EtlError
    from etl.exporting.pulling import Plan
    from etl.model import ProgressListener
    from etl.runs import Place, Run, RunLock
    from etl.runs.folder import Json
    from etl.schema import Schema

log = logging.getLogger(__name__)
PAGES, RANGES = "pages", "ranges.json"
FILES = "files"
STANDARD_OUTPUT = "-"
PIPED = "export"
"""Of an export to standard output: the name of its file in the folder of the run, without suffix."""
LAST = "last"
WORKBOOK = ".xlsx"


async def run_export(what: What, client: Client, *, place: Place, how: How) -> Summary:
    """Export records in a run of its own and return what it came to.

    Pages are kept in the run's folder and the file is written when all are there, so nothing is half written
    and a run that was cut off can go on.

    Raises:
        Unusable: columns, filter or output cannot be used; nothing was written.
        NoAccess: the server cannot be reached or does not let us in.
    """
    started = place.now()
    earlier = Earlier(place.state)
    if what.mapping is not None:
        what = replace(what, entity=what.entity or load(what.mapping).entity)
    path = _path(how, what, cwd=place.cwd, now=started)
    if path is not None:
        earlier.check(path, is_forced=how.is_forced)
    suffix = path.suffix.lower() if path is not None else how.suffix
    is_sheet = suffix == WORKBOOK and what.mapping is None and how.template is None
    is_for_people = is_sheet and not (what.explode or what.spread or how.is_plain)
    what = replace(what, keeps_types=suffix not in TEXTS, is_for_people=is_for_people)
    if how.files:
        laid = output_path(how.files, cwd=place.cwd, now=started, entity=what.entity)
        Laying(laid, place.state, place.state, is_forced=how.is_forced).check()
        what = replace(what, files=what.files or NAMED)
    schema = read_metadata(await client.metadata())
    entity = schema.entity(what.entity)
    what = _since(what, earlier.watermark(_subject(what, how, client)))
    changed = await newest_change(client, entity)
    plan = await plan_export(what, client, schema=schema)
    read_sort(how.sort, plan.header)
    for option, named in (("--explode", what.explode), ("--spread", what.spread)):
        if named:
            check_multiple(named, plan.header, multiple=plan.multiple, option=option)
    facts = _facts(what, how, client=client, place=place, schema=schema, started=started, changed=changed)
    with place.lock(facts.run) as lock:
        run = begin_run(place.state, facts)
        how = _until_lost(how, lock)
        return await _carry(run, plan, client, what=what, how=how, schema=schema, place=place)


async def resume_export(
    run: Run,
    client: Client,
    *,
    place: Place,
    listener: ProgressListener | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Summary:
    """Go on with an export that was stopped or killed: behind the last page that is kept.

    Raises:
        RunLocked: a process is at work on it.
        ResumeRefused: target, schema, mapping or our options have changed.
        Unusable, NoAccess: see `run_export`.
    """
    with place.lock(run.id) as lock:
        how = _until_lost(How(output="", listener=listener, is_stopping=is_stopping), lock)
        return await _resumed(load_run(run.folder), client, place=place, told=how)


def _until_lost(how: How, lock: RunLock) -> How:
    """Let an export stop where another process took it over, for example while this machine was asleep."""
    stops = how.is_stopping
    return replace(how, is_stopping=lambda: stops() or lock.is_lost)


async def _resumed(run: Run, client: Client, *, place: Place, told: How) -> Summary:
    said = run.facts.options
    # Relative names start where the command was typed then; there they stay as they were typed.
    then = Path() if said["cwd"] == str(place.cwd) else Path(str(said["cwd"]))
    schema = read_metadata(await client.metadata())
    changed = [] if run.facts.url == client.url else [f"the target is {client.url} and was {run.facts.url}"]
    changed += [] if schema.digest == run.facts.schema_digest else ["the instance's schema was changed"]
    changed += [
        f"{one.name} was edited" for one in run.facts.mappings if load(then / one.name).digest != one.digest
    ]
    changed += [] if run.facts.version == place.version else ["atro-etl is another version"]
    changed += ["it is done"] if run.status == "ok" else []
    if changed:
        raise ResumeRefused(run.id, changed=changed)
    # `_told` wrote them from the same fields, so each has its type.
    what = What(**_given(said["what"], What, then))  # type: ignore[arg-type]  # see above
    form = Format(**_given(said["form"], Format, then))  # type: ignore[arg-type]  # see above
    how = How(**_given(said["how"], How, then))  # type: ignore[arg-type]  # see above
    how = replace(how, form=form, listener=told.listener, is_stopping=told.is_stopping)
    plan = await plan_export(what, client, schema=schema)
    return await _carry(run, plan, client, what=what, how=how, schema=schema, place=place)


async def _carry(
    run: Run, plan: Plan, client: Client, *, what: What, how: How, schema: Schema, place: Place
) -> Summary:
    began = client.retry.now()
    started = datetime.fromisoformat(run.facts.started)
    path = _path(how, what, cwd=Path(str(run.facts.options["cwd"])), now=started)
    place.begins(run)
    log.info("begins", extra={"run": run.id, "entity": what.entity, "url": client.url})
    laying = _laying(how, what, run=run, cwd=Path(str(run.facts.options["cwd"])), state=place.state)
    stage = Stage(run.folder / PAGES)
    kept = stage.kept()
    tally = Tally()
    ended: EtlError | None = None
    try:
        bounds = ranges.kept(run.folder / RANGES)
        if bounds is None:
            bounds = await bounds_of_plan(plan, client, what=what)
            ranges.keep(bounds, run.folder / RANGES)
        pages = export_records(
            plan,
            client,
            schema=schema,
            what=what,
            bounds=bounds,
            after=kept.last_ids,
            done=kept.records,
            listener=how.listener,
            is_stopping=how.is_stopping,
        )
        async for page in pages:
            await asyncio.to_thread(stage.put, page)
        if laying is not None and not how.is_stopping():
            await laying.fetch(stage, client, listener=how.listener, is_stopping=how.is_stopping)
    except RequestFailed as error:
        ended = stopped_by(error, client.url)
    is_stopped = ended is not None or how.is_stopping()
    if not is_stopped:
        target = path or run.folder / f"{PIPED}{how.suffix}"
        choices = await choices_of(plan.shown, client, schema=schema) if what.is_for_people else {}
        facts = Described(plan, what, stage, run.id, client.url, f"{started:%Y-%m-%d %H:%M:%S %Z}", choices)
        await asyncio.to_thread(write_export, facts, target, how=how, tally=tally)
        if laying is not None:
            await asyncio.to_thread(laying.finish, tally)
        known = str(run.facts.options.get("changed") or "")
        Earlier(place.state).note(path, _subject(what, how, client), changed=known)
        stage.clear()
    summary = tally.summary(
        run.id,
        "export",
        mappings=[str(what.mapping)] if what.mapping else [],
        status="stopped" if is_stopped else "partial" if laying is not None and laying.failed else None,
        requests=client.requests,
        retries=client.retries,
        seconds=client.retry.now() - began,
        error=str(ended) if ended else "interrupted; nothing was written." if is_stopped else None,
        resumable=is_stopped and path is not None,
        next_commands=[place.command("resume", run.id)] if is_stopped and path is not None else [],
        folder=named_from(place.cwd, run.folder),
        instance=Instance(client.target.host, client.user, place.profile, client.version),
        version=place.version,
    )
    written = "" if is_stopped or path is None else named_from(place.cwd, path)
    summary = replace(summary, started=run.facts.started, output=written)
    end_run(run, to_object(summary))
    log.info("ends", extra={"run": run.id, "status": summary.status})
    return summary


def _path(how: How, what: What, *, cwd: Path, now: datetime) -> Path | None:
    """Return the file that is written; None: standard output.

    Raises:
        Unusable: its name, its suffix or the template cannot be used.
    """
    if how.output == STANDARD_OUTPUT:
        return None
    path = output_path(how.output, cwd=cwd, now=now, entity=what.entity)
    if how.template is None:
        check_format(path)
    else:
        load_template(how.template, output=path)
    return path


def _laying(how: How, what: What, *, run: Run, cwd: Path, state: Path) -> Laying | None:
    """Return where files are laid; None: none are taken along."""
    if not how.files:
        return None
    started = datetime.fromisoformat(run.facts.started)
    path = output_path(how.files, cwd=cwd, now=started, entity=what.entity)
    return Laying(path, state, run.folder / FILES, is_forced=how.is_forced)


def _subject(what: What, how: How, client: Client) -> str:
    return f"{client.url} {what.mapping or what.entity} {how.output}"


def _since(what: What, watermark: str) -> What:
    """Return `last` as the time that the last export of the same noted.

    Raises:
        ConfigurationInvalid: there was none.
    """
    if what.changed_since != LAST:
        return what
    if not watermark:
        raise ConfigurationInvalid(
            "--changed-since",
            what="there is no earlier export of this to this output.",
            advice="Give a date, for example 2026-11-01, or export everything once.",
        )
    return replace(what, changed_since=watermark)


def _facts(
    what: What,
    how: How,
    *,
    client: Client,
    place: Place,
    schema: Schema,
    started: datetime,
    changed: str,
) -> RunFacts:
    return RunFacts(
        new_run_id(started, place.chance()),
        "export",
        mappings=(Fingerprint(str(what.mapping), load(what.mapping).digest),) if what.mapping else (),
        sources=(),
        url=client.url,
        user=client.user,
        profile=place.profile,
        schema_digest=schema.digest,
        version=place.version,
        started=started.isoformat(timespec="seconds"),
        options={
            **place.kept(),
            "what": _told(what),
            "how": _told(how),
            "form": _told(how.form),
            "changed": changed,
        },
    )


def _told(said: What | How | Format) -> dict[str, Json]:
    """Return options as JSON; listeners and nested ones are left out."""
    values = {one.name: getattr(said, one.name) for one in fields(said)}
    return {
        name: str(value) if isinstance(value, PurePath) else value
        for name, value in values.items()
        if value is None or isinstance(value, str | int | PurePath)
    }


def _given(said: Json, kind: type[What | How | Format], then: Path) -> dict[str, object]:
    """Return options as `kind` takes them; the other way round. Relative names start in `then`."""
    known = {one.name for one in fields(kind)}
    found = {name: value for name, value in said.items() if name in known} if isinstance(said, dict) else {}
    return {
        name: then / value if name in ("mapping", "template") and isinstance(value, str) else value
        for name, value in found.items()
    }
