"""The library for scripts and notebooks: `aio`, waited for. The event loop runs in a thread of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from etl import aio
from etl.aio.plans import MAX_AGE
from etl.blocking.loop import Asking, Loop
from etl.model import Limits
from etl.planning.guards import USUAL
from etl.tables import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    import pandas as pd

    from etl.api import Client, RetryClock, Secret
    from etl.applying import Intent
    from etl.delivery import OnDrift
    from etl.exporting import How as HowToExport
    from etl.exporting import What
    from etl.model import ProgressListener
    from etl.planning.guards import Guards
    from etl.report import Summary
    from etl.report.foreseen import Foreseen
    from etl.runs import Run, Typed


class Pim:
    """An instance that somebody is signed in to; made by `connect`."""

    def __init__(self, client: Client, loop: Loop) -> None:
        self.client = client
        self.loop = loop

    def __repr__(self) -> str:
        return f"Pim({self.client.url!r})"


@contextmanager
def connect(
    url: str,
    *,
    username: str | None = None,
    password: str | Secret | None = None,
    token: str | Secret | None = None,
    limits: Limits = Limits(),
    retry: RetryClock = aio.PATIENCE,
    fetch_headers: Mapping[str, Mapping[str, Secret]] | None = None,
) -> Iterator[Pim]:
    """Sign in at an instance; see `aio.connect`.

    Raises:
        NoAccess, ConfigurationInvalid: see `aio.connect`.
    """
    with Loop() as loop:
        door = aio.connect(
            url,
            username=username,
            password=password,
            token=token,
            limits=limits,
            retry=retry,
            fetch_headers=fetch_headers,
        )
        client = loop.wait_for(door.__aenter__())
        try:
            yield Pim(client, loop)
        finally:
            loop.wait_for(door.__aexit__(None, None, None))


def import_table(
    source: Path | str | pd.DataFrame | None,
    mapping: Path | str,
    pim: Pim,
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
    """Import a table as a mapping says and return what it came to; see `aio.import_table`."""
    return pim.loop.wait_for(
        aio.import_table(
            source,
            mapping,
            pim.client,
            state_dir=state_dir,
            rows=rows,
            limit=limit,
            read_options=read_options,
            profile=profile,
            on_drift=on_drift,
            reads_all_back=reads_all_back,
            verify_fraction=verify_fraction,
            refreshes=refreshes,
            guards=guards,
            listener=listener,
            is_stopping=is_stopping,
            begins=begins,
            typed=typed,
        )
    )


def plan(
    source: Path | str | pd.DataFrame | None,
    mapping: Path | str,
    pim: Pim,
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
    """Find out what `import_table` would do with the same arguments; see `aio.plan`."""
    return pim.loop.wait_for(
        aio.plan(
            source,
            mapping,
            pim.client,
            output=output,
            state_dir=state_dir,
            rows=rows,
            limit=limit,
            read_options=read_options,
            profile=profile,
            listener=listener,
            is_stopping=is_stopping,
            begins=begins,
            typed=typed,
        )
    )


def apply(
    plan: Path | str,
    pim: Pim,
    *,
    state_dir: Path | str | None = None,
    profile: str = "",
    max_age: timedelta | None = MAX_AGE,
    approved_by: str = "",
    on_drift: OnDrift = "fail",
    guards: Guards = USUAL,
    agrees: Callable[[Intent], bool] = lambda _: True,
    listener: ProgressListener | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
    begins: Callable[[Run], None] = lambda _: None,
    typed: Typed | None = None,
) -> Summary:
    """Carry out a plan, or what was accepted in its workbook; see `aio.apply`."""
    asking = Asking(agrees)
    return pim.loop.wait_for(
        aio.apply(
            plan,
            pim.client,
            state_dir=state_dir,
            profile=profile,
            max_age=max_age,
            approved_by=approved_by,
            on_drift=on_drift,
            guards=guards,
            agrees=asking,
            listener=listener,
            is_stopping=is_stopping,
            begins=begins,
            typed=typed,
        ),
        asking,
    )


def undo(
    run: str | None,
    pim: Pim,
    *,
    state_dir: Path | str | None = None,
    profile: str = "",
    deletes_created: bool = False,
    on_drift: OnDrift = "fail",
    agrees: Callable[[Intent], bool] = lambda _: True,
    listener: ProgressListener | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
    begins: Callable[[Run], None] = lambda _: None,
    typed: Typed | None = None,
) -> Summary:
    """Take back what a run did; see `aio.undo`."""
    asking = Asking(agrees)
    return pim.loop.wait_for(
        aio.undo(
            run,
            pim.client,
            state_dir=state_dir,
            profile=profile,
            deletes_created=deletes_created,
            on_drift=on_drift,
            agrees=asking,
            listener=listener,
            is_stopping=is_stopping,
            begins=begins,
            typed=typed,
        ),
        asking,
    )


def order_mappings(mappings: Sequence[Path | str], pim: Pim) -> list[Path]:
    """Return mappings in the order their links need; see `aio.order_mappings`."""
    return pim.loop.wait_for(aio.order_mappings(mappings, pim.client))


def upload(
    paths: Sequence[Path | str],
    pim: Pim,
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
    """Upload files and return what it came to; see `aio.upload`."""
    return pim.loop.wait_for(
        aio.upload(
            paths,
            pim.client,
            folder=folder,
            is_dry=is_dry,
            state_dir=state_dir,
            profile=profile,
            listener=listener,
            is_stopping=is_stopping,
            begins=begins,
            typed=typed,
        )
    )


def resume(
    run: str | None,
    pim: Pim,
    *,
    state_dir: Path | str | None = None,
    profile: str = "",
    guards: Guards | None = None,
    listener: ProgressListener | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
    begins: Callable[[Run], None] = lambda _: None,
    typed: Typed | None = None,
) -> Summary:
    """Go on with a stopped or killed import; see `aio.resume`."""
    return pim.loop.wait_for(
        aio.resume(
            run,
            pim.client,
            state_dir=state_dir,
            profile=profile,
            guards=guards,
            listener=listener,
            is_stopping=is_stopping,
            begins=begins,
            typed=typed,
        )
    )


def retry(
    run: str | None,
    pim: Pim,
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
    """Import the rejected rows of a run once more; see `aio.retry`."""
    return pim.loop.wait_for(
        aio.retry(
            run,
            pim.client,
            state_dir=state_dir,
            profile=profile,
            on_drift=on_drift,
            guards=guards,
            listener=listener,
            is_stopping=is_stopping,
            begins=begins,
            typed=typed,
        )
    )


def export_table(
    entity: str,
    pim: Pim,
    *,
    where: str = "",
    columns: Sequence[str] = (),
    limit: int | None = None,
    listener: ProgressListener | None = None,
) -> pd.DataFrame:
    """Return records as a DataFrame; see `aio.export_table`."""
    work = aio.export_table(entity, pim.client, where=where, columns=columns, limit=limit, listener=listener)
    return pim.loop.wait_for(work)


def export_file(
    what: What,
    pim: Pim,
    *,
    how: HowToExport,
    state_dir: Path | str | None = None,
    profile: str = "",
    begins: Callable[[Run], None] = lambda _: None,
    typed: Typed | None = None,
) -> Summary:
    """Write records into a file and return what it came to; see `aio.export_file`."""
    return pim.loop.wait_for(
        aio.export_file(
            what, pim.client, how=how, state_dir=state_dir, profile=profile, begins=begins, typed=typed
        )
    )
