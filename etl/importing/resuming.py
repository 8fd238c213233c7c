"""How an import was begun, kept with its run: whatever `resume` is typed with, it goes on the same way."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from etl.scanning import Selection
from etl.tables import ReadOptions

if TYPE_CHECKING:
    from etl.delivery import OnDrift
    from etl.importing.how import HowToImport
    from etl.runs import Run
    from etl.runs.folder import Json


def begun_with(how: HowToImport, read_options: ReadOptions) -> dict[str, Json]:
    """Return what is to be kept, for `RunFacts.options`."""
    said = dataclasses.asdict(read_options)
    return {
        "first": how.selection.first,
        "last": how.selection.last,
        "limit": how.selection.limit,
        "on_drift": how.on_drift,
        "reads_all_back": how.reads_all_back,
        "read": {name: value for name, value in said.items() if value is not None},
    }


def as_begun(how: HowToImport, run: Run) -> HowToImport:
    """Return what an import is told to go on with a run."""
    first, last, limit = (run.facts.options.get(name) for name in ("first", "last", "limit"))
    selection = Selection(
        first if isinstance(first, int) else 1,
        last if isinstance(last, int) else None,
        limit if isinstance(limit, int) else None,
    )
    reads_all_back = run.facts.options.get("reads_all_back") is True
    return dataclasses.replace(
        how, selection=selection, on_drift=drift_of(run), reads_all_back=reads_all_back
    )


def drift_of(run: Run) -> OnDrift:
    """Return what a run was told to do about records that somebody changed meanwhile."""
    said = run.facts.options.get("on_drift")
    return "skip" if said == "skip" else "overwrite" if said == "overwrite" else "fail"


def read_options_of(run: Run) -> ReadOptions:
    """Return how the source of a run was read."""
    said = run.facts.options.get("read")
    known = {field.name for field in dataclasses.fields(ReadOptions)}
    given = {name: value for name, value in said.items() if name in known} if isinstance(said, dict) else {}
    return ReadOptions(**given)  # type: ignore[arg-type]  # as `begun_with` wrote them
