"""An export as a run: its folder, the pages kept there, the file that appears when whole, the summary."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from etl.errors import ConfigurationInvalid, RequestFailed, ServerGone
from etl.exporting.exploding import check_explode
from etl.exporting.outputs import TEXTS, Earlier, Format, check_format, opened, output_path
from etl.exporting.people import book_of, choices_of
from etl.exporting.pulling import What, export_records, newest_change, plan_export
from etl.exporting.sorting import read_sort, sorted_rows
from etl.exporting.staging import Stage
from etl.exporting.templates import load_template, write_by_template
from etl.exporting.workbook import opened_for_people
from etl.mapping import load
from etl.report import Instance, Summary, to_object
from etl.report.tally import Tally
from etl.runs import Fingerprint, RunFacts, begin_run, end_run, new_run_id
from etl.schema import read_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from etl.api import Client
    from etl.errors import EtlError
    from etl.exporting.pulling import Plan
    from etl.exporting.sorting import SortKey
    from etl.model import ProgressListener
    from etl.runs import Run
    from etl.schema import Schema
    from etl.tables import Writer

log = logging.getLogger(__name__)
PAGES = "pages"
STANDARD_OUTPUT = "-"
PIPED = "export"
"""Of an export to standard output: the name of its file in the folder of the run, without suffix."""
LAST = "last"
WORKBOOK = ".xlsx"


class Place(Protocol):
    """Where runs are kept, and what a run cannot know by itself; `running.Place` is one."""

    @property
    def state(self) -> Path:
        """The state folder."""

    @property
    def cwd(self) -> Path:
        """The folder that relative names start in."""

    @property
    def now(self) -> Callable[[], datetime]:
        """With its time zone."""

    @property
    def chance(self) -> Callable[[], int]:
        """Any number; tells two runs of one second apart."""

    @property
    def version(self) -> str:
        """Of this package."""

    @property
    def profile(self) -> str:
        """Empty: without a profile."""

    @property
    def begins(self) -> Callable[[Run], None]:
        """Told once the folder of the run is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How an export is written."""

    output: str
    """The file; `{date}`, `{time}`, `{entity}` are filled in. `-`: the caller writes standard output."""
    suffix: str = ".csv"
    """Of standard output: the format."""
    sort: str = ""
    """Headers of columns, `-` before those with the greatest first; empty: the server's order."""
    template: Path | None = None
    """A Jinja template that says what is written, whatever the suffix; None: the suffix says the format."""
    is_plain: bool = False
    """A workbook is one sheet of cells, without what people need to edit it and send it back."""
    is_forced: bool = False
    """A file that is there already is replaced."""
    form: Format = field(default_factory=Format)
    listener: ProgressListener | None = None
    is_stopping: Callable[[], bool] = lambda: False


