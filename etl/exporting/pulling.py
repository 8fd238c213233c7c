"""From the server to tables, a page at a time: what is asked for, read, linked and laid out in columns."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.api.filters import read_json, to_where
from etl.exporting.attributes import Attributes
from etl.exporting.backwards import read_backwards
from etl.exporting.cells import to_table
from etl.exporting.columns import all_fields, read_columns
from etl.exporting.exploding import exploded
from etl.exporting.expressions import Expressions
from etl.exporting.file_cells import FileCells
from etl.exporting.gallery import gallery_of
from etl.exporting.labels import Headers, labelled
from etl.exporting.languages import in_language, told
from etl.exporting.links import Links
from etl.exporting.meta import HEADERS as META_HEADERS
from etl.exporting.meta import check_meta, is_meta
from etl.exporting.people import for_people
from etl.exporting.ranges import bounds_of, ranges_of, side_by_side
from etl.exporting.reading import PageSize, Reading, pages, selected
from etl.exporting.rows import RowReader
from etl.model import Progress
from etl.schema import read_metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from etl.api import Client
    from etl.api.where import Condition
    from etl.exporting.backwards import Backwards
    from etl.exporting.columns import Column
    from etl.exporting.gallery import Gallery
    from etl.model import ProgressListener
    from etl.schema import EntitySchema, Schema

GROWTH = 5
"""A page of a quick server has so many times the usual number of records at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class What:
    """What is exported."""

    entity: str = ""
    """Empty: the mapping's."""
    mapping: Path | None = None
    """A mapping whose columns are written; then `columns` is empty. None: as `columns` says."""
    keeps_types: bool = True
    """By a mapping: numbers, dates and booleans stay such where the mapping takes them as they are."""
    columns: str = ""
    """As `--columns` takes them; empty: every field that lists show."""
    is_for_people: bool = False
    """For a workbook that is edited and sent back: with ids, and marks where a cell cannot hold a value."""
    where: str = ""
    """In the filter language; empty: every record."""
    where_json: str = ""
    """Conditions as AtroCore takes them; both must hold."""
    changed_since: str = ""
    """`2026-11-01` or `2026-11-01 08:30:00`, in UTC; empty: whenever."""
    limit: int | None = None
    """So many records at most; None: all."""
    explode: str = ""
    """Header of a column with several values: one row for each of them; empty: one row per record."""
    spread: str = ""
    """Header of a column with several values: a column for each of them; empty: they stand in one cell."""
    files: str = ""
    """How files of the records are called that are taken along, as a template; empty: none are."""
    language: str = ""
    """For example `de_DE`: fields in several languages are exported in this one; empty: in the main one."""
    headers: Headers = "names"
    """What stands above the columns of a file: their names, or labels in `language`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is exported, resolved against one instance."""

    entity: EntitySchema
    columns: tuple[Column, ...]
    where: tuple[Condition, ...]
    total: int | None
    """Records that fit, before the limit; None: the server does not count them."""
    back: Backwards | None = None
    """The mapping that gives the columns of the file; None: `columns` are these."""
    gallery: Gallery | None = None
    """Which files are taken along; None: none."""
    labels: tuple[str, ...] = ()
    """What stands above each column of the file; empty: its name. Everything else goes by names."""

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns, called as the file calls them."""
        if not self.labels:
            return self.columns
        pairs = zip(self.columns, self.labels, strict=True)
        return tuple(replace(one, header=label) for one, label in pairs)

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of the file."""
        return self.back.header if self.back else tuple(one.header for one in self.columns)

    @property
    def titles(self) -> Mapping[str, str]:
        """Name of a column -> what stands above it."""
        return dict(zip(self.header, self.labels or self.header, strict=True))

    @property
    def reads(self) -> tuple[Column, ...]:
        """All that is read of the server."""
        return (*self.columns, *(self.gallery.columns if self.gallery else ()))

    @property
    def multiple(self) -> tuple[str, ...]:
        """Those of them that hold several values."""
        return () if self.back else tuple(one.header for one in self.columns if one.is_multiple)

    def empty(self) -> pa.Table:
        """Return no rows, in the types of the file's columns."""
        types = self.back.types() if self.back else [one.type for one in self.columns]
        pairs = zip(self.header, types, strict=True)
        return pa.table({header: pa.array([], one) for header, one in pairs})


@dataclass(frozen=True, slots=True)
class Exported:
    """A page of an export."""

    rows: pa.Table
    records: int
    """How many records these rows are of."""
    last_id: str
    """What to go on behind."""
    files: pa.Table | None = None
    """The files of these records, as `gallery.SCHEMA`; None: none are taken along."""
    range: int = 0
    """Which of the ranges that are read side by side these rows are of."""


async def plan_export(what: What, client: Client, *, schema: Schema) -> Plan:
    """Return what an export reads, and how much it will be.

    Raises:
        EntityUnknown, FilterInvalid: it names what is not there.
        RequestFailed, NoAccess: see `Client.ask`.
    """
    back = None
    if what.mapping is not None:
        back = await read_backwards(what.mapping, client, schema=schema, keeps_types=what.keeps_types)
    entity = schema.entity(what.entity or (back.mapping.entity if back else ""))
    if back is not None:
        columns = back.columns
    elif what.columns:
        columns = await read_columns(what.columns, client, entity=entity, schema=schema)
    else:
        columns = await all_fields(client, entity=entity, schema=schema)
    if what.language:
        columns = in_language(columns, entity, what.language)
    if what.is_for_people:
        columns = for_people(columns, entity)
    where = await _where(what, client, entity=entity, schema=schema, back=back)
    plan = Plan(entity, columns, where, await client.total(entity.name, where), back)
    if what.headers == "labels" and back is None:
        found = await labelled(columns, client, entity=entity, schema=schema, language=what.language)
        plan = replace(plan, labels=tuple(one.header for one in found))
    elif what.is_for_people and what.language:
        plan = replace(plan, labels=told(columns))
    if not what.files:
        return plan
    gallery = gallery_of(
        columns, entity, template=what.files, headers=plan.header, is_by_mapping=back is not None
    )
    return replace(plan, gallery=gallery)


