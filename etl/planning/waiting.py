"""The records of a frame between their comparison and the outcome of the last thing that is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.model import Payloads
    from etl.planning.conflicts import Before, Prints
    from etl.planning.known import Marks
    from etl.planning.matching import InFlight, Numbers
    from etl.resolving.links import LinkIds

Moments: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.object_]]"
"""Times as the server writes them; None: not known."""


@dataclass(slots=True)
class Waiting:
    """The records of a frame: what will be written down of them, and what is still under way."""

    rows: Numbers
    """Source rows, rising."""
    texts: pa.StringArray
    ids: pa.StringArray
    under_way: InFlight
    at: Numbers
    """Where each row stands in `under_way`."""
    prints: dict[str, Prints]
    """Of what will stand in each field and attribute value, by remembered name."""
    then: Moments
    """`modifiedAt` of the records as they were looked up; None: they are new, or it does not count."""
    heard: Moments
    """The same as the server answered what was sent; None: it did not tell."""
    is_edited: Marks
    """True where a field keeps what a person wrote: without a moment it is an edit the next time too."""
    is_told: Marks
    """True where nothing keeps the row from being known."""
    pending: Numbers
    """Records of each row without an outcome."""
    is_good: Marks
    before: Before
    """What was known of the records."""
    changed: Numbers
    """Where those that are about to be changed, and of which something was known, stand in `rows`."""
    is_written: Marks
    """True where the record itself is sent."""
    is_closed: bool = False

    def places(self, rows: Numbers) -> tuple[Numbers, Marks]:
        """Return where source rows stand here, and which of them do: the places of others mean nothing."""
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        is_here: Marks = self.rows[at] == rows
        return at, is_here

    def places_of(self, rows: Numbers, ids: pa.StringArray) -> tuple[Numbers, Marks]:
        """Return the same of rows with the ids of records: those that are the row's own are here."""
        at, is_here = self.places(rows)
        is_same = pc.equal(self.ids.take(pa.array(at)), ids)
        return at, is_here & is_same.to_numpy(zero_copy_only=False)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the server said of the records of a request."""

    rows: Numbers
    ids: pa.StringArray
    moments: Sequence[str | None]
    """`modifiedAt`; None: it did not tell."""


def lacking(payloads: Payloads, links: Sequence[LinkIds]) -> Marks:
    """Tell of each record whether something was left out or is to be told: it is compared each time."""
    wrong = [one.row for one in payloads.problems]
    for one in links:
        wrong += [problem.row for problem in one.problems]
    is_lacking: Marks = np.isin(payloads.numbers.to_numpy(), wrong)
    for texts, ids in zip(payloads.links, links, strict=True):
        if pa.types.is_list(ids.ids.type):
            pairs = zip(texts.texts.to_pylist(), ids.ids.to_pylist(), strict=True)
            is_lacking |= np.array(
                [bool(said) and len(set(said)) != len(there or ()) for said, there in pairs], np.bool_
            )
        else:
            missing = pc.and_(pc.is_valid(texts.texts), pc.is_null(ids.ids))
            is_lacking |= missing.to_numpy(zero_copy_only=False)
    return is_lacking
