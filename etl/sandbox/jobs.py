"""The cron: runs the jobs that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from etl.sandbox import mass, rows, upserts
from etl.sandbox.instance import quoted_list
from etl.sandbox.refusals import Crash, Refusal

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject, JsonValue


def tick(session: Session) -> int:
    """Run the jobs that wait, oldest first; return their number. A canceled job is left alone."""
    table = session.generation.queue
    kind, data = ("serviceName", "data") if table == "QueueItem" else ("type", "payload")
    columns = quoted_list(["id", kind, data])
    sql = f'SELECT {columns} FROM "{table}" WHERE status = ? AND deleted = 0 ORDER BY "createdAt", id'
    waiting = session.rows(sql, ("Pending",))
    for job_id, job_kind, payload in waiting:
        started = session.instance.moment().text
        outcome: JsonObject
        try:
            result = _run(session, str(job_kind).removeprefix("QueueManager"), orjson.loads(str(payload)))
            outcome = {"status": "Success", "message": orjson.dumps(result).decode()}
        except Refusal as refusal:
            outcome = {"status": "Failed", "message": refusal.text}
        except Crash:
            outcome = {"status": "Failed", "message": "the job crashed"}
        outcome |= {"startedAt": started, "endedAt": session.instance.moment().text}
        rows.change(session, table, str(job_id), values=outcome)
    return len(waiting)


def _run(session: Session, kind: str, payload: JsonValue) -> JsonValue:
    if kind == "Upsert":
        # A job succeeds even if all its items fail; what became of each stands in its message.
        return upserts.Batch(session).run(payload)
    if not isinstance(payload, dict):
        raise Crash
    name = str(payload.get("entityName"))
    if kind == "Relation":
        return mass.relate_all(
            session, name, payload, link_name=str(payload.get("link")), removing=bool(payload.get("remove"))
        )
    work = {
        "MassUpdate": mass.update_now,
        "MassDelete": mass.delete_now,
        "MassRestore": mass.restore_now,
    }.get(kind)
    if work is None:
        raise Refusal(500, f"no job of kind {kind!r}")
    done = work(session, name, payload)
    return {"count": done.count, "errors": [*done.errors]}