async def run_export(what: What, client: Client, *, place: Place, how: How) -> Summary:
    """Export records in a run of its own and return what it came to.

    Pages are kept in the run's folder and the file is written when all are there, so nothing is half written
    and a run that was cut off can go on.

    Raises:
        Unusable: columns, filter or output cannot be used; nothing was written.
        NoAccess: the server cannot be reached or does not let us in.
    """
    clock = client.retry.now
    began = clock()
    started = place.now()
    earlier = Earlier(place.state)
    if what.mapping is not None:
        what = replace(what, entity=what.entity or load(what.mapping).entity)
    path = None
    if how.output != STANDARD_OUTPUT:
        path = output_path(how.output, cwd=place.cwd, now=started, entity=what.entity)
        if how.template is None:
            check_format(path)
        else:
            load_template(how.template, output=path)
        earlier.check(path, is_forced=how.is_forced)
    suffix = path.suffix.lower() if path is not None else how.suffix
    is_for_people = (
        how.template is None
        and suffix == WORKBOOK
        and what.mapping is None
        and not what.explode
        and not how.is_plain
    )
    what = replace(what, keeps_types=suffix not in TEXTS, is_for_people=is_for_people)
    schema = read_metadata(await client.metadata())
    entity = schema.entity(what.entity)
    subject = f"{client.url} {what.mapping or what.entity} {how.output}"
    changed = await newest_change(client, entity)
    what = _since(what, earlier.watermark(subject))
    plan = await plan_export(what, client, schema=schema)
    keys = read_sort(how.sort or (plan.back.mapping.document.export.sort if plan.back else ""), plan.header)
    if what.explode:
        check_explode(what.explode, plan.header, multiple=plan.multiple)
    run = begin_run(
        place.state, _facts(what, how, client=client, place=place, schema=schema, started=started)
    )
    place.begins(run)
    log.info("begins", extra={"run": run.id, "entity": what.entity, "url": client.url})
    stage = Stage(run.folder / PAGES)
    tally = Tally()
    ended: EtlError | None = None
    try:
        pages = export_records(
            plan,
            client,
            schema=schema,
            what=what,
            listener=how.listener,
            is_stopping=how.is_stopping,
        )
        async for page in pages:
            await asyncio.to_thread(stage.put, page)
    except RequestFailed as error:
        ended = ServerGone(client.url, reason=str(error))
    is_stopped = ended is not None or how.is_stopping()
    if not is_stopped:
        target = path or run.folder / f"{PIPED}{how.suffix}"
        choices = await choices_of(plan.columns, client, schema=schema) if is_for_people else {}
        facts = Described(plan, what, stage, run.id, client.url, f"{started:%Y-%m-%d %H:%M:%S %Z}", choices)
        await asyncio.to_thread(_write, facts, target, how=how, keys=keys, tally=tally)
        earlier.note(path, subject, changed=changed)
        stage.clear()
    summary = tally.summary(
        run.id,
        "export",
        mappings=[str(what.mapping)] if what.mapping else [],
        status="stopped" if is_stopped else None,
        requests=client.requests,
        retries=client.retries,
        seconds=clock() - began,
        error=str(ended) if ended else "interrupted; nothing was written." if is_stopped else None,
        folder=str(run.folder),
        instance=Instance(client.target.host, client.user, place.profile, client.version),
        version=place.version,
    )
    end_run(run, to_object(summary))
    log.info("ends", extra={"run": run.id, "status": summary.status})
    return summary


@dataclass(frozen=True, slots=True)
class Described:
    """An export that was read, on its way into a file."""

    plan: Plan
    what: What
    stage: Stage
    run: str
    url: str
    started: str
    """Records changed later may be there as they were before or after."""
    choices: Mapping[str, Sequence[str]]
    """Of a workbook for people: header -> what may be chosen there."""


def _write(export: Described, target: Path, *, how: How, keys: Sequence[SortKey], tally: Tally) -> None:
    """Write the pages into the file; it appears when it is whole."""
    plan, records = export.plan, 0

    def tables() -> Iterator[pa.Table]:
        nonlocal records
        for page in export.stage.pages():
            records += page.records
            yield page.rows

    rows: Iterator[pa.Table] = tables()
    if keys:
        rows = sorted_rows(rows, keys, folder=export.stage.folder / "sorted")
    metadata = {"entity": plan.entity.name, "url": export.url, "run": export.run, "started": export.started}
    described = {f"atro-etl.{name}": text for name, text in metadata.items()}
    if plan.back is None:
        described |= {f"atro-etl.column.{one.header}": one.address.text for one in plan.columns}
    if how.template is not None:
        template = load_template(how.template, output=target)
        write_by_template(template, target, tables=rows, header=plan.header, facts=metadata)
        tally.add_exported(plan.entity.name, records)
        return
    if export.what.is_for_people:
        book = book_of(plan.columns, separator=how.form.separator, choices=export.choices, **metadata)
        opening: AbstractContextManager[Writer] = opened_for_people(target, book)
    else:
        opening = opened(target, plan.header, form=_form(how.form, plan), metadata=described)
    with opening as writer:
        for table in rows:
            writer.write(table)
        if not records:
            writer.write(plan.empty())
    tally.add_exported(plan.entity.name, records)
    tally.add_problems(writer.problems)


def _form(form: Format, plan: Plan) -> Format:
    """Return how cells are written, where nothing was said as the mapping's source is."""
    if plan.back is None:
        return form
    source = plan.back.mapping.source
    encoding = source.encoding if source.encoding and form.encoding == Format().encoding else form.encoding
    return replace(form, delimiter=form.delimiter or source.delimiter or "", encoding=encoding, decimal=".")


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
    what: What, how: How, *, client: Client, place: Place, schema: Schema, started: datetime
) -> RunFacts:
    said = {**asdict(what), "mapping": str(what.mapping or "")}
    options = {**said, "output": how.output, "sort": how.sort, "cwd": str(place.cwd)}
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
        options=options,
    )
