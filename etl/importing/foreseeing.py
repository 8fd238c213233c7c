"""What an import would do, written into a plan; sends nothing that changes anything."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from etl.delivery import foreseen_outcomes
from etl.errors import Interrupted, RequestFailed, ServerUnreachable, TooManyAbsent
from etl.importing.beginning import begin
from etl.importing.grounds import ground_of
from etl.importing.remembering import recall
from etl.importing.underway import SOME_FAILED
from etl.model import Problem
from etl.planning import lines_of, unsent_lines
from etl.report import FileCounts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from etl.api import Client
    from etl.importing.absent import Absent
    from etl.importing.beginning import Begun
    from etl.importing.filing import FileLinks
    from etl.importing.how import Carried, HowToImport
    from etl.importing.legs import Leg
    from etl.importing.remembering import Memory
    from etl.mapping import Mapping
    from etl.model import Outcome
    from etl.planning import PlanWriter
    from etl.schema import Schema
    from etl.tables import Table


async def plan_table(
    table: Table,
    mapping: Mapping,
    *,
    schema: Schema,
    client: Client,
    folder: Path,
    how: HowToImport,
    plan: PlanWriter,
) -> Carried:
    """Find out what `import_table` would do, and write it into a plan.

    The tally counts rows as they would end. Memory does not grow with the rows.

    Raises:
        Unusable: the mapping does not fit the table or the instance.
        NoAccess: the server cannot be asked.
        Interrupted: `how.is_stopping` said so.
    """
    begun = await begin(table, mapping, schema=schema, client=client, folder=folder, how=how)
    absent = await begun.absent()
    try:
        memories = await recall(begun.legs, schema=schema, client=client, folder=folder, how=how.remember)
        async with begun.files(None) as files:
            for leg, memory in zip(begun.legs, memories, strict=True):
                await _plan_rows(begun, leg, memory, files, plan)
                _plan_files(files, plan)
            begun.tally.add_files(files.counts if files is not None else FileCounts())
            foreseen = files.foreseen if files is not None else None
    except RequestFailed as error:
        raise ServerUnreachable(client.url, reason=str(error)) from error
    _plan_absent(begun, absent, plan)
    plan.rows, plan.ground = begun.scan.rows, ground_of(begun.legs)
    if foreseen is not None:
        plan.uploads, plan.upload_bytes = foreseen.uploads, foreseen.bytes
    return dataclasses.replace(begun.came_to(None), marked=(), files=foreseen)


async def _plan_rows(
    begun: Begun, leg: Leg, memory: Memory, files: FileLinks | None, plan: PlanWriter
) -> None:
    schema, how = begun.schema, begun.how
    comparison = leg.comparison(
        begun.links, files, schema=schema, client=begun.client, folder=begun.folder, is_trying=False
    )
    comparison.knowing = memory.knowing
    await comparison.prepare(leg.scan.rows)

    def unsent(outcomes: Sequence[Outcome]) -> None:
        begun.settle(outcomes)
        plan.write(unsent_lines(outcomes))

    for frames in leg.passes(how.selection, {}, left=memory.rest):
        async for compared in comparison.changes(frames, unsent=unsent):
            begun.settle(foreseen_outcomes(compared.changes))
            _plan_files(files, plan)
            plan.write(lines_of(compared, entity=schema.entity(compared.changes.entity)))
            plan.step += compared.is_needed
            if how.is_stopping():
                raise Interrupted
        plan.step += 1


def _plan_files(files: FileLinks | None, plan: PlanWriter) -> None:
    """List files before the rows that need them."""
    if files is not None:
        for lines in files.planned.take():
            plan.write(lines)


def _plan_absent(begun: Begun, absent: Sequence[Absent], plan: PlanWriter) -> None:
    """List what the source does not have; whether that is too much is told here and decided by `apply`."""
    if begun.tally.bad:
        begun.tally.add_problems(one.left(SOME_FAILED) for one in absent if one.records)
        return
    for one in absent:
        plan.absent = (*plan.absent, one.counts)
        try:
            one.check(begun.how.guards.max_deletes)
        except TooManyAbsent as guard:
            facts = {"why": guard.reason}
            begun.tally.add_problems([Problem("absent_too_many", one.leg.table.name, facts=facts)])
        for compared in one.changes():
            begun.settle(foreseen_outcomes(compared.changes))
            plan.write(lines_of(compared, entity=begun.schema.entity(compared.changes.entity)))
