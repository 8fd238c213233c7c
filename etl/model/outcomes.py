"""What became of records: an object where something is to be told, columns where all went as it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from etl.model.rows import Problem, Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record of one row."""

    file: str
    sheet: str | None
    row: int
    """1-based as seen in the file; 0: a record that no row stands for by itself."""
    entity: str
    key: str
    status: Status
    record_id: str = ""
    """Empty where there is no record."""
    code: str = ""
    """Why, where it failed or was invalid or skipped: a key of `problems.CATALOGUE`."""
    message: str = ""
    """The whole sentence for a person."""
    part: str = ""
    column: str = ""
    """The source column the (first) problem is about."""
    problems: tuple[Problem, ...] = ()
    """All that was wrong with it, and warnings; `code` and `message` sum them up. Not in the journal."""


@dataclass(frozen=True, slots=True)
class Alike:
    """What became of records that all ended alike, position by position; there is nothing to tell of them."""

    file: str
    sheet: str | None
    entity: str
    status: Status
    """Neither failed nor invalid: of those there is always something to tell."""
    rows: pa.Int64Array
    """As in `Outcome.row`; a row may stand here with several records."""
    keys: pa.StringArray
    """Never null."""
    ids: pa.StringArray
    """Empty where there is no record; never null."""
    records: int
    """How many they are: of a record that several rows made, each of them stands here."""
    part: str = ""

    def __len__(self) -> int:
        """Outcomes."""
        return len(self.rows)

    def __iter__(self) -> Iterator[Outcome]:
        """Yield them one by one, for whoever needs few."""
        columns = (self.rows.to_pylist(), self.keys.to_pylist(), self.ids.to_pylist())
        for row, key, record_id in zip(*columns, strict=True):
            yield Outcome(
                self.file, self.sheet, row, self.entity, key, self.status, record_id=record_id, part=self.part
            )


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of some records. All outcomes of a run go through this, so most of them are columns."""

    alike: tuple[Alike, ...] = ()
    told: tuple[Outcome, ...] = ()
    """Those of which something is to be told, and any others."""

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Outcomes:
        """Return them as they are, or made of single ones."""
        return outcomes if isinstance(outcomes, Outcomes) else cls(told=tuple(outcomes))

    def __len__(self) -> int:
        """Outcomes."""
        return sum(map(len, self.alike)) + len(self.told)

    def __iter__(self) -> Iterator[Outcome]:
        """Yield them one by one; whoever sees all of a run takes the columns."""
        for alike in self.alike:
            yield from alike
        yield from self.told

    def __add__(self, others: Outcomes) -> Outcomes:
        """Return these and then the others."""
        return Outcomes(self.alike + others.alike, self.told + others.told)
