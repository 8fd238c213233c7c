"""A run that uploads files: what the paths mean, the files themselves, what they came to."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import ConfigurationInvalid, EtlError, NothingToResume, RequestFailed, Stopped, stopped_by
from etl.files import Address, Flaw, Uploads, Wanted, files_in
from etl.model import Problem
from etl.problems import say
from etl.report import FileCounts, Instance, Summary, to_object
from etl.report.tally import Tally
from etl.runs import RunFacts, begin_run, end_run, load_run, new_run_id
from etl.runs.places import named_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from etl.api import Client
    from etl.files import Counts, Stored
    from etl.model import ProgressListener
    from etl.report import RunStatus
    from etl.runs import Place, Run, RunLock

log = logging.getLogger(__name__)

VERB = "upload"
RESULTS = "files.csv"
"""Name in the folder of a run: a line for each file."""
HEADER = ("file", "status", "id", "name", "bytes", "md5", "link", "view_link", "code", "message")
PORTION = 1024
"""Files asked for at once: their lines stand in the file of results as soon as they are through."""
ADDRESSES = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class WhatToUpload:
    """Files, and where they go."""

    paths: tuple[str, ...]
    """Files, folders with all below them, or addresses like `https://…`; relative to the current folder."""
    folder: str = ""
    """In AtroCore, such as `shop/images`, made where it is missing; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HowToUpload:
    """How far, and who is told."""

    is_dry: bool = False
    """Only look what would be uploaded."""
    listener: ProgressListener | None = None
    is_stopping: Callable[[], bool] = lambda: False


async def run_upload(what: WhatToUpload, client: Client, *, place: Place, how: HowToUpload) -> Summary:
    """Upload files in a run of its own and return what it came to; a dry one leaves no run.

    Raises:
        ConfigurationInvalid: a path is not there, or there is no file below it; nothing was sent.
        RequestFailed, NoAccess: the server cannot be asked.
    """
    files = await asyncio.to_thread(_listed, what, place.cwd)
    if how.is_dry:
        return await _foreseen(files, client, place=place, how=how)
    facts = _facts(what, client, place)
    with place.lock(facts.run) as lock:
        run = begin_run(place.state, facts)
        place.begins(run)
        return await _carried(run, what, files, client=client, place=place, how=_until_lost(how, lock))


async def resume_upload(run: Run, client: Client, *, place: Place, how: HowToUpload) -> Summary:
    """Go on with a run that was stopped or killed: what stands on the server is not sent again.

    Raises:
        RunLocked: a process is at work on it.
        NothingToResume: it came to its end.
        ConfigurationInvalid, RequestFailed, NoAccess: see `run_upload`.
    """
    with place.lock(run.id) as lock:
        return await _resumed(load_run(run.folder), client, place=place, how=_until_lost(how, lock))


async def _resumed(run: Run, client: Client, *, place: Place, how: HowToUpload) -> Summary:
    if run.status in ("ok", "partial"):
        raise NothingToResume(run.id, status=run.status, retry="")
    options = run.facts.options
    paths = options.get("paths")
    what = WhatToUpload(
        tuple(map(str, paths)) if isinstance(paths, list) else (), str(options.get("folder") or "")
    )
    files = await asyncio.to_thread(_listed, what, Path(str(options.get("cwd", "."))))
    place.begins(run)
    return await _carried(run, what, files, client=client, place=place, how=how)


def _until_lost(how: HowToUpload, lock: RunLock) -> HowToUpload:
    """Let an upload stop where another process took it over, for example while this machine was asleep."""
    stops = how.is_stopping
    return dataclasses.replace(how, is_stopping=lambda: stops() or lock.is_lost)


async def _carried(
    run: Run,
    what: WhatToUpload,
    files: Sequence[Wanted | Problem],
    *,
    client: Client,
    place: Place,
    how: HowToUpload,
) -> Summary:
    tally = Tally()
    began = client.retry.now()
    ended_by: EtlError | None = None
    log.info("begins", extra={"run": run.id, "files": len(files), "url": client.url})
    with Uploads(
        client, place.state, folder=run.folder / "fetched", listener=how.listener, is_stopping=how.is_stopping
    ) as uploads:
        try:
            await _upload(files, uploads, tally, results=run.folder / RESULTS)
        except RequestFailed as failure:
            ended_by = stopped_by(failure, client.url)
        except EtlError as error:
            ended_by = error
        _count(tally, files, uploads.counts)
    command = place.command(VERB, *what.paths, *(["--folder", what.folder] if what.folder else []))
    summary = _summary(
        tally,
        client,
        place,
        run=run,
        seconds=client.retry.now() - began,
        ended_by=ended_by,
        next_commands=[command] if ended_by is not None else [],
    )
    end_run(run, to_object(summary))
    log.info("ends", extra={"run": run.id, "status": summary.status})
    if ended_by is not None and not isinstance(ended_by, Stopped):
        raise ended_by
    return summary


