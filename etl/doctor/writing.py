"""Writes a record, changes it, removes it: what no question can find out. Cleans up whatever happens."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

from etl.api import ItemKind, wire
from etl.api.wire import Request
from etl.doctor.findings import Finding, note, ok, problem, warning
from etl.errors import RequestFailed, TooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from etl.api import Client, ItemAnswer
    from etl.schema import EntitySchema, Schema

CANDIDATES = ("Brand", "ProductGroup", "Channel", "Category", "Folder")
"""Entities of which one more record for a second disturbs nobody, the best first."""
NAME = "atro-etl doctor, can be deleted"
SMALLEST_BYTES = 50_000


async def try_writing(client: Client, schema: Schema, *, now: datetime) -> list[Finding]:
    """Create a record, send it again, change it against a wrong old value, remove it; say what became of it.

    Args:
        now: makes the record's id, so that two doctors at once do not meet.

    Raises:
        NoAccess: the token was refused meanwhile.
    """
    entity = _entity(schema)
    if entity is None:
        return [note("write", f"nothing to try on: there is none of {', '.join(CANDIDATES)}")]
    # A letter and 23 characters: the longest id that every generation takes. Source: observations, 8.
    record_id = "d" + hashlib.sha256(now.isoformat().encode()).hexdigest()[:23]
    try:
        findings = await _lifecycle(client, entity, record_id)
        findings += await _largest_body(client)
    except RequestFailed as failure:
        findings = [problem("write", f"a record of {entity.name} could not be written: {failure}",
                            advice="See whether the user's role lets it.")]  # fmt: skip
    return [*findings, *await _removed(client, entity, record_id)]


def _entity(schema: Schema) -> EntitySchema | None:
    for name in CANDIDATES:
        entity = schema.entities.get(name)
        if entity is None:
            continue
        required = {f.name for f in entity.fields.values() if f.is_required and not f.has_default}
        # Owner and assigned user are filled in by the server. Source: api-contract §3.5.
        if required <= {"name", "code", "ownerUser", "assignedUser"} and "name" in entity.fields:
            return entity
    return None


async def _lifecycle(client: Client, entity: EntitySchema, record_id: str) -> list[Finding]:
    payload = {"id": record_id, "name": NAME}
    if "code" in entity.fields:
        payload["code"] = record_id
    created = await _upsert(client, entity, payload)
    if created.kind is not ItemKind.CREATED:
        return [
            problem(
                "write",
                f"a record of {entity.name} was not created: {created.text or created.kind}",
                advice="See whether the user's role lets it.",
            )
        ]
    if await client.get(entity.name, record_id) is None:
        return [
            problem(
                "own_ids",
                "the server does not keep the id that we give a record",
                advice="Imports could double records here. Do not import.",
            )
        ]
    findings = [ok("write", f"a record of {entity.name} was created under the id that we gave it")]
    again = await _upsert(client, entity, payload)
    if again.kind is ItemKind.UNCHANGED:
        findings.append(ok("unchanged", "sent once more it stays unchanged"))
    else:
        what = f"sent once more it is {again.kind}"
        advice = "Something changes records on save; the report will list them as updated."
        findings.append(warning("unchanged", what, advice=advice))
    drifted = {"id": record_id, "name": f"{NAME}.", "_prev": {"name": "something else"}}
    conflict = await _upsert(client, entity, drifted)
    if conflict.code == CONFLICT:
        findings.append(ok("conflicts", "a change on top of somebody else's is refused"))
    else:
        what = "a change on top of somebody else's is not noticed by the server"
        advice = "Switch on Check For Conflicts in AtroCore's settings; till then some seconds remain open."
        findings.append(warning("conflicts", what, advice=advice))
    return findings


CONFLICT = 409


async def _upsert(client: Client, entity: EntitySchema, payload: Mapping[str, object]) -> ItemAnswer:
    body = orjson.dumps([{"entity": entity.name, "payload": payload}])
    (answer,) = await client.upsert(body, count=1)
    return answer


async def _largest_body(client: Client) -> list[Finding]:
    """Send an empty list within ever less white space, until something takes it."""
    wanted = most = client.limits.batch_bytes
    while most >= SMALLEST_BYTES:
        try:
            await client.upsert(b"[" + b" " * (most - 2) + b"]", count=0)
        except TooLarge:
            most //= 2
            continue
        if most == wanted:
            return [ok("size", f"a request of {wanted / 1e6:.1f} MB passes")]
        return [
            warning(
                "size",
                f"a request of {wanted / 1e6:.1f} MB is too large, one of {most / 1e6:.2f} MB passes",
                advice=f"Set batch_bytes = {most} under [limits] in atro-etl.toml, "
                "or client_max_body_size in nginx.",
            )
        ]
    advice = "Raise client_max_body_size in nginx and post_max_size in PHP."
    return [
        problem("size", f"even a request of {SMALLEST_BYTES} bytes is refused as too large", advice=advice)
    ]


async def _removed(client: Client, entity: EntitySchema, record_id: str) -> list[Finding]:
    # `permanently` removes the row too, not only from sight. Source: api-contract §3.1.
    request = Request("DELETE", wire.record_path(entity.name, record_id), headers={"permanently": "true"})
    try:
        await client.send(request)
        left = await client.get(entity.name, record_id)
    except RequestFailed as failure:
        left, why = {"id": record_id}, f": {failure}"
    else:
        why = ""
    if left is None:
        return [ok("cleanup", "the record was removed again")]
    advice = f"Delete {entity.name} {record_id} in AtroCore."
    return [problem("cleanup", f"the record could not be removed{why}", advice=advice)]
