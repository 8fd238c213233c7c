"""What a mapping needs to know of the instance's attributes, from what the API says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.api.attributes import all_attributes, channel_codes
from etl.mapping import AttributeFacts

if TYPE_CHECKING:
    from etl.api import Client
    from etl.schema import Schema


async def read_attribute_facts(client: Client, schema: Schema, *, entity: str) -> list[AttributeFacts]:
    """Return all attributes of an entity; channels by their code, as people write them.

    Raises:
        RequestFailed, NoAccess: the server could not be asked.
    """
    described = await all_attributes(client, schema, entity=entity)
    codes = await channel_codes(client, described)
    return [
        AttributeFacts(
            one.id,
            one.code,
            one.name,
            field=one.field,
            channel=codes.get(one.channel, one.channel),
            languages=schema.languages if one.is_multilang else (),
        )
        for one in described
    ]
