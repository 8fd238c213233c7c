"""Which records the user may not change, as far as the server tells: for a plan, which nobody refuses."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from etl.api import answers, wire
from etl.model import ChangeKind, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.api import Client
    from etl.model import Changes

# Source: AtroCore REST API, "The With-Meta Header"; api-contract §4.5. 1.10 and 2.1 do not know it.
WITH_META = {"With-Meta": "true"}
NEEDED = {ChangeKind.UPDATE: ("edit", "change"), ChangeKind.DELETE: ("delete", "delete")}
"""Kind of change -> the server's name of the right, and the word for people."""


async def permitted(changes: Changes, client: Client) -> Changes:
    """Return the changes, those without a right blocked; a server that does not tell blocks none.

    Raises:
        RequestFailed, NoAccess: the server could not be asked.
    """
    ids = changes.ids.to_pylist()
    asked = [one for one, kind in zip(ids, changes.kinds, strict=True) if kind in NEEDED]
    rights = await _rights(client, changes.entity, asked) if asked else {}
    kinds, problems = list(changes.kinds), list(changes.problems)
    for position, (record_id, kind) in enumerate(zip(ids, changes.kinds, strict=True)):
        right, what = NEEDED.get(kind, ("", ""))
        if right and rights.get(record_id, {}).get(right) is False:
            kinds[position] = ChangeKind.BLOCKED
            problems.append(
                Problem(
                    "no_right",
                    changes.file,
                    changes.sheet,
                    changes.numbers[position].as_py(),
                    value=changes.keys[position].as_py() or "",
                    facts={"what": what, "entity": changes.entity},
                )
            )
    return dataclasses.replace(changes, kinds=kinds, problems=tuple(problems))


async def _rights(client: Client, entity: str, ids: list[str]) -> dict[str, Mapping[str, object]]:
    """Return what the user may do with records, by id; those of which the server says nothing are missing."""
    requests = wire.look_ups(
        entity,
        "id",
        values=ids,
        select=("id",),
        url_bytes=client.limits.lookup_url_bytes,
        keys=client.limits.lookup_keys,
        base_bytes=len(client.url) + len(client.generation.base) + 1,
    )
    found: dict[str, Mapping[str, object]] = {}
    for request in requests:
        asking = dataclasses.replace(request, headers={**request.headers, **WITH_META})
        page = await client.ask(asking, answers.read_page)
        for record in page.records:
            meta = record.get("_meta")
            rights = meta.get("permissions") if isinstance(meta, dict) else None
            if isinstance(rights, dict):
                found[str(record["id"])] = rights
    return found
