"""Keys -> records on the server: asked in bulk, or found in the entity read whole where that is cheaper."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.model import Payloads, Problem
from etl.resolving.keys import keys_of_records, own_ids
from etl.resolving.whole import read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from etl.api import Client
    from etl.resolving.keys import Record
    from etl.resolving.whole import WholeEntity

# Paging an entity costs a third of asking for each of its keys (500-700 keys against 1,000-3,000 records a
# second). Source: observations, "The way of writing".
WHOLE_FROM_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of each record of some payloads, position by position."""

    ids: list[str]
    """The id found on the server, or the own one for a record that is new."""
    records: list[Record | None]
    """What stands on the server now; None: new."""
    blocked: Mapping[int, Problem]
    """Positions that cannot be decided -> why (ambiguous key, renamed)."""


class RecordFinder:
    """Finds the records of one entity by their natural key."""

    def __init__(
        self,
        client: Client,
        entity: str,
        *,
        key_fields: Sequence[str],
        select: Sequence[str],
        folder: Path,
        salt: str,
    ) -> None:
        """Look up `entity` by `key_fields` and read `select` of what is found.

        Args:
            key_fields: payload keys of the natural key; empty: records are only ever created.
            select: payload keys that are read along, to be compared later.
            folder: the run's; the entity lies there if it is read whole.
            salt: stands for the missing key where there is none: equal for equal sources.
        """
        self._client, self._entity, self._folder, self._salt = client, entity, folder, salt
        self.key_fields = tuple(key_fields)
        self._select = tuple(dict.fromkeys(("id", *key_fields, *select, "modifiedAt")))
        self._whole: WholeEntity | None = None

    async def prepare(self, rows: int) -> None:
        """Decide how to look up, for a source of `rows` rows: one by one, or in the entity read whole."""
        total = await self._client.total(self._entity)
        if total is not None and rows > total * WHOLE_FROM_SHARE:
            pages = self._client.pages(self._entity, select=self._select)
            path = self._folder / f"live-{self._entity}.arrow"
            self._whole = await read_whole(pages, path, key_fields=self.key_fields)

    @property
    def is_whole(self) -> bool:
        """True: records are as they were when the run began."""
        return self._whole is not None

    async def find(self, payloads: Payloads) -> Found:
        """Look up every record of `payloads` by key, then the own ids of those that were not found."""
        keys = self._keys(payloads)
        distinct = list(dict.fromkeys(keys))
        by_key = await self._by_key(distinct) if self.key_fields else {}
        own = self._own_ids([key for key in distinct if key not in by_key] if by_key else distinct)
        under_own_id = await self._by_id(list(own.values()))
        if not by_key and not under_own_id:
            return Found([own[key] for key in keys], [None] * len(keys), {})
        ids, records, blocked = [], [], {}
        for position, key in enumerate(keys):
            new_id = own.get(key, "")
            hits = by_key.get(key, [])
            record = hits[0] if hits else None
            if len(hits) > 1:
                blocked[position] = self._problem(
                    payloads,
                    position,
                    "ambiguous_key",
                    facts={"count": str(len(hits)), "ids": ", ".join(str(hit["id"]) for hit in hits[:3])},
                )
            elif record is None and (other := under_own_id.get(new_id)) is not None:
                there = keys_of_records([other], self.key_fields)[0] or ""
                # With the same key it was made by another import of the same, between our two look-ups.
                if self.key_fields and there != key:
                    facts = {"found": readable(there), "id": new_id}
                    blocked[position] = self._problem(payloads, position, "blocked_renamed", facts=facts)
                record = other
            ids.append(str(record["id"]) if record is not None else new_id)
            records.append(record)
        return Found(ids, records, blocked)

    async def standing(self, keys: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        """Return the records that have one of these canonical keys, by key."""
        return await self._by_key(list(dict.fromkeys(keys)))

    def _keys(self, payloads: Payloads) -> list[str]:
        if self.key_fields:
            keys: list[str] = payloads.keys.to_pylist()
            return keys
        place = f"{payloads.file}\x1f{payloads.sheet or ''}" if not self._salt else self._salt
        return [f"{place}\x1f{number}" for number in payloads.numbers.to_pylist()]

    def _own_ids(self, keys: list[str]) -> dict[str, str]:
        # A key that is the id needs none made up.
        made = keys if self.key_fields == ("id",) else own_ids(self._entity, self.key_fields, keys=keys)
        return dict(zip(keys, made, strict=True))

    async def _by_key(self, keys: list[str]) -> dict[str, list[Record]]:
        if not keys:
            # All rows of a frame may be wrong, and a sheet may end in an empty one.
            return {}
        if self._whole is not None:
            if not len(self._whole):
                return {}
            records: Sequence[Record] = await asyncio.to_thread(self._whole.with_keys, keys)
        else:
            field, values = self._most_telling(sorted(keys))
            records = await self._client.look_up(self._entity, field, values, select=self._select)
        found: dict[str, list[Record]] = {}
        wanted = set(keys)
        for key, record in zip(keys_of_records(records, self.key_fields), records, strict=True):
            if key in wanted:
                found.setdefault(key, []).append(record)
        return found

    def _most_telling(self, keys: list[str]) -> tuple[str, list[str]]:
        """Of a composite key the field with most values is asked for; the others are compared here."""
        columns = zip(*(key.split("\x1f") for key in keys), strict=True)
        distinct = [
            (field, sorted(set(values))) for field, values in zip(self.key_fields, columns, strict=True)
        ]
        return max(distinct, key=lambda one: len(one[1]))

    async def _by_id(self, ids: list[str]) -> dict[str, Record]:
        if not ids or self.key_fields == ("id",):
            return {}
        if self._whole is not None:
            if not len(self._whole):
                return {}
            records: Sequence[Record] = await asyncio.to_thread(self._whole.with_ids, ids)
        else:
            records = await self._client.look_up(self._entity, "id", sorted(ids), select=self._select)
        return {str(record["id"]): record for record in records}

    def _problem(self, payloads: Payloads, position: int, code: str, *, facts: dict[str, str]) -> Problem:
        key = payloads.keys[position].as_py()
        return Problem(
            code,
            payloads.file,
            payloads.sheet,
            payloads.numbers[position].as_py(),
            field=", ".join(self.key_fields),
            value=readable(key),
            facts=facts,
        )


def readable(key: str) -> str:
    """Return a canonical key as a person reads it: the parts of a composite one joined by ` / `."""
    return key.replace("\x1f", " / ")
