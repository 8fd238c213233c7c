"""The records of a frame between their comparison and the outcome of the last thing that is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from etl.planning.conflicts import Before, Prints
    from etl.planning.known import Marks
    from etl.planning.matching import InFlight, Numbers


@dataclass(slots=True)
class Waiting:
    """The records of a frame: what will be written down of them, and what is still under way."""

    rows: Numbers
    """Source rows, rising."""
    texts: pa.StringArray
    ids: list[str]
    under_way: InFlight
    at: Numbers
    """Where each row stands in `under_way`."""
    prints: dict[str, Prints]
    """Of what will stand in each field and attribute value, by remembered name."""
    moments: list[str | None]
    """`modifiedAt` of the records as they were looked up; None: they are new, or it does not count."""
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
    is_closed: bool = False
