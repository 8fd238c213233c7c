"""How an import was begun, kept with its run: whatever `resume` is typed with, it goes on the same way."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from etl.errors import HeldBack
from etl.planning.guards import USUAL, Guards, Threshold
from etl.scanning import Selection
from etl.tables import ReadOptions

if TYPE_CHECKING:
    from etl.delivery import OnDrift
    from etl.errors import EtlError
    from etl.importing.how import HowToImport
    from etl.runs import Place, Run
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
        "verify_fraction": how.remember.verify_fraction,
        "refreshes": how.remember.refreshes,
        "guards": told_guards(how.guards),
        "read": {name: value for name, value in said.items() if value is not None},
    }


def as_begun(how: HowToImport, run: Run) -> HowToImport:
    """Return what an import is told to go on with a run; its guards are said already, by `how`."""
    first, last, limit = (run.facts.options.get(name) for name in ("first", "last", "limit"))
    selection = Selection(
        first if isinstance(first, int) else 1,
        last if isinstance(last, int) else None,
        limit if isinstance(limit, int) else None,
    )
    options = run.facts.options
    share = options.get("verify_fraction")
    remember = dataclasses.replace(
        how.remember,
        verify_fraction=share if isinstance(share, int | float) else how.remember.verify_fraction,
        refreshes=options.get("refreshes") is True,
    )
    return dataclasses.replace(
        how,
        selection=selection,
        on_drift=drift_of(run),
        reads_all_back=options.get("reads_all_back") is True,
        remember=remember,
    )


def told_guards(guards: Guards) -> dict[str, Json]:
    """Return guards as JSON; thresholds as they are typed."""
    values = {one.name: getattr(guards, one.name) for one in dataclasses.fields(Guards)}
    return {name: value if isinstance(value, bool) else str(value) for name, value in values.items()}


def guards_of(run: Run) -> Guards:
    """Return the guards that a run was begun with."""
    said = run.facts.options.get("guards")
    if not isinstance(said, dict):  # a run of an earlier build, or one that needs none
        return USUAL
    values = {
        name: value if isinstance(value, bool) else Threshold.parse(str(value))
        for name, value in said.items()
        if name in {one.name for one in dataclasses.fields(Guards)}
    }
    return Guards(**values)  # type: ignore[arg-type]  # as `told_guards` wrote them


def resume_command(run: Run, place: Place, *, guards: Guards, ended_by: EtlError) -> str:
    """Return what goes on with a run that was stopped: as it was begun, and past the guard that stopped it.

    Args:
        guards: those of the part that was stopped; what it was typed with is repeated.
    """
    begun, now = told_guards(guards_of(run)), told_guards(guards)
    moved: dict[str, list[str]] = {}
    for name in begun:
        if now[name] != begun[name] and now[name] is not False:
            option = f"--{OPTIONS.get(name, name.replace('_', '-'))}"
            moved[option] = [option] if now[name] is True else [option, str(now[name])]
    if isinstance(ended_by, HeldBack) and ended_by.lifted_by:
        words = ended_by.lifted_by.split()
        moved[words[0]] = words
    return place.command("resume", run.id, *(word for words in moved.values() for word in words))


OPTIONS = {"allows_empty": "allow-empty"}
"""Guards whose option has another name."""


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
