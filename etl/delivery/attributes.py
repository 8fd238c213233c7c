"""Attribute values through the simple endpoints, record by record: the slowest way, where no other is kept.

Source: AtroCore REST API, "Simple Endpoints"; quirks, 8: values of attributes that are not assigned yet are
dropped without a word, so they are added first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.model import Batch


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the simple endpoints."""

    method: Literal["POST", "DELETE"]
    path: str
    """Below the API's base path."""
    body: dict[str, object] | list[dict[str, object]]


def calls_of(batch: Batch) -> list[tuple[str, list[Call]]]:
    """Return for each record of a batch its id and the requests that write its attribute values, in order."""
    names = batch.changes.attribute_keys
    return [
        (str(item["payload"]["id"]), _calls(batch.entity, item["payload"], names))
        for item in orjson.loads(batch.body)
    ]


def _calls(entity: str, payload: Mapping[str, object], names: Mapping[str, tuple[str, str]]) -> list[Call]:
    place = f"{entity}/{payload['id']}"
    calls: list[Call] = []
    values: dict[str, dict[str, object]] = {}
    for key, value in payload.items():
        if key in names:
            attribute_id, name = names[key]
            values.setdefault(attribute_id, {"attributeId": attribute_id})[name] = value
    if added := payload.get("__attributes"):
        calls.append(Call("POST", f"{place}/addAttributes", {"attributeIds": added}))
    if values:
        calls.append(Call("POST", f"{place}/upsertAttributeValues", list(values.values())))
    if removed := payload.get("__attributesToRemove"):
        # The list also holds flattened names, for another way of writing; here ids are meant.
        ids = [one for one in removed if one not in names] if isinstance(removed, list) else []
        calls.append(Call("DELETE", f"{place}/attributeValues", {"attributeIds": ids}))
    return calls
