"""Background jobs while they wait: stored as records, Pending until the sandbox's own cron runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import records
from etl.sandbox.refusals import BadRequest, NotFound

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject, JsonValue


def queue_upsert(session: Session, body: JsonValue) -> JsonValue:
    """Store a bulk call as a job; return the answer that names it.

    Raises:
        BadRequest: the job is stored all the same, where the answer fails its own schema.
    """
    job_id = create_job(session, "Upsert", payload=body)
    if session.generation.queue == "QueueItem":
        return {"queueItemId": job_id}
    if session.generation.queue_refused:
        raise BadRequest("the answer does not match its schema")
    return {"jobId": job_id}


def create_job(session: Session, kind: str, *, payload: JsonValue) -> str:
    """Store a pending job and return its id."""
    moment = session.instance.moment()
    values: JsonObject = {"name": f"Action {kind}", "status": "Pending"}
    if session.generation.queue == "QueueItem":
        values |= {"serviceName": f"QueueManager{kind}", "data": payload}
        values["sortOrder"] = float(session.instance.sort_order(moment))
    else:
        values |= {"type": kind, "payload": payload, "executeTime": moment.text, "priority": 100}
    return str(records.create(session, session.generation.queue, {}, server=values)["id"])


def status(session: Session, job_id: str) -> JsonValue:
    """Return `massActionStatus` of a job; a failed one is never done.

    Raises:
        NotFound: there is no such job.
    """
    table = session.generation.queue
    row = session.row(f'SELECT status, message FROM "{table}" WHERE id = ? AND deleted = 0', (job_id,))
    if row is None:
        raise NotFound
    return {"done": row[0] == "Success", "errors": "", "message": str(row[1] or "")}
