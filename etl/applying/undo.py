"""A run taken back in a run of its own: what it did is turned round into a plan, told, and carried out."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING

from etl.applying.run import Intent, carry, facts_of
from etl.errors import NotAgreed, UndoRefused
from etl.importing import JOURNAL
from etl.importing.locking import lock_of
from etl.journal import Journal
from etl.planning import PlanHeader, PlanWriter, read_ground
from etl.running import PLAN, failing_leaves_a_summary
from etl.runs import Fingerprint, begin_run
from etl.schema import read_metadata
from etl.undoing import remarks_of, turn_round, what_happened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from etl.api import Client
    from etl.importing import HowToImport
    from etl.model import Outcome
    from etl.report import Summary
    from etl.runs import Place, Run, RunFacts
    from etl.schema import Schema
    from etl.undoing import Turned

WRITING = ("import", "apply", "undo")
"""Verbs whose runs keep what they overwrite."""
WHICH = "`atro-etl runs list` shows all runs."
SPARE_S = 5.0
"""The server stores a record and its relations in two requests, some seconds apart."""


async def run_undo(
    run: Run,
    *,
    client: Client,
    place: Place,
    how: HowToImport,
    deletes_created: bool,
    agrees: Callable[[Intent], bool],
) -> Summary:
    """Take back what a run did, and return what that came to.

    Args:
        deletes_created: the records that it created are deleted too.
        agrees: asked before anything is sent, told what stays as it is; false: nothing is sent.

    Raises:
        RunLocked: the run is under way, or another one of its mapping.
        UndoRefused: the run sent nothing, or to another instance.
        NotAgreed: `agrees` said no.
        Unusable, NoAccess: see `etl.running.run_import`.
    """
    _insist_on_a_run(run, client)
    schema = read_metadata(await client.metadata())
    header = _header(run, client, place, schema)
    facts = facts_of("undo", header, Fingerprint(run.id, ""), client=client, place=place, how=how)
    with lock_of(facts, place, also=[run.id]) as lock:
        _insist_on_a_journal(run)
        own = begin_run(place.state, facts)
        place.begins(own)
        with failing_leaves_a_summary(own, place):
            turned, intent = await _turned(
                run, own, facts, header, schema=schema, client=client, deletes_created=deletes_created
            )
            restores = bool(client.generation.restore)
            remarks = remarks_of(turned, schema=schema, uploaded=_uploaded(run), restores=restores)
            if not agrees(dataclasses.replace(intent, remarks=remarks)):
                raise NotAgreed(f"undo {run.id}")
        return await carry(own, schema, client=client, place=place, how=how, lock=lock)


def _insist_on_a_run(run: Run, client: Client) -> None:
    if run.facts.verb not in WRITING:
        raise UndoRefused(run.id, reason=f"{run.facts.verb} changes nothing there.", advice=WHICH)
    if run.facts.url != client.url:
        reason = f"it wrote to {run.facts.url}, and this is {client.url}."
        raise UndoRefused(run.id, reason=reason, advice="Give the --profile or --url of that instance.")


def _insist_on_a_journal(run: Run) -> None:
    if not (run.folder / JOURNAL).exists():
        raise UndoRefused(run.id, reason="it sent nothing.", advice=WHICH)


def _header(run: Run, client: Client, place: Place, schema: Schema) -> PlanHeader:
    first = run.facts.mappings[0]
    return PlanHeader(
        run=run.id,
        made=place.now().isoformat(timespec="seconds"),
        version=place.version,
        url=client.url,
        user=client.user,
        mapping=first.name,
        mapping_digest=first.digest,
        source=run.id,
        source_digest="",
        schema_digest=schema.digest,
        entity="",
    )


async def _turned(
    run: Run,
    own: Run,
    facts: RunFacts,
    header: PlanHeader,
    *,
    schema: Schema,
    client: Client,
    deletes_created: bool,
) -> tuple[Turned, Intent]:
    ground = read_ground(run.folder)

    async def stamp(some: Sequence[Outcome]) -> Mapping[str, str]:
        return await _untouched(client, some, longest_s=_seconds(run) + SPARE_S)

    with Journal(run.folder / JOURNAL) as journal, PlanWriter(own.folder / PLAN, header) as plan:
        turned = await turn_round(
            run.folder,
            plan,
            happened=what_happened(journal, ground),
            journal=journal,
            schema=schema,
            deletes_created=deletes_created,
            stamp=stamp,
        )
        plan.ground, plan.rows = ground, _rows(run)
    return turned, Intent(facts.verb, run.id, plan.records)


async def _untouched(client: Client, some: Sequence[Outcome], *, longest_s: float) -> Mapping[str, str]:
    """Return by id the `modifiedAt` of records that nobody changed since they were created.

    Of those that somebody did, the time of their creation, which is their `modifiedAt` no more. Both are told
    by the server's clock; the run took so long at most.
    """
    ids = [one.record_id for one in some]
    found = await client.look_up(some[0].entity, "id", ids, select=("id", "createdAt", "modifiedAt"))
    stamps = {}
    for record in found:
        made, changed = record.get("createdAt"), record.get("modifiedAt")
        if not isinstance(made, str) or not isinstance(changed, str):
            continue
        took_s = (datetime.fromisoformat(changed) - datetime.fromisoformat(made)).total_seconds()
        stamps[str(record["id"])] = changed if took_s <= longest_s else made
    return stamps


def _seconds(run: Run) -> float:
    said = (run.summary or {}).get("seconds")
    return float(said) if isinstance(said, int | float) else 0.0


def _rows(run: Run) -> int:
    rows = (run.summary or {}).get("rows")
    read = rows.get("read") if isinstance(rows, dict) else 0
    return read if isinstance(read, int) else 0


def _uploaded(run: Run) -> int:
    files = (run.summary or {}).get("files")
    count = files.get("uploaded") if isinstance(files, dict) else 0
    return count if isinstance(count, int) else 0
