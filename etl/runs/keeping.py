"""Old runs out of the way, and one run packed for a colleague."""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import TYPE_CHECKING

from etl.runs.folder import list_runs
from etl.runs.lock import running_runs
from etl.runs.places import INCOMING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from etl.runs.folder import Json, Run

SUMMARY = "summary.json"
ABOUT = ("run.json", SUMMARY, "run.log")
ROWS = ("results.parquet", "rejected.csv", "rejected.xlsx", "rejected.parquet", "report.html")


def old_runs(state: Path, keep: int, *, now: datetime) -> list[Run]:
    """Return the runs beyond the `keep` newest, the oldest last, without those that are under way.

    Args:
        now: with its time zone.
    """
    busy = running_runs(state, now=now)
    return [run for run in list_runs(state)[max(keep, 0) :] if run.id not in busy]


def remove_run(run: Run) -> int:
    """Remove the folder of a run with all that lies in it, and the copy of its source; return their bytes."""
    folders = [run.folder, run.folder.parent.parent / INCOMING / run.id]
    taken = sum(path.stat().st_size for one in folders for path in one.rglob("*") if path.is_file())
    # The run goes last: what was cut off is found and removed the next time.
    for folder in reversed(folders):
        if folder.exists():
            shutil.rmtree(folder)
    return taken


def pack_run(run: Run, target: Path, *, with_rows: bool) -> list[str]:
    """Write what tells of a run into a ZIP file and return the names of its parts.

    Secrets are in none of them; the journal, and what only this machine needs, stays here.

    Args:
        with_rows: False: without the files that hold cells of the source, and without those in the summary;
            where something is wrong stays.
    """
    names = [name for name in (*ABOUT, *(ROWS if with_rows else ())) if (run.folder / name).is_file()]
    beside = target.with_name(f"{target.name}.new")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            if name == SUMMARY and not with_rows:
                archive.writestr(f"{run.id}/{name}", json.dumps(_without_cells(run), indent=1) + "\n")
            else:
                archive.write(run.folder / name, f"{run.id}/{name}")
    beside.replace(target)
    return names


def _without_cells(run: Run) -> dict[str, Json]:
    """Return the summary of a run: of problems where they are and which, of link targets how many lack."""
    said = dict(run.summary or {})
    problems = said.get("problems")
    if isinstance(problems, list):
        said["problems"] = [{**one, "value": "", "message": ""} for one in problems if isinstance(one, dict)]
    if "missing" in said:
        said["missing"] = []
    return said
