"""Contents that stand in AtroCore already: asked for in bulk, by id where one is known, else by hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.resolving.keys import own_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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


def own_file_id(key: Key, *, turn: int = 1) -> str:
    """Return the id under which a content is uploaded: the same on every machine and in every run.

    Args:
        turn: 2 and more where the id before is taken by a record whose content somebody replaced.
    """
    parts = [key.md5, str(key.size_bytes), *([str(turn)] if turn > 1 else [])]
    return own_id(ENTITY, ("hash", "fileSize"), key="\x1f".join(parts))


def holds(record: Record, key: Key) -> bool:
    """Tell whether a record is of this content, as far as the server tells."""
    return record.get("hash") == key.md5 and record.get("fileSize") == key.size_bytes


class Found:
    """What a look-up of contents came to."""

    def __init__(self, standing: Mapping[Key, Standing], taken: Iterable[str]) -> None:
        self.standing = standing
        self._taken = frozenset(taken)

    def new_id(self, key: Key) -> str:
        """Return the id for a content that stands nowhere."""
        turn = 1
        while (file_id := own_file_id(key, turn=turn)) in self._taken:
            turn += 1
        return file_id


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
    for key, records in by_hash.items():
        own = own_file_id(key)
        # Of several the one that we made, so that all runs agree.
        standing[key] = standing_of(min(records, key=lambda one: (one["id"] != own, str(one["id"]))))
    rest = [key for key in rest if key not in standing]
    return Found(standing, await _taken(client, rest))


async def _taken(client: Client, keys: Sequence[Key]) -> set[str]:
    """Return which of our ids other contents have; one more turn each time that one does."""
    taken: set[str] = set()
    turn = 1
    while keys:
        ids = {own_file_id(key, turn=turn): key for key in keys}
        new = {str(record["id"]) for record in await _asked(client, "id", list(ids))}
        taken |= new
        keys = [key for file_id, key in ids.items() if file_id in new]
        turn += 1
    return taken


async def _asked(client: Client, field: str, values: Sequence[str]) -> Sequence[Record]:
    return await client.look_up(ENTITY, field, values, select=SELECT) if values else []


def standing_of(record: Record) -> Standing:
    """Return where a content stands."""
    return Standing(str(record["id"]), str(record.get("name") or ""))


def is_older(other: Record, record: Record) -> bool:
    """Tell which of two records of one content stays: both who made them must say the same."""
    return (str(other.get("createdAt")), str(other["id"])) < (str(record.get("createdAt")), str(record["id"]))
