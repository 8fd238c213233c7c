"""What the server tells of records beside their fields, where it is asked: permissions, options whole.

Source: api-contract §4.5: the header `With-Meta` adds `_meta` to each record; it came with 2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.api import Record
    from etl.exporting.columns import Column

META = "_meta"
HEADERS = (("With-Meta", "true"),)


def is_meta(column: Column) -> bool:
    """Tell whether a column shows what stands in `_meta`."""
    return column.address.form == "meta"


def meta_of(record: Record, column: Column) -> object:
    """Return what stands at the column's address; of several options a list of it."""
    found: object = record
    for step in column.address.path.steps if column.address.path else ():
        if isinstance(found, list):
            found = [one.get(step) for one in found if isinstance(one, dict)]
        else:
            found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, list):
        return ", ".join(str(one) for one in found if one is not None) or None
    return found


def check_meta(records: Sequence[Record], columns: Sequence[Column]) -> None:
    """Refuse an instance that does not know `_meta`: its cells would be empty for no visible reason.

    Raises:
        ConfigurationInvalid: it does not.
    """
    asked = [one.header for one in columns if is_meta(one)]
    if asked and records and not any(META in record for record in records):
        what = f'this instance tells nothing of {META}, so "{asked[0]}" would be empty.'
        advice = "Leave the column out; AtroCore tells it from 2.2 on."
        raise ConfigurationInvalid("--columns", what=what, advice=advice)
