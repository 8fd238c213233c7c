"""Links under which files open without signing in: records of Sharing, each made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from etl.api.retry import repeated
from etl.errors import AnswerUnusable, Refused
from etl.resolving.keys import PART_SEPARATOR, own_id

if TYPE_CHECKING:
    from etl.api import Client
    from etl.api.wire import Record
    from etl.files.wanted import Share

ENTITY = "Sharing"
SELECT = ("id", "name", "active", "validTill")


@dataclass(frozen=True, slots=True)
class Links:
    """Where a shared file is found."""

    link: str
    """Downloads it."""
    view_link: str
    """Shows it; empty: this AtroCore has none."""


async def shared(client: Client, file_id: str, *, name: str, share: Share) -> Links | str:
    """Return the links of a file's sharing of this name, making or prolonging it; or why the server refuses.

    Args:
        name: of the file, for a sharing without one.

    Raises:
        RequestFailed, NoAccess: the server cannot be asked.
    """
    called = share.name or name
    record = await _standing(client, file_id, called)
    record_id = str(record["id"]) if record is not None else _own_id(file_id, called)
    till = share.valid_till or None
    try:
        if record is None:
            payload = {"id": record_id, "fileId": file_id, "name": called, "active": True, "validTill": till}
            make = partial(
                client.create, ENTITY, {key: one for key, one in payload.items() if one is not None}
            )
            await repeated(make, client.retry, on_repeat=lambda: None)
        elif (record.get("validTill") or None) != till or record.get("active") is not True:
            change = partial(client.patch, ENTITY, record_id, payload={"validTill": till, "active": True})
            await repeated(change, client.retry, on_repeat=lambda: None)
    except (Refused, AnswerUnusable) as refusal:
        if await _standing(client, file_id, called) is None:
            return str(refusal)
    # Its links are computed: a list shows them, and the answer to a create need not.
    now = await client.get(ENTITY, record_id) or {}
    return Links(str(now.get("link") or ""), str(now.get("viewLink") or ""))


async def _standing(client: Client, file_id: str, name: str) -> Record | None:
    found = await client.look_up(ENTITY, "fileId", [file_id], select=SELECT)
    of_name = sorted((one for one in found if one.get("name") == name), key=lambda one: str(one["id"]))
    return of_name[0] if of_name else None


def _own_id(file_id: str, name: str) -> str:
    return own_id(ENTITY, ("fileId", "name"), key=PART_SEPARATOR.join((file_id, name)))
