"""A link that failed and is tried again by `resume`: what counts in the end is how it ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from pyarrow import parquet

import etl
from etl.model import Limits
from etl.sandbox import run_in_thread
from tests.delivery.feeds import CLOCK, UNGUARDED, set_faults
from tests.importing.test_files import GALLERY

if TYPE_CHECKING:
    from etl.model import Progress
    from etl.report import Summary

ROWS = 3


async def stopped_and_resumed(url: str, folder: Path) -> tuple[Summary, Summary]:
    """Half of the first link is stored, then the run is stopped, and gone on with."""
    (folder / "a.png").write_bytes(b"\x89PNG")
    (folder / "feed.yaml").write_text(GALLERY.replace("base: images", "base: ."))
    (folder / "feed.csv").write_text("No,Name,Images\n1,a,a.png\n2,b,a.png\n3,c,a.png\n")
    bad: list[int] = []

    def listen(progress: Progress) -> None:
        if progress.phase == "send" and progress.rows == ROWS and not bad:
            set_faults(url, "half_stored=@1")
        bad.extend([1] * bool(progress.failed))

    limits = Limits(batch_rows=1, in_flight=1)
    options = {"state_dir": folder / "state", "guards": UNGUARDED}
    async with etl.aio.connect(url, username="admin", password="admin", limits=limits, retry=CLOCK) as pim:
        stopped = await etl.aio.import_table(
            folder / "feed.csv",
            folder / "feed.yaml",
            pim,
            listener=listen,
            is_stopping=lambda: bool(bad),
            **options,
        )
        set_faults(url, "")
        return stopped, await etl.aio.resume(stopped.run, pim, state_dir=folder / "state")


def test_a_link_that_failed_and_succeeds_after_resume_is_no_failure(tmp_path):
    with run_in_thread(db=tmp_path / "sandbox.db", seed=1, generation="2.2") as sandbox:
        stopped, done = asyncio.run(stopped_and_resumed(sandbox.url, tmp_path))
    assert (stopped.status, stopped.rows.failed) == ("stopped", 1), stopped.problems
    assert (done.status, done.rows.created, done.rows.failed) == ("ok", ROWS, 0), done.problems
    assert (done.problems, done.reasons) == ((), {})
    assert not list(Path(done.folder).glob("rejected.*"))
    statuses = parquet.read_table(f"{done.folder}/results.parquet")["status"].to_pylist()
    assert "failed" not in statuses