async def _where(
    what: What, client: Client, *, entity: EntitySchema, schema: Schema, back: Backwards | None
) -> tuple[Condition, ...]:
    where = await to_where(client, what.where, entity=entity, schema=schema)
    if back is not None and back.mapping.document.export.where:
        named = f"{what.mapping}: export.where"
        said = back.mapping.document.export.where
        where = (*where, *await to_where(client, said, entity=entity, schema=schema, where=named))
    if what.where_json:
        where = (*where, *read_json(what.where_json, entity, schema=schema, generation=client.generation))
    if what.changed_since:
        since = await to_where(
            client,
            f"modifiedAt >= '{what.changed_since}'",
            entity=entity,
            schema=schema,
            where="--changed-since",
        )
        where = (*where, *since)
    return where


async def export_records(
    plan: Plan,
    client: Client,
    *,
    schema: Schema,
    what: What,
    bounds: Sequence[str] = (),
    after: Mapping[int, str] = MappingProxyType({}),
    done: int = 0,
    listener: ProgressListener | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> AsyncIterator[Exported]:
    """Yield the records of a plan as rows, page by page; those of a range in the server's order of ids.

    Holds a page and the next one of each range in memory, and of linked records the last 50,000 of each
    entity.

    Args:
        bounds: times that part the records into ranges, which are read side by side.
        after: range -> the last id that is there already, of an export that goes on.
        done: so many records are there already.
        is_stopping: asked before each page; true ends it after the page at hand.

    Raises:
        RequestFailed, NoAccess: see `Client.ask`.
    """
    attributes = Attributes(client, schema, entity=plan.entity, columns=plan.reads)
    links = Links(client, schema, entity=plan.entity.name, columns=plan.reads)
    expressions = Expressions(plan.columns)
    cells = FileCells(client, schema, plan.back.files, bool(what.files)) if plan.back else None
    reading = Reading(
        plan.entity.name,
        selected(_own_keys(plan.reads)),
        plan.where,
        attributes.extra,
        (*attributes.headers, *(META_HEADERS if any(map(is_meta, plan.columns)) else ())),
    )
    total = plan.total if plan.total is None or what.limit is None else min(plan.total, what.limit)
    size = PageSize(GROWTH * max(client.limits.page_records, 1))
    reader = RowReader(plan.reads)
    readings = [
        replace(reading, where=(*plan.where, *conditions), after=after.get(number, ""))
        for number, conditions in enumerate(ranges_of(bounds))
    ]
    streams = [pages(client, one, size=size, read=reader.read) for one in readings]
    # Closed at once where it ends early: no request is left under way.
    async with aclosing(side_by_side(streams)) as found:
        async for number, page in found:
            rows = page if what.limit is None else page.first(what.limit - done)
            check_meta(rows.records, plan.columns)
            await attributes.fill(rows.records)
            await links.ask(rows.records)
            table = await asyncio.to_thread(to_table, rows, plan.columns, links=links)
            if plan.back and cells is not None:
                table = await plan.back.finish(table, rows.records, cells)
            else:
                table = expressions.fill(table)
            files = plan.gallery.of(rows, table, links=links) if plan.gallery else None
            if what.explode:
                table = exploded(table, what.explode)
            done += rows.count
            if listener is not None:
                listener(Progress("export", done, total))
            if rows.count:
                yield Exported(table, rows.count, rows.last_id, files, number)
            if is_stopping() or (what.limit is not None and done >= what.limit):
                return


async def read_table(what: What, client: Client, *, listener: ProgressListener | None = None) -> pa.Table:
    """Return all records of an export as one table in memory.

    Raises:
        EntityUnknown, FilterInvalid: it names what is not there.
        RequestFailed, NoAccess: see `Client.ask`.
    """
    schema = read_metadata(await client.metadata())
    plan = await plan_export(what, client, schema=schema)
    bounds = await bounds_of_plan(plan, client, what=what)
    pages = export_records(plan, client, schema=schema, what=what, bounds=bounds, listener=listener)
    found = sorted([page async for page in pages], key=lambda page: page.range)
    return pa.concat_tables([page.rows for page in found]) if found else plan.empty()


async def bounds_of_plan(plan: Plan, client: Client, *, what: What) -> tuple[str, ...]:
    """Return what parts the records of a plan into ranges; with a limit they are one.

    Raises:
        RequestFailed, NoAccess: see `Client.ask`.
    """
    if what.limit is not None:
        return ()
    return await bounds_of(client, plan.entity, plan.where, total=plan.total)


def _own_keys(columns: Sequence[Column]) -> list[str]:
    keys = []
    for one in columns:
        keys.append(one.own_key)
        if one.unit is not None and not one.steps:
            keys.append(one.unit.key)
    return keys
