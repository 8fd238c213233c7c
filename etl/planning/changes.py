"""What shall be done with each record of some payloads, given what stands on the server."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping  # noqa: TC003  a type alias below needs it
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from etl.model import ChangeKind, Changes, Payloads, Problem
from etl.planning.diff import differs, is_filled, missing_ids, old_values, sent_where

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from etl.resolving import Found
    from etl.resolving.links import LinkIds
    from etl.schema import EntitySchema

WriteMode: TypeAlias = Literal["upsert", "create", "update", "none"]


UNWANTED = MappingProxyType(
    {
        ("create", ChangeKind.UPDATE): "record_exists",
        ("update", ChangeKind.CREATE): "record_missing",
        ("none", ChangeKind.CREATE): "record_missing",
    }
)
"""What is to be done with a record, and whether it is there -> the problem, where both do not fit."""


Unwanted: TypeAlias = Literal["report", "skip", "fail"]
"""What becomes of a record that must not be touched: left alone and told, left alone, or failed."""
ALWAYS_FAILS: Mapping[str, Unwanted] = MappingProxyType({})


def plan_changes(
    payloads: Payloads,
    found: Found,
    *,
    links: Sequence[LinkIds],
    entity: EntitySchema,
    write: WriteMode,
    unwanted: Mapping[str, Unwanted] = ALWAYS_FAILS,
) -> Changes:
    """Return one change per payload, position by position; an update holds only the fields that differ.

    Args:
        found: the record of each payload, or that there is none.
        links: the resolved links of the payloads.
        entity: types the comparison.
        write: what may be done: a record that is missing for `update`, or there for `create`, is blocked.
        unwanted: `record_missing` and `record_exists` -> what becomes of such rows; absent: they fail.
    """
    columns = dict(payloads.columns) | {one.target.key: one.ids for one in links}
    appends = frozenset(one.target.key for one in links if one.target.is_multiple and not one.target.replaces)
    kinds = [ChangeKind.CREATE if record is None else ChangeKind.UPDATE for record in found.records]
    refused = _unwanted(payloads, kinds, write=write)
    policies = {} if write == "none" else unwanted
    problems = {position: _told(one, policies.get(one.code, "fail")) for position, one in refused.items()}
    problems |= found.blocked
    for one in links:
        for position in one.failed:
            problems.setdefault(position, _first(one, payloads.numbers[position].as_py()))
    columns.pop("id", None)
    columns, clears, old = _differences(columns, payloads, found, entity=entity, appends=appends)
    deleted = _deleted(payloads)
    if ChangeKind.UPDATE in kinds:
        changed = [False] * len(payloads) if write == "none" else _any(columns, clears, len(payloads))
        for position, kind in enumerate(kinds):
            if kind is ChangeKind.UPDATE and not changed[position]:
                kinds[position] = ChangeKind.UNCHANGED
    for position in deleted:
        # What is not there needs no deleting.
        is_there = found.records[position] is not None
        kinds[position] = ChangeKind.DELETE if is_there else ChangeKind.UNCHANGED
    for position in problems.keys() | refused.keys():
        kinds[position] = ChangeKind.BLOCKED
    reasons = [one for one in problems.values() if policies.get(one.code.removesuffix("_left")) != "skip"]
    told = {id(problem) for problem in problems.values()}
    warnings = [p for one in links for p in one.problems if id(p) not in told]
    warnings += [p for p in payloads.problems if p.row not in payloads.invalid]
    return Changes(
        payloads.entity,
        payloads.file,
        payloads.sheet,
        numbers=payloads.numbers,
        keys=payloads.keys if len(payloads.keys) else pa.array([""] * len(payloads), pa.string()),
        ids=pa.array(found.ids, pa.string()),
        kinds=kinds,
        columns=columns,
        clears=clears,
        appends=appends,
        old=old,
        prev_keys=prev_keys_of(old, entity),
        problems=(*reasons, *warnings),
        members=payloads.members,
    )


def prev_keys_of(keys: Iterable[str], entity: EntitySchema) -> frozenset[str]:
    """Return the payload keys whose old values are sent along, for the server to compare."""
    return frozenset(key for key in keys if _is_compared_by_server(key, entity))


def _is_compared_by_server(key: str, entity: EntitySchema) -> bool:
    """Lists and objects have too many spellings to be held against each other; for them nothing is said."""
    field = entity.by_payload_key(key)
    return field is not None and field.kind in COMPARED


COMPARED = frozenset({"text", "int", "float", "bool", "date", "datetime", "enum", "link", "list_option"})


def _differences(
    columns: dict[str, pa.Array],
    payloads: Payloads,
    found: Found,
    *,
    entity: EntitySchema,
    appends: frozenset[str],
) -> tuple[dict[str, pa.Array], dict[str, pa.BooleanArray], dict[str, pa.Array]]:
    """Null out, in updates, what stands on the server already; keep what stood there otherwise."""
    if not any(found.records):
        # All are new: there is nothing to compare with, and nothing to clear.
        return columns, {}, {}
    is_new = pa.array([record is None for record in found.records], pa.bool_())
    sent: dict[str, pa.Array] = {}
    clears: dict[str, pa.BooleanArray] = {}
    old: dict[str, pa.Array] = {}
    for key in dict.fromkeys((*columns, *payloads.clears)):
        live = [None if record is None else record.get(key) for record in found.records]
        changed = pa.array([False] * len(payloads), pa.bool_())
        if (column := columns.get(key)) is not None:
            does_append = key in appends
            # A link that travels as an object does so under the name of its field.
            field = entity.by_payload_key(key) or entity.fields.get(key)
            changed = differs(column, live, field=field, appends=does_append)
            if does_append:
                column = missing_ids(column, live)
            sent[key] = sent_where(column, pc.or_(is_new, changed))
        if (clear := payloads.clears.get(key)) is not None:
            # A new record has nothing to clear: its defaults are the server's.
            clears[key] = pc.and_(clear, is_filled(live))
            changed = pc.or_(changed, clears[key])
        changed = pc.and_not(changed, is_new)
        if pc.any(changed).as_py():
            old[key] = old_values(live, where=changed)
    return sent, clears, old


def _any(columns: dict[str, pa.Array], clears: dict[str, pa.BooleanArray], length: int) -> list[bool]:
    changed = pa.array([False] * length, pa.bool_())
    for column in columns.values():
        changed = pc.or_(changed, pc.is_valid(column))
    for clear in clears.values():
        changed = pc.or_(changed, clear)
    result: list[bool] = changed.to_pylist()
    return result


def will_stand(payloads: Payloads, found: Found, *, write: WriteMode) -> list[bool]:
    """Tell of each record whether it is there, or will be, as far as `write` and its key tell."""
    kinds = [ChangeKind.CREATE if record is None else ChangeKind.UPDATE for record in found.records]
    refused = _unwanted(payloads, kinds, write=write)
    deleted = _deleted(payloads)
    stands = [True] * len(payloads)
    for at in (*refused, *deleted, *found.blocked):
        stands[at] = False
    return stands


def _unwanted(payloads: Payloads, kinds: list[ChangeKind], *, write: WriteMode) -> dict[int, Problem]:
    """Records that `write`, of the mapping or of their row, does not allow to touch."""
    commands = payloads.commands.to_pylist() if payloads.commands is not None else [None] * len(payloads)
    is_free = write == "upsert" or (write == "create" and not payloads.key_columns)
    if is_free and not any(commands):
        # Without a key a record is there only where this very source was imported before.
        return {}
    unwanted: dict[int, Problem] = {}
    for position, (kind, command) in enumerate(zip(kinds, commands, strict=True)):
        # `none` writes nothing: its records are only pointed to, so they have to be there.
        code = UNWANTED.get((command or write, kind))
        if code is not None:
            unwanted[position] = Problem(
                code,
                payloads.file,
                payloads.sheet,
                payloads.numbers[position].as_py(),
                value=payloads.keys[position].as_py() if len(payloads.keys) else "",
                facts={"entity": payloads.entity},
            )
    return unwanted


def _told(problem: Problem, policy: Unwanted) -> Problem:
    """A row that is left alone on purpose has no error, only a remark."""
    return problem if policy == "fail" else dataclasses.replace(problem, code=f"{problem.code}_left")


def _deleted(payloads: Payloads) -> frozenset[int]:
    if payloads.commands is None:
        return frozenset()
    return frozenset(i for i, command in enumerate(payloads.commands.to_pylist()) if command == "delete")


def _first(link: LinkIds, row: int) -> Problem:
    return next(p for p in link.problems if p.row == row and p.code != "missing_link_reported")
