"""Which plans may be carried out: of this instance, as they were written, young, and not applied yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from etl.errors import PlanRefused
from etl.importing import JOURNAL
from etl.planning import is_as_written
from etl.runs import list_runs

if TYPE_CHECKING:
    from pathlib import Path

    from etl.planning import PlanHeader
    from etl.runs import Place

DONE = ("ok", "partial")


def check_plan(path: Path, header: PlanHeader, *, url: str, max_age: timedelta | None, place: Place) -> None:
    """Refuse a plan that must not be carried out.

    Args:
        url: of the instance that is signed in to.
        max_age: None: any.
        place: its state folder knows what was applied.

    Raises:
        PlanRefused: says why.
    """
    if header.url != url:
        raise PlanRefused(
            str(path),
            reason=f"it was made for {header.url}, and this is {url}.",
            advice="Make one for this instance with `atro-etl plan`.",
        )
    again = "Make it anew with `atro-etl plan`, and look at it."
    if not is_as_written(path, header):
        raise PlanRefused(str(path), reason="it was edited or damaged after it was made.", advice=again)
    age = place.now() - datetime.fromisoformat(header.made)
    if max_age is not None and age > max_age:
        reason = f"it is {told_age(age)} old, and may be {told_age(max_age)}."
        raise PlanRefused(str(path), reason=reason, advice=f"{again} Or allow it with --max-age.")
    for run in list_runs(place.state):
        is_same = run.facts.verb == "apply" and [one.digest for one in run.facts.sources] == [header.digest]
        if is_same and run.status in DONE:
            raise PlanRefused(str(path), reason=f"run {run.id} applied it already.", advice=again)
        # Killed before it had a journal, it sent nothing.
        if is_same and run.status in ("stopped", "unfinished") and (run.folder / JOURNAL).exists():
            advice = f"Go on with `{place.command('resume', run.id)}`."
            raise PlanRefused(str(path), reason=f"run {run.id} applied a part of it.", advice=advice)


def told_age(age: timedelta) -> str:
    """Return a time span as people say it: `26 h`, `40 min`."""
    minutes = int(age.total_seconds() // 60)
    hours = minutes // 60
    return f"{hours} h" if hours >= 1 else f"{minutes} min"
