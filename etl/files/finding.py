"""Contents that stand in AtroCore already: asked for in bulk, by id where one is known, else by hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.resolving.keys import own_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.api import Client
    from etl.api.wire import Record
    from etl.files.content import Content

ENTITY = "File"
SELECT = ("id", "name", "hash", "fileSize")


@dataclass(frozen=True, slots=True)
class Key:
    """What tells two contents apart."""

    md5: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A File record that stands on the server."""

    file_id: str
    name: str


def key_of(content: Content) -> Key:
    """Return what tells a content from others."""
    return Key(content.md5, content.size_bytes)


def own_file_ids(keys: Sequence[Key], *, turn: int = 1) -> list[str]:
    """Return the ids under which contents are uploaded: the same on every machine and in every run.

    Args:
        turn: 2 and more where the ids before are taken by records whose content somebody replaced.
    """
    again = f"\x1f{turn}" if turn > 1 else ""
    return own_ids(
        ENTITY, ("hash", "fileSize"), keys=[f"{one.md5}\x1f{one.size_bytes}{again}" for one in keys]
    )


def holds(record: Record, key: Key) -> bool:
    """Tell whether a record is of this content, as far as the server tells."""
    return record.get("hash") == key.md5 and record.get("fileSize") == key.size_bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up of contents came to."""

    standing: Mapping[Key, Standing]
    new_ids: Mapping[Key, str]
    """For contents that stand nowhere: the id to upload them under."""


async def find(client: Client, keys: Sequence[Key], *, known: Mapping[Key, str]) -> Found:
    """Return which contents stand on the server, and where.

    Args:
        known: ids that an earlier run remembered; each is looked at before it counts: an id that is not there
            any more would be linked without complaint. Source: observations, "Files".

    Raises:
        RequestFailed, NoAccess: the server cannot be asked.
    """
    standing: dict[Key, Standing] = {}
    ids = [known[key] for key in keys if key in known]
    remembered = {str(record["id"]): record for record in await _asked(client, "id", ids)}
    for key in keys:
        record = remembered.get(known.get(key, ""))
        if record is not None and holds(record, key):
            standing[key] = standing_of(record)
    rest = [key for key in keys if key not in standing]
    by_hash: dict[Key, list[Record]] = {}
    wanted = {key.md5: key for key in rest}
    for record in await _asked(client, "hash", list(wanted)):
        of_hash = wanted.get(str(record.get("hash")))
        if of_hash is not None and holds(record, of_hash):
            by_hash.setdefault(of_hash, []).append(record)
    for key, own in zip(by_hash, own_file_ids(list(by_hash)), strict=True):
        # Of several the one that we made, so that all runs agree.
        standing[key] = standing_of(min(by_hash[key], key=lambda one: (one["id"] != own, str(one["id"]))))
    rest = [key for key in rest if key not in standing]
    new_ids, just_made = await _new_ids(client, rest)
    return Found(standing | just_made, new_ids)


async def _new_ids(client: Client, keys: Sequence[Key]) -> tuple[dict[Key, str], dict[Key, Standing]]:
    """Return an id of ours for each content, the next one where others have it, and what stands there.

    Another run may upload the same between our look for its hash and this one for its id.
    """
    ids: dict[Key, str] = {}
    standing: dict[Key, Standing] = {}
    turn = 1
    while keys:
        ids |= zip(keys, own_file_ids(keys, turn=turn), strict=True)
        taken = {str(one["id"]): one for one in await _asked(client, "id", [ids[key] for key in keys])}
        keys = [key for key in keys if ids[key] in taken]
        made = {key: taken[ids[key]] for key in keys if holds(taken[ids[key]], key)}
        standing |= {key: standing_of(record) for key, record in made.items()}
        keys = [key for key in keys if key not in made]
        turn += 1
    return ids, standing


async def _asked(client: Client, field: str, values: Sequence[str]) -> Sequence[Record]:
    return await client.look_up(ENTITY, field, values, select=SELECT) if values else []


def standing_of(record: Record) -> Standing:
    """Return where a content stands."""
    return Standing(str(record["id"]), str(record.get("name") or ""))


def is_older(other: Record, record: Record) -> bool:
    """Tell which of two records of one content stays: both who made them must say the same."""
    return (str(other.get("createdAt")), str(other["id"])) < (str(record.get("createdAt")), str(record["id"]))
