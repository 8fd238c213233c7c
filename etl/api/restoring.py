"""Deleted records put back, where the generation can do that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.api.client import Client


async def restore(client: Client, entity: str, record_id: str) -> None:
    """Put one record back; one that is there stays as it is, as does one that was deleted for good.

    Source: api-contract §3.1 (`POST /E/action/restore`) and §2, "2.3 differs" (`/entityRestore`);
    observations, "The way of writing": 1.10 has no such route.

    Raises:
        RequestFailed, NoAccess: see `Client.upsert`.
        ValueError: this generation cannot do it.
    """
    path = client.generation.restore
    if not path:
        raise ValueError(f"{client.generation.name} puts nothing back")
    is_of_many = "{entity}" not in path
    body: dict[str, object] = {"entityName": entity, "ids": [record_id]} if is_of_many else {"id": record_id}
    await client.write("POST", path.format(entity=entity), body=body)
