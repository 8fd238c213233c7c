"""What became of the records of a run: which were changed, deleted, created, or may have been."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import xxhash

from etl.model import ChangeKind, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from etl.journal import Journal
    from etl.model import Outcome
    from etl.planning import PartGround

CHANGED = (Status.UPDATED, Status.DELETED)


@dataclass(frozen=True, slots=True)
class Happened:
    """The records that a run changed, 8 bytes each; those that it created are read from its journal."""

    _changed: frozenset[int]
    _created: frozenset[int]
    ground: Sequence[PartGround]

    def changed(self, entity: str, record_id: str) -> bool:
        """Tell whether the run changed or deleted a record, or may have: it got no answer."""
        return _hash(entity, record_id) in self._changed

    def created(self, entity: str, record_id: str) -> bool:
        """Tell whether the run created a record."""
        return _hash(entity, record_id) in self._created

    @property
    def creates(self) -> int:
        """Records that the run created, whatever they are."""
        return len(self._created)

    def is_link(self, outcome: Outcome) -> bool:
        """Tell whether a created record joins others: a relation, or an attribute's value.

        It came to a record that stood before, and goes whether created records are deleted or not.
        """
        own = {(one.entity, one.part) for one in self.ground}
        return bool(outcome.row) and bool(self.ground) and (outcome.entity, outcome.part) not in own


def what_happened(journal: Journal, ground: Sequence[PartGround]) -> Happened:
    """Read the journal of a run, whether it came to its end or not."""
    changed, created = set(), set()
    for outcomes in journal.outcomes():
        for one in outcomes:
            if one.status in CHANGED and one.record_id:
                changed.add(_hash(one.entity, one.record_id))
            elif one.status is Status.CREATED:
                created.add(_hash(one.entity, one.record_id))
    for sent in journal.unanswered():
        if sent.kind is not ChangeKind.CREATE:
            changed.add(_hash(sent.entity, sent.record_id))
    return Happened(frozenset(changed), frozenset(created), ground)


def created_backwards(journal: Journal) -> Iterator[Outcome]:
    """Yield the records that a run created, the last one first, each once."""
    seen: set[int] = set()
    for outcomes in journal.outcomes_backwards():
        for one in _created(outcomes):
            name = _hash(one.entity, one.record_id)
            if name not in seen:
                seen.add(name)
                yield one


def _created(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    return (one for one in outcomes if one.status is Status.CREATED and one.record_id)


def _hash(entity: str, record_id: str) -> int:
    return xxhash.xxh3_64_intdigest(f"{entity}\x1f{record_id}".encode())
