"""A known state written anew: the old lines and those of its journal, sorted, a part of them in memory."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from etl.planning.known import (
    BESIDE,
    BROKEN,
    GROUP_LINES,
    META,
    SPACE,
    WROTE,
    Known,
    KnownHeader,
    damaged,
    first_halves,
    header_from,
    is_damage,
    layout_of,
    part_count,
    second_halves,
    to_plain,
)
from etl.planning.known_journal import journalled
from etl.runs import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.planning.known import Marks


def mended(known: Known) -> Known:
    """Return a known state with what a killed run left in its journal; only for the one run that writes."""
    if not known.journal.exists():
        return known
    said = journalled(known.journal)
    header = header_from(said.header) if said is not None else None
    if header is None or header.about != known.header.about:
        known.journal.unlink()
        return known
    if not known.lines:
        known = dataclasses.replace(known, header=dataclasses.replace(header, is_complete=False))
    return write_known(known, known.header)


def write_known(
    known: Known, header: KnownHeader, *, forgotten: Marks | None = None, unwritten: Marks | None = None
) -> Known:
    """Write the file anew, with what its journal holds, and then drop the journal; return what it is now.

    At any moment there is the old file or the new one. Holds a part of the lines in memory.

    Args:
        header: what the new file says of itself.
        forgotten: which of the old lines are to be compared next time; None: none of them.
        unwritten: of which of them nobody knows any more what was written last; None: of none.
    """
    try:
        return _written(known, header, forgotten, unwritten)
    except BROKEN as error:
        if not known.lines or not is_damage(error):
            raise
        # Nothing of the old file can be trusted; what this run learnt can.
        return _written(damaged(known), dataclasses.replace(header, is_complete=False), None, None)


def write_header(known: Known, header: KnownHeader) -> None:
    """Write down what the known state says of itself, where none of its lines is another one.

    It lies beside the file and counts as long as the file is the one that it was written for.
    """
    said = {"of": known.of, **to_plain(header)}
    write_whole(known.path.with_suffix(BESIDE), json.dumps(said, indent=1) + "\n")


def _written(known: Known, header: KnownHeader, forgotten: Marks | None, unwritten: Marks | None) -> Known:
    known.folder.mkdir(parents=True, exist_ok=True)
    said = journalled(known.journal)
    new, names = 0, dict.fromkeys(known.fields)
    for one in said.lines() if said is not None else ():
        new += len(one)
        names |= {name.removeprefix(WROTE): None for name in one.column_names if name.startswith(WROTE)}
    layout = layout_of(tuple(names))
    about = {META: json.dumps(to_plain(header)).encode()}
    beside = known.path.with_name(f"{known.path.name}.new")
    count = part_count(known.lines + new)
    lines, first = 0, 0
    with parquet.ParquetWriter(
        beside,
        layout.with_metadata(about),
        compression="lz4",
        use_dictionary=["modified_at"],
        write_page_checksum=True,
        # Nobody asks for a part of the lines by what they hold.
        write_statistics=False,
    ) as writer:
        for part, old in enumerate(known.parts(layout.names, count=count)):
            here = slice(first, first + len(old))
            marks = None if forgotten is None else forgotten[here]
            if unwritten is not None and unwritten[here].any():
                old = _without_prints(old, unwritten[here])  # noqa: PLW2901  no name for it, see below
            first = here.stop
            added = [] if said is None else [_within(one, part, count) for one in said.lines()]
            # No name for it: it would be held while the next part is made.
            lines += _put(
                writer, _merged(_shaped(old, layout), [_shaped(one, layout) for one in added], marks)
            )
            del added
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.replace(known.path)
    known.journal.unlink(missing_ok=True)
    return Known(known.folder, header, lines, of=header.run)


def _without_prints(lines: pa.Table, where: Marks) -> pa.Table:
    for name in lines.column_names:
        if name.startswith(WROTE):
            wrote = pa.array(np.where(where, 0, lines[name].to_numpy()), pa.uint32())
            lines = with_column(lines, name, pa.chunked_array([wrote]))
    return lines


def _put(writer: parquet.ParquetWriter, lines: pa.Table) -> int:
    writer.write_table(lines, row_group_size=GROUP_LINES)
    return len(lines)


def _merged(old: pa.Table, added: Sequence[pa.Table], forgotten: Marks | None) -> pa.Table:
    """The old lines with the new ones in their place; sorted."""
    if forgotten is not None and forgotten.any():
        old = with_column(old, "made_from", cleared(old["made_from"], forgotten))
    new = pa.concat_tables(added) if added else old.schema.empty_table()
    if not len(new):
        return old
    both = pa.concat_tables([old, new]).combine_chunks()
    first, second = first_halves(both["key"]), second_halves(both["key"])
    order = np.lexsort((second, first))  # stable: the newest line of a key comes last
    first, second = first[order], second[order]
    is_same = (first[1:] == first[:-1]) & (second[1:] == second[:-1])
    if not is_same.any():
        # No key stands twice, as after a first import: nothing is older, and nothing more need be held.
        merged = both.take(pa.array(order))
        return merged.filter(pc.is_valid(merged["id"])) if merged["id"].null_count else merged
    is_last, is_first = np.append(~is_same, True), np.insert(~is_same, 0, True)
    merged = both.take(pa.array(order[is_last]))
    for name in both.column_names:
        if name.startswith(WROTE):
            # A field that was not written this time holds what was written the last time that it was.
            written = both[name].to_numpy()[order]
            at = np.maximum.accumulate(np.where((written != 0) | is_first, np.arange(len(written)), 0))
            merged = with_column(merged, name, pa.chunked_array([pa.array(written[at[is_last]])]))
    return merged.filter(pc.is_valid(merged["id"]))


def cleared(column: pa.ChunkedArray, where: Marks) -> pa.ChunkedArray:
    """Return the column with nulls at some positions."""
    return pc.if_else(pa.array(where), pa.scalar(None, column.type), column)


def with_column(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    """Return the table with another column in the place of the one of this name."""
    return table.set_column(table.column_names.index(name), table.schema.field(name), column)


def _shaped(lines: pa.Table, layout: pa.Schema) -> pa.Table:
    if lines.schema.equals(layout):
        return lines
    names = set(lines.column_names)
    columns = [lines[one.name] if one.name in names else _nothing(len(lines), one) for one in layout]
    return pa.table(columns, schema=layout)


def _nothing(count: int, field: pa.Field) -> pa.Array:
    if pa.types.is_integer(field.type):
        return pa.array(np.zeros(count, np.uint32))
    return pa.nulls(count, field.type)


def _within(lines: pa.Table, part: int, count: int) -> pa.Table:
    begin, end = part * SPACE // count, (part + 1) * SPACE // count
    first = first_halves(lines["key"])
    return lines.filter(pa.array((first >= np.uint64(begin)) & (first <= np.uint64(end - 1))))
