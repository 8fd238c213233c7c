"""What differs between the generations of AtroCore's API, in one table; no other module asks for versions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation: its paths and its limits. Shapes of answers are told apart by looking, not by this."""

    name: str
    """`1.10`, `2.1`, `2.2` or `2.3`: the first version of it that was looked at."""
    base: str
    """The path that all others begin with."""
    sign_in: str
    """Where user and password are exchanged for a token; below `base`, as all paths here."""
    metadata: str
    labels: str
    """Where the words for people are."""
    upsert: str
    pieces: str
    """Where pieces of a file go."""
    id_characters: int
    """Longest id that a record may have."""
    tells_missing_route: bool
    """A 404 with a reason is no missing record but a missing entity or route."""
    has_total_only: bool
    """`totalOnly` leaves the records out; else they come along and are read past."""
    dropped: frozenset[str]
    """Operators that it does not know yet, or no more: such a condition is dropped without a word."""
    compares_units: bool
    """Amounts are compared across the units of a measure."""
    restore: str
    """Where deleted records are put back, `{entity}` being theirs; empty: nowhere."""
    takes_parents_ids: bool
    """`parentsIds` counts when a record is made; else only a single `parentId` does."""


NEW_OPERATORS = 30
"""The patch of 2.2 that brought them."""
COLUMNS = frozenset({"columnLike", "columnIn", "columnNotIn", "columnIsNull"})
SIMILARITY = frozenset({"similar", "wordSimilar"})

# Source: observations (1.10 and 2.1), "Bulk upsert" 8, "Lists", "Errors and sign-in"; api-contract §0-§2.
_V2_1 = Generation(
    name="2.1",
    base="/api/v1",
    sign_in="App/user",
    metadata="Metadata",
    labels="I18n",
    upsert="MassActions/action/upsert",
    pieces="File",
    id_characters=36,
    tells_missing_route=True,
    has_total_only=True,
    dropped=SIMILARITY,
    compares_units=False,
    restore="{entity}/action/restore",
    takes_parents_ids=True,
)
# Source: observations, Lists, `restore` 404; recorded: what is made with `parentsIds` stands at the root.
_V1_10 = replace(
    _V2_1,
    name="1.10",
    id_characters=24,
    has_total_only=False,
    restore="",
    takes_parents_ids=False,
    dropped=SIMILARITY | {"savedSearch"},
)
# Operators that are new in 2.2.30 count as those of 2.2: what api-contract tells is 2.2.31.
# Source: atrocore/atrocore, SelectManagers/Base.php of 1.10.30, 2.1.25, 2.2.25, 2.2.30, 2.3.6.
_V2_2 = replace(_V2_1, name="2.2", dropped=frozenset(), compares_units=True)
_V2_2_EARLY = replace(_V2_2, dropped=SIMILARITY, compares_units=False)
# Source: api-contract §0 and §1.3, "2.3 differs": base /api, /userSession, /metadata, /upsert;
# §7, "2.3 differs": /File/createChunk. /i18n: atrocore 2.3.0, app/Atro/Handlers/Global/I18nHandler.php.
_V2_3 = replace(
    _V2_2,
    name="2.3",
    base="/api",
    sign_in="userSession",
    metadata="metadata",
    labels="i18n",
    upsert="upsert",
    pieces="File/createChunk",
    restore="entityRestore",
    dropped=COLUMNS,
    tells_missing_route=False,
)

GENERATIONS: Mapping[str, Generation] = {one.name: one for one in (_V1_10, _V2_1, _V2_2, _V2_3)}
"""By name, oldest first."""

WIDEST = _V2_2
"""Knows every operator; for filters that are read without a server."""

FIRST_TRIES = (_V2_1, _V2_3)
"""One generation per API path: which of them answers a sign-in tells the path."""


def from_version(version: str, *, answered: Generation) -> Generation | None:
    """Return the generation of a core version such as `2.1.25`; None where the text is no version.

    Args:
        answered: the one whose sign-in answered; its path is a fact, the version only a text.
    """
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    if match is None:
        return None
    major_minor = int(match[1]), int(match[2])
    if answered.base == _V2_3.base:
        return _V2_3
    if major_minor < (2, 0):
        return _V1_10
    if major_minor == (2, 2) and int(match[3] or NEW_OPERATORS) < NEW_OPERATORS:
        return _V2_2_EARLY
    return _V2_1 if major_minor < (2, 2) else _V2_2


def from_metadata(metadata: Mapping[str, object], *, answered: Generation) -> Generation:
    """Return the generation that a Metadata answer speaks of, for servers that do not tell their version.

    Only 1.10 keeps its jobs in an entity `QueueItem`; 2.1 and 2.2 look alike here, so the older and more
    careful one is returned. Source: observations, "The queue header"; recorded metadata of 1.10 and 2.1.
    """
    if answered.base == _V2_3.base:
        return _V2_3
    entities = metadata.get("entityDefs")
    return _V1_10 if isinstance(entities, dict) and "QueueItem" in entities else _V2_1
