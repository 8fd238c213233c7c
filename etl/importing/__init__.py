"""A table into a server: the whole way of a row, from the file to what became of it.

source ─ begin ─────── first pass: what only the whole source tells; guards; what is absent; nothing is sent
       └ carry_rows ── second pass, leg by leg, frame by frame: mapping → resolving → planning → batching →
         │             delivery; what earlier imports know is left out before, every outcome is in the
         │             journal before it is counted
         └ carry_absent ─ what the source does not have, where the mapping says so
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.errors import HeldBack
from etl.importing.beginning import begin
from etl.importing.foreseeing import plan_table
from etl.importing.how import Carried, HowToImport
from etl.importing.legs import DIGESTS
from etl.importing.underway import JOURNAL, under_way

if TYPE_CHECKING:
    from pathlib import Path

    from etl.api import Client
    from etl.mapping import Mapping
    from etl.schema import Schema
    from etl.tables import Table

__all__ = ["DIGESTS", "JOURNAL", "Carried", "HowToImport", "import_table", "plan_table"]


async def import_table(
    table: Table, mapping: Mapping, *, schema: Schema, client: Client, folder: Path, how: HowToImport
) -> Carried:
    """Carry the rows of a table to a server as a mapping says.

    The folder of the run keeps the journal: where it holds a stopped part of the same run, this goes on from
    there. Memory does not grow with the rows.

    Raises:
        Unusable: the mapping does not fit the table or the instance; nothing was sent.
        NoAccess: the server cannot be asked; nothing was sent.
    """
    begun = await begin(table, mapping, schema=schema, client=client, folder=folder, how=how)
    try:
        begun.pass_guards()
        absent = await begun.absent()
        for one in absent:
            one.check(how.guards.max_deletes)
    except HeldBack as guard:
        return begun.came_to(guard)
    async with under_way(begun) as way:
        stopped_by = (
            await way.carry_rows(absent) or await way.carry_absent(absent) or await way.settle_unsettled()
        )
        await way.remember_absent()
    return way.came_to(stopped_by)
