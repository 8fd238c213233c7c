"""What became of records whose requests were never answered, and which need nothing now: looked at by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.model import ChangeKind, Outcome, Outcomes, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.api import Client
    from etl.journal import Unanswered

DONE = {
    ChangeKind.CREATE: Status.CREATED,
    ChangeKind.UPDATE: Status.UPDATED,
    ChangeKind.DELETE: Status.DELETED,
}


async def carried_out(sent: Sequence[Unanswered], client: Client) -> Outcomes:
    """Return the outcomes of those that stand or are gone, as they were meant to; of the others none.

    Raises:
        RequestFailed, NoAccess: the server cannot be asked.
    """
    standing: set[tuple[str, str]] = set()
    for entity in sorted({one.entity for one in sent}):
        ids = sorted({one.record_id for one in sent if one.entity == entity})
        records = await client.look_up(entity, "id", ids, select=("id",))
        standing.update((entity, str(record["id"])) for record in records)
    return Outcomes.of(
        Outcome(
            one.file,
            one.sheet,
            one.row,
            one.entity,
            one.key,
            DONE[one.kind],
            record_id=one.record_id,
            part=one.part,
        )
        for one in sent
        if ((one.entity, one.record_id) in standing) is (one.kind is not ChangeKind.DELETE)
    )
