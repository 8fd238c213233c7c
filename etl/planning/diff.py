"""Is what the mapping says what stands there already? Compared by meaning, column with column.

`1` and `1.0`, the order of ids, trailing zeros, line ends, and null beside empty text are no differences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.schema import FieldSchema

LINKS = ("link", "links")
TOLERANCE = 1e-9
"""Relative; floats that differ by less are what a database made of the same number."""


def differs(
    column: pa.Array, live: Sequence[object], *, field: FieldSchema | None, appends: bool
) -> pa.BooleanArray:
    """Tell per position whether sending `column` would change the record; false where it is null (not sent).

    Args:
        live: what the server answered under the same key; None: nothing stands there.
        field: None for keys that no field describes; they are compared as they are.
        appends: True: ids of a multi-link are only added, so that a subset is no difference.
    """
    if pa.types.is_list(column.type):
        different = _lists_differ(
            column, live, ordered=field is not None and field.kind == "array", appends=appends
        )
    elif pa.types.is_floating(column.type):
        different = _floats_differ(column, live, digits=field.digits if field else None)
    elif pa.types.is_boolean(column.type):
        different = _plain_differ(
            column, pa.array([v if isinstance(v, bool) else None for v in live], pa.bool_())
        )
    elif pa.types.is_integer(column.type):
        different = _plain_differ(column, pa.array([_whole(v) for v in live], pa.int64()))
    elif isinstance(column.type, pa.JsonType):
        is_object = field is not None and field.kind in LINKS
        different = _objects_differ(column, live) if is_object else _json_differ(column, live)
    else:
        different = _texts_differ(column, live)
    return pc.and_kleene(pc.is_valid(column), different)


def sent_where(column: pa.Array, wanted: pa.BooleanArray) -> pa.Array:
    """Return the column with null (not sent) where it is not wanted."""
    if isinstance(column.type, pa.JsonType):
        # Arrow chooses between values of plain types only.
        return pa.ExtensionArray.from_storage(column.type, sent_where(column.storage, wanted))
    return pc.if_else(wanted, column, pa.scalar(None, column.type))


def is_filled(live: Sequence[object]) -> pa.BooleanArray:
    """Tell per position whether clearing would change the record: null, "", [] and {} are clear already."""
    return pa.array([value not in (None, "", [], {}) for value in live], pa.bool_())


def old_values(live: Sequence[object], *, where: pa.BooleanArray) -> pa.StringArray:
    """Return the old values as JSON text at the positions of `where`, null elsewhere."""
    texts = [
        orjson.dumps(value).decode() if is_wanted else None
        for value, is_wanted in zip(live, where.to_pylist(), strict=True)
    ]
    return pa.array(texts, pa.string())


def missing_ids(column: pa.Array, live: Sequence[object]) -> pa.Array:
    """Return of each list of ids those that are not linked yet; appending sends only them."""
    values = []
    for ours, theirs in zip(column.to_pylist(), live, strict=True):
        there = set(_ids(theirs))
        values.append(None if ours is None else [one for one in ours if one not in there])
    return pa.array(values, column.type)


def _plain_differ(column: pa.Array, live: pa.Array) -> pa.BooleanArray:
    return pc.fill_null(pc.not_equal(column, live.cast(column.type)), True)  # noqa: FBT003  a value, no switch


def _texts_differ(column: pa.Array, live: Sequence[object]) -> pa.BooleanArray:
    theirs = _texts(live)
    ours = column.cast(pa.string())
    different = pc.fill_null(pc.not_equal(ours, theirs), True)  # noqa: FBT003  a value, no switch
    if not pc.any(different).as_py():
        return different
    # Browsers and databases exchange line ends; nobody means them. Null and "" both show as nothing.
    same = pc.equal(_one_line_end(ours), pc.fill_null(_one_line_end(theirs), ""))
    return pc.and_not(different, same)


def _texts(live: Sequence[object]) -> pa.StringArray:
    try:
        return pa.array(live, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):  # a number or a list where text is sent: rare
        return pa.array(
            [v if isinstance(v, str) else None if v is None else str(v) for v in live], pa.string()
        )


def _one_line_end(texts: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring(texts, "\r\n", "\n")


def _floats_differ(column: pa.Array, live: Sequence[object], *, digits: int | None) -> pa.BooleanArray:
    theirs = pa.array(
        [float(v) if isinstance(v, int | float) and not isinstance(v, bool) else None for v in live],
        pa.float64(),
    )
    ours = column.cast(pa.float64())
    gap = pc.abs(pc.subtract(ours, theirs))
    allowed = pc.multiply(pc.max_element_wise(pc.abs(ours), pc.abs(theirs)), TOLERANCE)
    if digits is not None:
        # The server rounds to the digits of the field, silently and by its own rule. Source: quirks, 17.
        allowed = pc.max_element_wise(allowed, 0.5 * 10.0**-digits * (1 + TOLERANCE))
    return pc.fill_null(pc.greater(gap, allowed), True)  # noqa: FBT003  a value, no switch


def _lists_differ(
    column: pa.Array, live: Sequence[object], *, ordered: bool, appends: bool
) -> pa.BooleanArray:
    found = []
    for ours, theirs in zip(column.to_pylist(), live, strict=True):
        there = _ids(theirs)
        if ours is None:
            found.append(False)
        elif ordered:
            # Arrays are compared in their order, links and options as sets; what stands twice is stored once.
            # Source: api-contract §3.3; quirks, 17.
            found.append(list(dict.fromkeys(ours)) != there)
        elif appends:
            found.append(not set(ours) <= set(there))
        else:
            found.append(set(ours) != set(there))
    return pa.array(found, pa.bool_())


def _json_differ(column: pa.Array, live: Sequence[object]) -> pa.BooleanArray:
    pairs = zip(column.storage.to_pylist(), live, strict=True)
    # An empty object beside nothing shows as nothing too.
    loaded = [(None if ours is None else orjson.loads(ours), [] if theirs is None else theirs)
              for ours, theirs in pairs]  # fmt: skip
    return pa.array([ours is not None and not _same(ours, theirs) for ours, theirs in loaded], pa.bool_())


def _same(ours: object, theirs: object) -> bool:
    """Compare decoded JSON: 1 and 1.0 are equal, 1 and true are not, and PHP writes an empty object as []."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_same(value, theirs[key]) for key, value in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if ours in ({}, []) and theirs in ({}, []):
        return True
    return isinstance(ours, bool) is isinstance(theirs, bool) and ours == theirs


def _whole(value: object) -> int | None:
    """A number as a whole one; None where it is none, which differs from all that is sent."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _objects_differ(column: pa.Array, live: Sequence[object]) -> pa.BooleanArray:
    """Linked objects: what is given of them must be what the linked records have, whatever else they have."""
    pairs = zip(column.storage.to_pylist(), live, strict=True)
    return pa.array(
        [ours is not None and not _is_within(orjson.loads(ours), theirs) for ours, theirs in pairs]
    )


def _is_within(ours: object, theirs: object) -> bool:
    if isinstance(ours, list):
        return isinstance(theirs, list) and all(any(_is_within(one, each) for each in theirs) for one in ours)
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and all(theirs.get(key) == value for key, value in ours.items())
    return ours == theirs


def _ids(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
