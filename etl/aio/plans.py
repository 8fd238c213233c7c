"""Plans carried out and runs taken back, to be awaited."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from etl.aio.here import place_here
from etl.applying import run_apply, run_undo
from etl.importing import HowToImport
from etl.planning.guards import USUAL
from etl.runs import find_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.api import Client
    from etl.applying import Intent
    from etl.delivery import OnDrift
    from etl.model import ProgressListener
    from etl.planning.guards import Guards
    from etl.report import Summary
    from etl.runs import Run, Typed

MAX_AGE = timedelta(hours=24)
"""What a plan was made from may be another by then."""


async def apply(
    plan: Path | str,
    pim: Client,
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
    """Carry out a plan, or what was accepted in its workbook, and return what it came to.

    Args:
        plan: as `plan` wrote it, or its workbook.
        max_age: an older plan is refused; None: none is.
        approved_by: kept in the report.
        on_drift: what becomes of records that were changed in AtroCore since the plan was made.
        agrees: asked before anything is sent.

    Raises:
        PlanRefused: it is of another instance, edited, too old, or applied already; nothing was sent.
        NotAgreed: `agrees` said no.
        Unusable, NoAccess: see `import_table`.
    """
    how = HowToImport(
        clock=pim.retry,
        on_drift=on_drift,
        guards=guards,
        limits=pim.limits,
        listener=listener,
        is_stopping=is_stopping,
    )
    return await run_apply(
        Path(plan),
        client=pim,
        place=place_here(state_dir, profile=profile, begins=begins, typed=typed),
        how=how,
        max_age=max_age,
        approved_by=approved_by,
        agrees=agrees,
    )


async def undo(
    run: str | None,
    pim: Client,
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
    """Take back what an import, an apply or an undo did, and return what that came to.

    Args:
        run: its name or the beginning of it; None: the last import.
        deletes_created: the records that it created are deleted too.
        on_drift: what becomes of records that hold other values now than the run gave them.
        agrees: asked before anything is sent, told what stays as it is.

    Raises:
        RunUnknown: there is none.
        UndoRefused: it sent nothing, or to another instance.
        NotAgreed: `agrees` said no.
        Unusable, NoAccess: see `import_table`.
    """
    place = place_here(state_dir, profile=profile, begins=begins, typed=typed)
    how = HowToImport(
        clock=pim.retry, on_drift=on_drift, limits=pim.limits, listener=listener, is_stopping=is_stopping
    )
    found = find_run(place.state, run, verb="import")
    return await run_undo(
        found, client=pim, place=place, how=how, deletes_created=deletes_created, agrees=agrees
    )
