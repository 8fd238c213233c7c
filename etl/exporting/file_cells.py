"""Cells that are files, on the way back: which files a record has, and the names that they are found by.

With `--with-files` the names are known when all files have been laid; until then cells hold ids, as JSON.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa

from etl.exporting.gallery import FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.api import Client, Record
    from etl.mapping import BackFiles
    from etl.schema import Schema

SORTING, MAIN = "sorting", "isMainImage"
KEPT = 200_000
"""Names of files that are remembered."""


@dataclass(slots=True)
class FileCells:
    """Reads the files of records, a page at a time."""

    client: Client
    schema: Schema
    columns: Sequence[BackFiles]
    is_laid: bool
    """True: files are taken along, and cells hold ids for now."""
    _names: dict[str, str] = field(default_factory=dict)

    async def cells(
        self, records: Sequence[Record], values: Mapping[str, pa.Array]
    ) -> dict[str, pa.StringArray]:
        """Return the cells of each column, by its name.

        Args:
            values: payload key of an attribute -> the id of its file, record by record.

        Raises:
            RequestFailed, NoAccess: see `Client.ask`.
        """
        found: dict[str, pa.StringArray] = {}
        for column in self.columns:
            ids = (
                [[one] if one else [] for one in values[column.key].to_pylist()]
                if column.key
                else await self._linked(column, [str(one["id"]) for one in records])
            )
            if self.is_laid:
                texts = [orjson.dumps(one).decode() if one else None for one in ids]
                found[column.name] = pa.array(texts, pa.string())
                continue
            await self._ask({one for each in ids for one in each})
            found[column.name] = to_cells(column, ids, self._names)
        return found

    async def _linked(self, column: BackFiles, owners: Sequence[str]) -> list[list[str]]:
        known = self.schema.entity(column.entity).fields
        order = tuple(one for one in (SORTING, MAIN) if one in known)
        select = ("id", column.owner_key, column.file_key, *order)
        found = await self.client.look_up(column.entity, column.owner_key, owners, select=select)
        of: dict[str, list[Record]] = {one: [] for one in owners}
        for one in found:
            if one.get(column.file_key) and (one.get(MAIN) is True or not column.is_main):
                of[str(one[column.owner_key])].append(one)
        has_main = any(one.is_main and one.entity == column.entity for one in self.columns)
        return [
            [str(one[column.file_key]) for one in _shown(of[owner], column, has_main=has_main)]
            for owner in owners
        ]

    async def _ask(self, ids: set[str]) -> None:
        missing = sorted(ids - self._names.keys())
        if len(self._names) + len(missing) > KEPT:
            self._names = {one: name for one, name in self._names.items() if one in ids}
        if missing:
            for one in await self.client.look_up(FILE, "id", missing, select=("id", "name")):
                self._names[str(one["id"])] = str(one.get("name") or one["id"])


def _shown(links: Sequence[Record], column: BackFiles, *, has_main: bool) -> Sequence[Record]:
    """Return links in their order, without a last one that is shown by the column of the main image.

    Were it named here, an import would give it a place in the gallery.
    """

    def place(one: Record) -> tuple[bool, float, str]:
        said = one.get(SORTING)
        is_behind = column.is_main_first and one.get(MAIN) is not True
        return is_behind, float(said) if isinstance(said, int | float) else math.inf, str(one["id"])

    found = sorted(links, key=place)
    if column.is_main:
        return found[:1]
    return found[:-1] if has_main and found and found[-1].get(MAIN) is True else found


def to_cells(column: BackFiles, ids: Iterable[Sequence[str]], names: Mapping[str, str]) -> pa.StringArray:
    """Return files as the cells that name them; files that are gone are left out."""
    named = [[names[one] for one in each if one in names] for each in ids]
    return column.to_cells(pa.array([one or None for one in named], pa.list_(pa.string())))


def with_names(table: pa.Table, columns: Sequence[BackFiles], names: Mapping[str, str]) -> pa.Table:
    """Return rows whose cells held ids with the names under which the files were laid.

    Args:
        names: id -> name.
    """
    for column in columns:
        ids = [orjson.loads(one) if one else [] for one in table[column.name].to_pylist()]
        place = table.schema.get_field_index(column.name)
        table = table.set_column(place, column.name, to_cells(column, ids, names))
    return table
