"""Canonical keys and the ids made from them (law 5 of the house)."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Record: TypeAlias = "Mapping[str, object]"
"""A record as the server answered it."""

PART_SEPARATOR = "\x1f"
ALPHABET = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)
"""Base32 as in RFC 4648, section 6, in lower case."""
BASE32_LETTERS = 23
GROUP_BYTES, GROUPS = 5, 3
"""Five bytes of the digest make eight letters; of the last group, seven are taken."""
PAIRS = np.stack((np.repeat(ALPHABET, 32), np.tile(ALPHABET, 32)), axis=1)
"""The two letters of ten bits."""


def own_id(entity: str, key_fields: Sequence[str], *, key: str) -> str:
    """Return the id under which a new record is created: a letter and 23 characters of base32, 24 in all.

    It depends on the entity, the names of the key fields and the canonical key alone: the same row gets the
    same id on every machine and in every run, and a request whose answer was lost can be sent again.

    Source: observations of 1.10: ids of more than 24 characters are an SQL error there.
    """
    return own_ids(entity, key_fields, keys=[key])[0]


def own_ids(entity: str, key_fields: Sequence[str], *, keys: Sequence[str]) -> list[str]:
    """Return `own_id` of many keys, in their order; base32 is made of all of them at once."""
    head = "\x1e".join((entity, PART_SEPARATOR.join(key_fields), "")).encode()
    sha256 = hashlib.sha256
    digests = b"".join([sha256(head + key.encode("utf-8", "surrogatepass")).digest() for key in keys])
    taken = np.frombuffer(digests, np.uint8).reshape(-1, sha256().digest_size)[:, : GROUPS * GROUP_BYTES]
    wide = np.zeros((len(keys), GROUPS, 8), np.uint8)
    wide[:, :, -GROUP_BYTES:] = taken.reshape(-1, GROUPS, GROUP_BYTES)
    tens = wide.view(">u8").astype(np.uint64) >> np.array([30, 20, 10, 0], np.uint64) & np.uint64(0x3FF)
    ids = np.full((len(keys), 1 + BASE32_LETTERS), ord("e"), np.uint8)
    ids[:, 1:] = PAIRS[tens].reshape(-1, GROUPS * 8)[:, :BASE32_LETTERS]
    letters, size = ids.tobytes().decode("ascii"), ids.shape[1]
    return [letters[at : at + size] for at in range(0, len(letters), size)]


def canonical_keys(columns: Mapping[str, pa.Array]) -> pa.StringArray:
    """Return one text per record from typed key columns; null where a part is null.

    Text is in NFC, numbers are as Arrow prints them, parts of a composite key are joined by U+001F. Both
    source and server are compared in this form, however they were written.
    """
    parts = [_text(column) for column in columns.values()]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, PART_SEPARATOR)


def _text(column: pa.Array) -> pa.StringArray:
    text = column.cast(pa.string())
    if not pc.all(pc.string_is_ascii(text), skip_nulls=True).as_py():
        values = [None if v is None else unicodedata.normalize("NFC", v) for v in text.to_pylist()]
        return pa.array(values, pa.string())
    return text


def keys_of_records(records: Sequence[Record], key_fields: Sequence[str]) -> list[str | None]:
    """Return the canonical key of each record as the server answered it; None where a part is missing."""
    if not key_fields or not records:
        return [None] * len(records)
    keys: list[str | None] = canonical_keys(
        {
            field: pa.array([_plain(record.get(field)) for record in records], pa.string())
            for field in key_fields
        }
    ).to_pylist()
    return keys


def _plain(value: object) -> str | None:
    """One value as Arrow would print it: the server may answer 5 where a key column holds 5.0."""
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
