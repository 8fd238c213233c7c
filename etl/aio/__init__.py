"""The library for those who have an event loop: what `etl` offers, to be awaited."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from etl import api
from etl.aio.here import place_here
from etl.aio.plans import apply, undo
from etl.applying import resume_applied
from etl.exporting import How as HowToExport
from etl.exporting import What, read_table, resume_export, run_export
from etl.importing import HowToImport
from etl.importing.remembering import HowToRemember
from etl.importing.resuming import guards_of
from etl.mapping import in_order, load_to_bind
from etl.model import Limits
from etl.planning.guards import USUAL
from etl.running import resume_import, retry_import, run_import, run_plan
from etl.runs import find_run
from etl.scanning import Selection
from etl.schema import read_metadata
from etl.tables import ReadOptions
from etl.uploading import HowToUpload, WhatToUpload, resume_upload, run_upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from etl.api import Client, RetryClock, Secret
    from etl.delivery import OnDrift
    from etl.model import ProgressListener
    from etl.planning.guards import Guards
    from etl.report import Summary
    from etl.report.foreseen import Foreseen
    from etl.runs import Run, Typed

__all__ = [
    "apply",
    "connect",
    "export_file",
    "export_table",
    "import_table",
    "plan",
    "resume",
    "retry",
    "undo",
    "upload",
]

PATIENCE = api.RetryClock(first_pause_s=1.0)
"""Five tries of a request within half a minute, then a run stops and can be resumed."""


@asynccontextmanager
async def connect(
    url: str,
    *,
    username: str | None = None,
    password: str | Secret | None = None,
    token: str | Secret | None = None,
    limits: Limits = Limits(),
    retry: RetryClock = PATIENCE,
    fetch_headers: Mapping[str, Mapping[str, Secret]] | None = None,
) -> AsyncIterator[Client]:
    """Sign in at an instance and yield what imports and exports need.

    Args:
        url: of the instance, with or without `/api/v1`.
        password: for `username`; or a `token` of an earlier sign-in.
        limits: how much at once, and how long.
        retry: how long is waited between tries of a request without an answer.
        fetch_headers: origin such as `https://cdn.example` -> what requests for files there carry.

    Raises:
        NoAccess: the server cannot be reached or refuses.
        ConfigurationInvalid: `url` is no address.
    """
    async with api.connect(
        url,
        username=username,
        password=password,
        token=token,
        limits=limits,
        retry=retry,
        fetch_headers=fetch_headers,
    ) as client:
        yield client


async def import_table(
    source: Path | str | pd.DataFrame | None,
    mapping: Path | str,
    pim: Client,
    *,
    state_dir: Path | str | None = None,
    rows: tuple[int, int | None] = (1, None),
    limit: int | None = None,
    read_options: ReadOptions = ReadOptions(),
    profile: str = "",
    on_drift: OnDrift = "fail",
    reads_all_back: bool = False,
    verify_fraction: float = 0.02,
    refreshes: bool = False,
    guards: Guards = USUAL,
    listener: ProgressListener | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
    begins: Callable[[Run], None] = lambda _: None,
    typed: Typed | None = None,
) -> Summary:
    """Import a table as a mapping says and return what it came to; the report lies in the folder it names.

    Args:
        source: a path, a glob, `-` for standard input, an address like `https://…`, a DataFrame, or None for
            what the mapping names.
        mapping: a YAML file.
        state_dir: where runs are kept; None: `.atro-etl` beside the nearest `atro-etl.toml`, else here.
        rows: first and last row as seen in the file, 1-based; None: to the end.
        limit: so many rows at most.
        read_options: how the source is read, before what the mapping says.
        profile: a name for the report.
        on_drift: what becomes of a row whose record somebody changed in AtroCore since it was looked up.
        reads_all_back: every record is read back and compared with what was sent; else a sample is.
        verify_fraction: the share of known rows that is compared all the same, others each time.
        refreshes: every row is compared with the server, whatever is known of it.
        guards: what stops the run; its summary says so then (`Summary.guard`).
        listener: told how far the run is; from the thread of the event loop or another one.
        is_stopping: asked before each request; true ends the run after those in flight.
        begins: told the run once its folder is there.
        typed: what the next commands repeat of the one that was typed; None: `profile` and `state_dir`.

    Raises:
        Unusable: mapping or source cannot be used; nothing was sent.
        NoAccess: the server cannot be asked; nothing was sent.
    """
    how = HowToImport(
        clock=pim.retry,
        on_drift=on_drift,
        reads_all_back=reads_all_back,
        remember=HowToRemember(verify_fraction=verify_fraction, refreshes=refreshes),
        guards=guards,
        limits=pim.limits,
        selection=Selection(*rows, limit),
        listener=listener,
        is_stopping=is_stopping,
    )
    place = place_here(state_dir, profile=profile, begins=begins, typed=typed)
    return await run_import(
        source, Path(mapping), client=pim, place=place, how=how, read_options=read_options
    )


async def order_mappings(mappings: Sequence[Path | str], pim: Client) -> list[Path]:
    """Return mappings in the order their links need: what others point to comes first.

    Raises:
        MappingInvalid, SourceMissing: one of them cannot be used.
        RequestFailed, NoAccess: the server cannot be asked for its schema.
    """
    loaded = [load_to_bind(Path(one)) for one in mappings]
    schema = read_metadata(await pim.metadata())
    return [one.path for one in in_order(loaded, schema)]


async def plan(
    source: Path | str | pd.DataFrame | None,
    mapping: Path | str,
    pim: Client,
    *,
    output: Path | str | None = None,
    state_dir: Path | str | None = None,
    rows: tuple[int, int | None] = (1, None),
    limit: int | None = None,
    read_options: ReadOptions = ReadOptions(),
    profile: str = "",
    listener: ProgressListener | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
    begins: Callable[[Run], None] = lambda _: None,
    typed: Typed | None = None,
) -> Foreseen:
    """Find out what `import_table` would do with the same arguments; nothing that changes anything is sent.

    Args:
        output: where the plan is written, a Parquet file; None: into the run's folder.

    Raises:
        Unusable, NoAccess: see `import_table`.
        Interrupted: `is_stopping` said so.
    """
    how = HowToImport(
        clock=pim.retry,
        limits=pim.limits,
        selection=Selection(*rows, limit),
        listener=listener,
        is_stopping=is_stopping,
    )
    return await run_plan(
        source,
        Path(mapping),
        client=pim,
        place=place_here(state_dir, profile=profile, begins=begins, typed=typed),
        how=how,
        plan=None if output is None else Path(output),
        read_options=read_options,
    )


async def export_table(
    entity: str,
    pim: Client,
    *,
    where: str = "",
    columns: Sequence[str] = (),
    limit: int | None = None,
    listener: ProgressListener | None = None,
) -> pd.DataFrame:
    """Return records as a DataFrame with Arrow-backed columns; all of them in memory.

    Args:
        where: a filter, as `--where` takes it; empty: every record.
        columns: addresses, as `--columns` takes them; none: every field that lists show.
        limit: so many records at most.

    Raises:
        Unusable: filter or columns name what is not there.
        RequestFailed, NoAccess: the server cannot be asked.
    """
    what = What(entity=entity, where=where, columns=",".join(columns), limit=limit)
    found: pd.DataFrame = (await read_table(what, pim, listener=listener)).to_pandas(
        types_mapper=pd.ArrowDtype
    )
    return found


async def export_file(
    what: What,
    pim: Client,
    *,
    how: HowToExport,
    state_dir: Path | str | None = None,
    profile: str = "",
    begins: Callable[[Run], None] = lambda _: None,
    typed: Typed | None = None,
) -> Summary:
    """Write records into a file and return what it came to; the file appears when it is whole.

    Raises:
        Unusable: columns, filter or output cannot be used; nothing was written.
        NoAccess: the server cannot be asked.
    """
    place = place_here(state_dir, profile=profile, begins=begins, typed=typed)
    return await run_export(what, pim, place=place, how=how)


async def upload(
    paths: Sequence[Path | str],
    pim: Client,
    *,
    folder: str = "",
    is_dry: bool = False,
    state_dir: Path | str | None = None,
    profile: str = "",
    listener: ProgressListener | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
    begins: Callable[[Run], None] = lambda _: None,
    typed: Typed | None = None,
) -> Summary:
    """Upload files and return what it came to; what is on the server already is not sent again.

    Args:
        paths: files, folders with all below them, or addresses like `https://…`.
        folder: where in AtroCore, such as `shop/images`; made where it is missing.
        is_dry: only look what would be uploaded.

    Raises:
        Unusable: a path is not there; nothing was sent.
        RequestFailed, NoAccess: the server cannot be asked.
    """
    place = place_here(state_dir, profile=profile, begins=begins, typed=typed)
    how = HowToUpload(is_dry=is_dry, listener=listener, is_stopping=is_stopping)
    return await run_upload(WhatToUpload(tuple(map(str, paths)), folder), pim, place=place, how=how)


async def resume(
    run: str | None,
    pim: Client,
    *,
    state_dir: Path | str | None = None,
    profile: str = "",
    guards: Guards | None = None,
    listener: ProgressListener | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
    begins: Callable[[Run], None] = lambda _: None,
    typed: Typed | None = None,
) -> Summary:
    """Go on with a stopped or killed import, export, upload, apply or undo; return what it came to.

    Args:
        run: its name or the beginning of it; None: the last import.
        guards: None: those that it was begun with.

    Raises:
        RunUnknown: there is none.
        ResumeRefused: what it stood on has changed.
        Unusable, NoAccess: see `import_table`.
    """
    place = place_here(state_dir, profile=profile, begins=begins, typed=typed)
    found = find_run(place.state, run, verb="import")
    how = HowToImport(
        clock=pim.retry,
        limits=pim.limits,
        guards=guards_of(found) if guards is None else guards,
        listener=listener,
        is_stopping=is_stopping,
    )
    if found.facts.verb == "export":
        return await resume_export(found, pim, place=place, listener=listener, is_stopping=is_stopping)
    if found.facts.verb == "upload":
        again = HowToUpload(listener=listener, is_stopping=is_stopping)
        return await resume_upload(found, pim, place=place, how=again)
    if found.facts.verb in ("apply", "undo"):
        return await resume_applied(found, client=pim, place=place, how=how)
    return await resume_import(found, client=pim, place=place, how=how)


async def retry(
    run: str | None,
    pim: Client,
    *,
    state_dir: Path | str | None = None,
    profile: str = "",
    on_drift: OnDrift = "fail",
    guards: Guards = USUAL,
    listener: ProgressListener | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
    begins: Callable[[Run], None] = lambda _: None,
    typed: Typed | None = None,
) -> Summary:
    """Import the rejected rows of a run, as they lie in its folder now, in a run of its own.

    Args:
        run: its name or the beginning of it; None: the last import.

    Raises:
        RunUnknown: there is none.
        RetryRefused: every row of it arrived, or it was stopped and is to be resumed first.
        Unusable, NoAccess: see `import_table`.
    """
    place = place_here(state_dir, profile=profile, begins=begins, typed=typed)
    how = HowToImport(
        clock=pim.retry,
        on_drift=on_drift,
        guards=guards,
        limits=pim.limits,
        listener=listener,
        is_stopping=is_stopping,
    )
    found = find_run(place.state, run, verb="import")
    return await retry_import(found, client=pim, place=place, how=how)
