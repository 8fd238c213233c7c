"""How far a run is, on standard error: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from etl.report import neutral

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import TaskID

    from etl.model import Phase, Progress, ProgressListener

TITLES: dict[Phase, str] = {
    "scan": "Reading",
    "send": "Sending",
    "export": "Fetching",
    "upload": "Uploading",
}
EVERY_S = 5.0
"""Seconds between two plain lines."""
MINUTE_S, HOUR_S = 60, 3600
MB = 1_000_000


@contextmanager
def bar(err: TextIO) -> Iterator[ProgressListener]:
    """Show one bar for each phase on a terminal, gone when the run is over."""
    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("[red]{task.fields[failed]}"),
        TimeRemainingColumn(),
        console=RichConsole(file=err, stderr=True),
        transient=True,
        refresh_per_second=5,
    )
    tasks: dict[Phase, TaskID] = {}

    def show(progress: Progress) -> None:
        if progress.phase not in tasks:
            tasks[progress.phase] = bars.add_task(
                TITLES[progress.phase], total=progress.rows_total, rate="", failed=""
            )
        task = tasks[progress.phase]
        speed = bars.tasks[bars.task_ids.index(task)].speed
        bars.update(
            task,
            completed=progress.rows,
            total=progress.rows_total,
            rate=_file(progress) if progress.phase == "upload" else f"{speed:,.0f} rows/s" if speed else "",
            failed=f"{progress.failed:,} failed" if progress.failed else "",
        )

    with bars:
        yield show


def lines(
    write: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic, every_s: float = EVERY_S
) -> ProgressListener:
    """Return a listener that writes a line when `every_s` seconds have gone by since the last one.

    Args:
        clock: seconds that never go back.
    """
    began: dict[Phase, float] = {}
    last = clock()

    def show(progress: Progress) -> None:
        nonlocal last
        now = clock()
        start = began.setdefault(progress.phase, now)
        if now - last < every_s:
            return
        last = now
        write(to_line(progress, elapsed_s=now - start))

    return show


def to_line(progress: Progress, *, elapsed_s: float) -> str:
    """Return `Sending: 12,000 of 200,000 rows (6 %), 1,200 rows/s, 3 failed, 2 min 37 s left`.

    Of uploads `Uploading: 12 of 200 files (6 %), 34.5 MB, 3.2 MB/s, film.mp4 40 %`.
    """
    done, total = progress.rows, progress.rows_total
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    is_upload = progress.phase == "upload"
    unit = "files" if is_upload else "rows"
    share = "" if total is None else f" ({_percent(done, total)} %)"
    parts = [f"{done:,} {unit}" if total is None else f"{done:,} of {total:,} {unit}{share}"]
    if is_upload and elapsed_s > 0:
        parts.append(f"{progress.bytes_done / MB:,.1f} MB, {progress.bytes_done / MB / elapsed_s:,.1f} MB/s")
    elif rate:
        parts.append(f"{rate:,.0f} rows/s")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if rate and total is not None and total > done:
        parts.append(f"{to_duration((total - done) / rate)} left")
    if file := _file(progress):
        parts.append(file)
    return f"{TITLES[progress.phase]}: {', '.join(parts)}"


def _file(progress: Progress) -> str:
    """Return the file that is under way: `film.mp4 40 %`; empty: none, or one that goes in one request."""
    if not progress.file or progress.file_bytes_done >= progress.file_bytes:
        return ""
    return f"{neutral(progress.file)} {_percent(progress.file_bytes_done, progress.file_bytes)} %"


def to_duration(seconds: float) -> str:
    """Return `9 s`, `2 min 37 s` or `3 h 05 min`."""
    whole = round(seconds)
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S} min {whole % MINUTE_S:02} s"
    return f"{whole // HOUR_S} h {whole % HOUR_S // MINUTE_S:02} min"


def _percent(done: int, total: int) -> int:
    return done * 100 // total if total else 100
