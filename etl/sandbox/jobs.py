"""Background jobs: they stay Pending until the sandbox's own cron runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from etl.sandbox import records, upserts
from etl.sandbox.refusals import BadRequest, NotFound, Refusal

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
    if session.generation.queue == "QueueItem":
        values: JsonObject = {"name": f"Action {kind}", "serviceName": f"QueueManager{kind}", "data": payload,
                              "sortOrder": float(session.instance.sort_order(moment)), "status": "Pending"}  # fmt: skip
    else:
        values = {"name": f"Action {kind}", "type": kind, "payload": payload, "executeTime": moment.text, "status": "Pending"}
    return str(records.create(session, session.generation.queue, {}, server=values)["id"])


def status(session: Session, job_id: str) -> JsonValue:
    """Return `massActionStatus` of a job; a failed one is never done."""
    row = session.row(f'SELECT status, message FROM "{session.generation.queue}" WHERE id = ? AND deleted = 0', (job_id,))
    if row is None:
        raise NotFound
    return {"done": row[0] == "Success", "errors": "", "message": str(row[1] or "")}


def tick(session: Session) -> int:
    """Run the jobs that wait; return their number."""
    name = session.generation.queue
    kind, data = ("serviceName", "data") if name == "QueueItem" else ("type", "payload")
    waiting = session.rows(f'SELECT id, "{kind}", "{data}" FROM "{name}" WHERE status = \'Pending\' AND deleted = 0 ORDER BY _place')
    for job_id, job_kind, payload in waiting:
        assert isinstance(payload, str)
        message = _run(session, str(job_kind).removeprefix("QueueManager"), orjson.loads(payload))
        moment = session.instance.moment().text
        ended = ', "startedAt" = ?, "endedAt" = ?' if name == "Job" else ""
        values = (moment, moment) if name == "Job" else ()
        session.run(
            f'UPDATE "{name}" SET status = \'Success\', message = ?{ended} WHERE id = ?', (message, *values, str(job_id))
        )
    return len(waiting)


def _run(session: Session, kind: str, payload: JsonValue) -> str:
    if kind != "Upsert":
        raise Refusal(500, f"no job of kind {kind!r}")
    return orjson.dumps(upserts.Batch(session).run(payload)).decode()
