"""What tells of each row whether the files that it names are the same still; nothing of them is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.choosing import chosen_rows
from etl.mapping.columns import Columns
from etl.mapping.convert.link_texts import PART_MARK
from etl.mapping.filing import is_address
from etl.mapping.grouping import groups_of
from etl.mapping.pairs import made_of_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.mapping.binding import Bound
    from etl.mapping.filing import Filing
    from etl.mapping.grouping import Groups
    from etl.mapping.loading import Mapping
    from etl.model import Frame, LinkTarget

NamedTexts: TypeAlias = "tuple[Filing, LinkTarget, np.ndarray, list[str]]"
"""How files are named, where they go, the position of the record of each file, and its text."""


def names_files(bound: Bound) -> bool:
    """Tell whether any cell of the mapping is a file."""
    rules = [*bound.rules, *(one.rule for one in bound.attributes), *bound.relations]
    return any(one.filing is not None for one in rules) or any(
        one.doc.file is not None for one in bound.pairs
    )


def file_states(mapping: Mapping, bound: Bound, frame: Frame) -> list[bytes | None]:
    """Return what the files of each row look like from outside; those of a record stand at its first row.

    Empty where a row names none that are there; None where nobody can tell whether one is still the same.
    """
    columns, _ = chosen_rows(Columns(frame, bound.layout), bound, mapping)
    groups = groups_of(columns)
    positions = np.arange(len(columns)) if groups is None else groups.starts
    if columns.chosen is not None:
        positions = columns.chosen.to_numpy(zero_copy_only=False)[positions]
    states: list[bytes | None] = [b""] * len(frame)
    for filing, target, owners, texts in _named(bound, columns, groups):
        for at, text in zip(positions[owners].tolist(), texts, strict=True):
            before, state = states[at], _state(filing, target, text.partition(PART_MARK)[0])
            states[at] = None if before is None or state is None else before + state
    return states


def _state(filing: Filing, target: LinkTarget, name: str) -> bytes | None:
    if is_address(name):
        # What AtroCore fetched once it does not fetch again: the address, which is in the cell, says all.
        return b"" if target.files is not None and target.files.fetch == "server" else None
    return filing.look.state(name) if filing.look is not None else None


def _named(bound: Bound, columns: Columns, groups: Groups | None) -> Iterator[NamedTexts]:
    for rule in (*bound.rules, *(one.rule for one in bound.attributes)):
        if rule.filing is not None and rule.link is not None:
            yield rule.filing, rule.link, *_flat(rule.make(columns, groups).values)
    for pair in bound.pairs:
        if pair.doc.file is not None and bound.compiler is not None:
            for one, made in made_of_pairs(pair, bound.compiler, columns, groups)[0]:
                if one.rule.filing is not None and one.rule.link is not None:
                    yield one.rule.filing, one.rule.link, *_flat(made.values)
    for relation in bound.relations:
        if relation.filing is not None:
            records, _ = relation.make(columns, groups)
            texts = records.links[0].texts
            is_there = texts.is_valid()
            owners = records.owners.filter(is_there).to_numpy(zero_copy_only=False)
            yield relation.filing, relation.target, owners, texts.filter(is_there).to_pylist()


def _flat(values: pa.Array) -> tuple[np.ndarray, list[str]]:
    """The files of records, one or several each, with the position of the record of each file."""
    if pa.types.is_list(values.type):
        owners, texts = pc.list_parent_indices(values), values.flatten()
    else:
        owners, texts = pc.indices_nonzero(values.is_valid()), values.drop_null()
    return owners.to_numpy(zero_copy_only=False), texts.to_pylist()
