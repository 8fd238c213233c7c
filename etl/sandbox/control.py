"""Routes that no AtroCore has: faults, and the cron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox import inheritance, jobs
from etl.sandbox.calls import Answer, Call, json_answer, refusal_answer
from etl.sandbox.fault_specs import UnreadableFaults
from etl.sandbox.refusals import BadRequest, NoRoute

if TYPE_CHECKING:
    from etl.sandbox.faults import Faults
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonValue
    from etl.sandbox.routes import Site


def faults_answer(faults: Faults, call: Call) -> Answer:
    """Show, replace or end the faults: `GET`, `POST {"faults": "…", "seed": 1}`, `DELETE /sandbox/faults`."""
    if call.method == "DELETE":
        faults.replace("")
    elif call.method == "POST":
        body = call.body()
        if not isinstance(body, dict) or not isinstance(body.get("faults"), str):
            return refusal_answer(BadRequest('send {"faults": "latency=80ms,http502=0.02"}'))
        seed = body.get("seed")
        try:
            faults.replace(str(body["faults"]), seed if isinstance(seed, int) else None)
        except UnreadableFaults as error:
            return refusal_answer(BadRequest(str(error)))
    elif call.method != "GET":
        return refusal_answer(NoRoute())
    return json_answer(faults.report())


def tick(site: Site, session: Session) -> int:
    """Do what AtroCore's cron does; return the number of jobs that ran."""
    site.accounts.expire()
    inheritance.settle(session)
    return jobs.tick(session)


def done(value: JsonValue) -> Answer:
    """Return a control route's answer."""
    return json_answer(value)
