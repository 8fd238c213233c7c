"""What stands in the way of lines of a plan: rows that failed, and records that nothing may link to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.model import Outcomes, Problem, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from etl.model import Changes, Outcome
    from etl.planning import PartGround


@dataclass(frozen=True, slots=True)
class Lost:
    """Why nothing may link to a record."""

    code: str
    """Of the problem of what does."""
    facts: Mapping[str, str]


@dataclass(slots=True)
class Obstacles:
    """Learnt while a plan is carried out."""

    ground: Sequence[PartGround]
    failed_rows: set[tuple[str, str | None, int]]
    """File, sheet and number of rows whose own record does not stand as it should: nothing is built on it."""
    _targets: dict[tuple[str, str], str] = field(default_factory=dict)
    """Entity and key of link targets that are created -> their ids."""
    _lost: dict[str, Lost] = field(default_factory=dict)
    """By id."""

    def is_own(self, entity: str, part: str) -> bool:
        """Tell whether rows stand for the records of a part."""
        return any(one.is_own and one.part == part and one.entity == entity for one in self.ground)

    def learn(self, outcomes: Iterable[Outcome]) -> None:
        """Take note of what failed."""
        for one in Outcomes.of(outcomes).told:
            if one.status is not Status.FAILED:
                continue
            if self.is_own(one.entity, one.part):
                self.failed_rows.add((one.file, one.sheet, one.row))
            elif target := self._targets.get((one.entity, one.key)) if one.row == 0 else None:
                self.lose(target, text=one.message)

    def lose(self, record_id: str, *, text: str) -> None:
        """Take note that a link target is not created."""
        self._lost[record_id] = Lost("link_not_created", {"entity": "a linked record", "text": text})

    def lose_files(self, ids: Iterable[str]) -> None:
        """Take note that files are not there any more."""
        self._lost.update((one, Lost("file_gone", {"id": one})) for one in ids)

    def note_targets(self, changes: Changes) -> None:
        """Learn under which ids link targets are about to be created."""
        rows = zip(
            changes.numbers.to_pylist(), changes.keys.to_pylist(), changes.ids.to_pylist(), strict=True
        )
        self._targets.update(((changes.entity, key), record_id) for row, key, record_id in rows if row == 0)

    def possible(self, changes: Changes) -> list[int]:
        """Return the positions of records that are not built on one that does not stand."""
        if not self.failed_rows or self.is_own(changes.entity, changes.part):
            return list(range(len(changes)))
        rows = ((changes.file, changes.sheet, row) for row in changes.numbers.to_pylist())
        return [at for at, row in enumerate(rows) if row not in self.failed_rows]

    def lost_links(self, changes: Changes) -> dict[int, list[Problem]]:
        """Return what is wrong with records that link to what is not there, by position."""
        if not self._lost:
            return {}
        problems = {}
        for position in range(len(changes)):
            hit = next((one for one in _linked(changes, position) if one in self._lost), None)
            if hit is not None:
                lost = self._lost[hit]
                problems[position] = [problem_of(changes, position, lost.code, lost.facts)]
        return problems


def problem_of(changes: Changes, position: int, code: str, facts: Mapping[str, str]) -> Problem:
    """Return what is wrong with one record of some changes."""
    key, row = changes.keys[position].as_py() or "", changes.numbers[position].as_py()
    return Problem(code, changes.file, changes.sheet, row, value=key[:200], facts=facts)


def _linked(changes: Changes, position: int) -> Iterator[str]:
    for column in changes.columns.values():
        value = column[position].as_py()
        yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))
