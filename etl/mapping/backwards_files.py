"""The same mapping backwards where cells are files: columns of names under which these are found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.mapping.convert import pieces as lists
from etl.mapping.file_rules import LinkedFiles
from etl.mapping.findings import MappingProblem, finding
from etl.mapping.fitting import MAIN_MARK
from etl.mapping.origins import Computed, FromColumn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import pyarrow as pa

    from etl.mapping.fields import FieldRule
    from etl.mapping.filing import Filing
    from etl.mapping.origins import Source
    from etl.mapping.parts import SplitDoc
    from etl.mapping.relations import RelationRule
    from etl.mapping.rules import Rules

CHANGED = "its cells are changed before files are looked for"
SINGLE = "its cells hold one file each, and a record may have several"


@dataclass(frozen=True, slots=True)
class BackFiles:
    """One column of an export whose cells are names of files."""

    name: str
    """As the source calls it."""
    field: str
    """Of the mapping."""
    split: SplitDoc | None
    """None: one name in a cell."""
    key: str = ""
    """Payload key of an attribute; empty: relation records tell which files a record has."""
    entity: str = ""
    """The relation entity."""
    owner_key: str = ""
    file_key: str = ""
    """Its payload keys of the record and of the file."""
    is_main: bool = False
    """Only the file that is marked as the main image."""
    is_main_first: bool = False
    """The main image stands first; else the files stand as they are sorted."""

    def to_cells(self, names: pa.ListArray) -> pa.StringArray:
        """Return the cells that are read as these files; null where there is none."""
        return lists.joined(names, self.split)


def file_columns(rules: Rules, taken: Collection[str] = ()) -> tuple[BackFiles, ...]:
    """Return the columns of files that can be exported.

    Args:
        taken: columns that other fields are exported into.
    """
    found: dict[str, BackFiles] = {}
    for relation in rules.bound.relations:
        column, reason = _of_relation(rules, relation)
        if column is not None and not reason and column.name not in taken:
            found.setdefault(column.name, column)
    for one in rules.bound.attributes:
        rule = one.rule
        column_name = _column(rule.origin)
        if is_file(rule) and column_name is not None and not rule.steps:
            name = rules.bound.layout.header(column_name) or column_name
            found.setdefault(name, BackFiles(name, rule.name, rule.split, key=rule.key))
    return tuple(found.values())


def place_columns(rules: Rules, taken: Collection[str] = ()) -> tuple[str, ...]:
    """Return the columns that only say which folder and name new files get: an export leaves them empty.

    Args:
        taken: columns that something else is exported into.
    """
    shown = {one.field for one in file_columns(rules)}
    filings = [
        *(_filing(one) for one in rules.bound.relations if one.name in shown),
        *(one.rule.filing for one in rules.bound.attributes if one.rule.name in shown),
    ]
    named = [name for one in filings if one is not None for name in one.columns]
    called = dict.fromkeys(rules.bound.layout.header(name) or name for name in named)
    return tuple(name for name in called if name not in taken)


def _filing(relation: LinkedFiles | RelationRule) -> Filing | None:
    return relation.rule.filing if isinstance(relation, LinkedFiles) else relation.filing


def is_file(rule: FieldRule) -> bool:
    """Tell whether the cells of a rule are files."""
    return rule.link is not None and rule.link.files is not None


def files_without_way_back(rules: Rules, taken: Collection[str]) -> Iterator[MappingProblem]:
    """Yield what an export cannot bring back of relation records, files among them."""
    columns = {one.field for one in file_columns(rules, taken)}
    for relation in rules.bound.relations:
        kind = "associations" if relation.fixed else "fields"
        spot = rules.mapping.key_spot(kind, relation.name)
        if relation.name not in columns:
            _, reason = _of_relation(rules, relation)
            reason = reason or "another field is exported into its column"
            yield finding("no_way_back", spot, field=relation.name, reason=reason)
            continue
        for name in place_columns(rules, {*taken, *(one.name for one in file_columns(rules, taken))}):
            if (filing := _filing(relation)) is not None and name in filing.columns:
                reason = f'column "{name}" only says where new files go: it is empty'
                yield finding("no_way_back", spot, field=f"{relation.name}.file", reason=reason)
        for inner in () if isinstance(relation, LinkedFiles) else relation.fields:
            if inner.constant is None and not _follows_order(inner):
                spot = rules.mapping.key_spot(kind, relation.name, "with", inner.name)
                named = f"{relation.name}.{inner.name}"
                yield finding("no_way_back", spot, field=named, reason="cells hold names of files alone")


def _of_relation(rules: Rules, relation: LinkedFiles | RelationRule) -> tuple[BackFiles | None, str]:
    """Return the column of a relation; or None, and why it has none."""
    if relation.target.files is None:
        return None, "it makes records of its own"
    if isinstance(relation, LinkedFiles):
        origin, split, steps = relation.rule.origin, relation.rule.split, relation.rule.steps
        is_main, sorts, marks = bool(relation.marks), False, False
    else:
        origin, split, steps = relation.origin, relation.split, relation.steps
        is_main, names = False, {one.name for one in relation.fields}
        sorts, marks = "sorting" in names, MAIN_MARK in names
    column = _column(origin)
    if column is None:
        return None, "its files are not named in one column"
    if steps:
        return None, CHANGED
    if split is None and not is_main:
        return None, SINGLE
    return BackFiles(
        rules.bound.layout.header(column) or column,
        relation.name,
        split,
        entity=relation.entity,
        owner_key=relation.owner_key,
        file_key=relation.target.key,
        is_main=is_main,
        is_main_first=marks and not sorts,
    ), ""


def _follows_order(inner: FieldRule) -> bool:
    """Tell whether a field says no more than the place of a file in its cell."""
    is_bare = isinstance(inner.origin, Computed) and not inner.origin.columns
    return is_bare and inner.name in ("sorting", MAIN_MARK)


def _column(origin: Source) -> str | None:
    return origin.name if isinstance(origin, FromColumn) else None