async def _upload(
    files: Sequence[Wanted | Problem], uploads: Uploads, tally: Tally, *, results: Path
) -> None:
    with results.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        for start in range(0, len(files), PORTION):
            part = files[start : start + PORTION]
            tally.add_problems(one for one in part if isinstance(one, Problem))
            stored = await uploads.ensure([one for one in part if isinstance(one, Wanted)])
            tally.add_problems(problem for one in stored if (problem := _problem(one)) is not None)
            table.writerows(map(_line, stored))


async def _foreseen(
    files: Sequence[Wanted | Problem], client: Client, *, place: Place, how: HowToUpload
) -> Summary:
    tally = Tally()
    began = client.retry.now()
    tally.add_problems(one for one in files if isinstance(one, Problem))
    with Uploads(client, place.state, listener=how.listener, is_stopping=how.is_stopping) as uploads:
        stored = await uploads.foresee([one for one in files if isinstance(one, Wanted)])
        tally.add_problems(problem for one in stored if (problem := _problem(one)) is not None)
        _count(tally, files, uploads.counts)
    return _summary(tally, client, place, seconds=client.retry.now() - began)


def _listed(what: WhatToUpload, cwd: Path) -> list[Wanted | Problem]:
    files = list(_files(what, cwd))
    if not files:
        raise ConfigurationInvalid(
            "PATH", what=f"there is no file below {', '.join(what.paths)}.", advice="Give another folder."
        )
    return files


def _files(what: WhatToUpload, cwd: Path) -> Iterator[Wanted | Problem]:
    """Yield what paths mean; the folders below a folder become folders below `what.folder`."""
    for text in what.paths:
        if text.lower().startswith(ADDRESSES):
            yield Wanted(Address(text), folder=what.folder)
            continue
        path = cwd / Path(text).expanduser()
        if not path.is_dir():
            if not path.exists():
                raise ConfigurationInvalid(
                    "PATH", what=f"there is no file or folder {text}.", advice="Correct the path."
                )
            yield Wanted(path, folder=what.folder)
            continue
        for found in files_in(path):
            if isinstance(found, Flaw):
                yield Problem(found.code, found.facts["path"], facts=found.facts)
                continue
            below = found.relative_to(path).parent.as_posix()
            yield Wanted(found, folder="/".join(one for one in (what.folder, below) if one not in ("", ".")))


def _facts(what: WhatToUpload, client: Client, place: Place) -> RunFacts:
    return RunFacts(
        new_run_id(place.now(), place.chance()),
        VERB,
        mappings=(),
        sources=(),
        url=client.url,
        user=client.user,
        profile=place.profile,
        schema_digest="",
        version=place.version,
        started=place.now().isoformat(timespec="seconds"),
        options={**place.kept(), "paths": list(what.paths), "folder": what.folder},
    )


def _summary(
    tally: Tally,
    client: Client,
    place: Place,
    *,
    seconds: float,
    run: Run | None = None,
    ended_by: EtlError | None = None,
    next_commands: Sequence[str] = (),
) -> Summary:
    status: RunStatus = "ok"
    if ended_by is not None:
        status = "stopped" if isinstance(ended_by, Stopped) else "failed"
    elif tally.files.failed:
        status = "partial"
    return tally.summary(
        run.id if run is not None else "",
        VERB,
        status=status,
        requests=client.requests,
        retries=client.retries,
        seconds=seconds,
        error=str(ended_by) if ended_by is not None else None,
        resumable=status == "stopped",
        next_commands=next_commands,
        folder=named_from(place.cwd, run.folder) if run is not None else "",
        instance=Instance(client.target.host, client.user, place.profile, client.version),
        version=place.version,
    )


def _count(tally: Tally, files: Sequence[Wanted | Problem], counts: Counts) -> None:
    unusable = sum(isinstance(one, Problem) for one in files)
    tally.add_files(
        FileCounts(
            uploaded=counts.uploaded,
            reused=counts.reused,
            failed=counts.failed + unusable,
            bytes=counts.bytes,
            missing=counts.missing,
            upload_ms=counts.upload_ms,
        )
    )


def _problem(stored: Stored) -> Problem | None:
    if stored.flaw is None:
        return None
    return Problem(stored.flaw.code, _source(stored), facts=stored.flaw.facts)


def _line(stored: Stored) -> tuple[object, ...]:
    problem = _problem(stored)
    return (
        _source(stored),
        stored.status.value,
        stored.file_id,
        stored.name,
        stored.size_bytes,
        stored.md5,
        stored.link,
        stored.view_link,
        problem.code if problem is not None else "",
        say(problem) if problem is not None else "",
    )


def _source(stored: Stored) -> str:
    source = stored.wanted.source
    return source.url if isinstance(source, Address) else str(source)
