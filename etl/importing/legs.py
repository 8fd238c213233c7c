"""What an import is about, made ready: the rules of each block, and what the first pass told of the rows."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from etl.delivery import invalid_outcomes
from etl.importing.attributes import read_attribute_facts
from etl.importing.damage import Damage, without_broken_cells
from etl.importing.file_looks import FileLooks
from etl.importing.making import context_of
from etl.mapping import bind_parts
from etl.mapping.steady import tells_rows
from etl.planning import Comparison
from etl.planning.attributing import ATTRIBUTES, Attributing
from etl.planning.objects import LinkedObjects
from etl.planning.phases import PARENT_KEYS, RELATIONS
from etl.resolving import LinkFinder, RecordFinder
from etl.resolving.attribute_values import AttributeReader
from etl.scanning import (
    at_depth,
    depths_of,
    kept,
    leads_to_itself,
    scan_table,
    unreadable_outcomes,
    without_duplicates,
)
from etl.tables.hazards import formulas_without_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Mapping as Map
    from pathlib import Path

    from etl.api import Client
    from etl.importing.filing import Bad, FileLinks
    from etl.journal import Place, RowNumbers
    from etl.mapping import Mapping, Rules
    from etl.model import Frame, LinkTarget, Outcome, Payloads, Problem, ProgressListener
    from etl.planning import Understands
    from etl.scanning import Scan, Selection
    from etl.schema import Schema
    from etl.tables import Table

DIGESTS = "scan.arrow"
"""Name in the folder of a run."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A mapping, or one of its blocks, and what the first pass told of its rows."""

    table: Table
    rules: Rules
    scan: Scan
    digests: Path
    """Where the digests of its rows lie."""
    context: str
    """Digest of all that its rows are made with besides their cells; hexadecimal."""
    depths: Map[int, int]
    """First row of a record -> how many parents lie above it in the same source; absent: none."""
    types: Map[str, str]
    """Attribute id -> AtroCore's name of its type; empty: the mapping gives no attributes."""
    salt: str
    """What ids are made from where there is no key: equal for equal sources; empty where there is one."""
    damage: tuple[Problem, ...]
    """What a spreadsheet broke in the columns that are read: warnings."""
    formulas: Map[int, Map[str, str]]
    """Row -> column -> formula, of cells whose value was never stored."""
    unsteady: int
    """Rows that name files of which nobody can tell whether they change."""

    @property
    def block(self) -> str:
        """Empty where the mapping has no blocks."""
        return self.rules.mapping.block

    @property
    def clearing_columns(self) -> frozenset[str]:
        """Source columns whose empty cells clear fields or attribute values."""
        rules = [*self.rules.fields, *(one.rule for one in self.rules.bound.attributes)]
        return frozenset(name for rule in rules if rule.on_empty == "clear" for name in rule.columns)

    @property
    def sends_after_records(self) -> bool:
        """Whether anything of a row travels by itself, after its record: that this stands tells not all."""
        links = {link.key for link in self.rules.links if link.is_multiple}
        has_children = bool(links) and any(key in PARENT_KEYS for key in self.rules.payload_keys)
        return bool(self.rules.bound.relations or self.types) or has_children

    @property
    def further_parts(self) -> frozenset[str]:
        """Parts of what travels by itself."""
        return frozenset({RELATIONS, ATTRIBUTES, *(one.name for one in self.rules.bound.relations)})

    def passes(
        self,
        selection: Selection,
        done: Map[Place, RowNumbers],
        *,
        left: Callable[[Iterator[Frame]], Iterator[Frame]] = iter,
    ) -> Iterator[Iterator[Frame]]:
        """Yield the rows that are left, once for each depth of the hierarchy they make, parents first.

        Args:
            left: leaves out rows that are known.
        """
        for depth in range(max(self.depths.values(), default=0) + 1):
            frames = left(self.rules.whole_records(selection.of(self.table.frames())))
            if self.depths:
                frames = at_depth(frames, self.rules, depths=self.depths, depth=depth)
            yield (_without(frame, done) for frame in frames) if done else frames

    def finder(self, client: Client, folder: Path, *, select: Sequence[str]) -> RecordFinder:
        """Return what finds the records of this leg on the server, and reads `select` of them."""
        return RecordFinder(
            client,
            self.rules.entity.name,
            key_fields=self.rules.key_fields,
            select=select,
            folder=folder,
            salt=self.salt,
        )

    def comparison(
        self,
        links: LinkFinder,
        files: FileLinks | None,
        *,
        schema: Schema,
        client: Client,
        folder: Path,
        is_trying: bool,
    ) -> Comparison:
        """Return what compares the rows with the server.

        Args:
            files: None: no cell of any leg is a file.
            is_trying: False: nothing will be sent.
        """
        records = self.finder(client, folder, select=self.rules.payload_keys)
        write = self.rules.mapping.write
        understand = _understanding(self.rules, self.scan, self.formulas)
        made = Comparison(self.rules.entity, write, records, links, understand, client, schema, self.block)
        made.asks_rights, made.files = not is_trying, files
        doc = self.rules.mapping.doc
        made.unwanted = {"record_missing": doc.on_missing, "record_exists": doc.on_existing}
        if self.types:
            reader = AttributeReader(client, self.rules.entity, schema=schema, types=self.types)
            said = self.rules.mapping.doc.write_attributes
            way = None if said == "auto" else said
            made.attributes = Attributing(reader, made.ends, way, is_trying, made.usable)
        if self.rules.object_keys:
            made.objects = LinkedObjects(client, self.rules.entity, self.rules.object_keys, is_trying)
        return made


async def read_legs(
    table: Table,
    mapping: Mapping,
    *,
    schema: Schema,
    client: Client,
    folder: Path,
    selection: Selection,
    bad: Bad,
    listener: ProgressListener | None,
    version: str,
) -> list[Leg]:
    """Bind every block, so that all that is wrong is told at once, then read the source for each of them.

    Args:
        bad: takes files that are not found.
        version: of this package.

    Raises:
        Unusable: the mapping does not fit the table or the instance.
        RequestFailed, NoAccess: the server could not be asked for its attributes.
    """
    wanted = {part.entity for part in mapping.parts() if part.doc.attributes or part.doc.patterns}
    facts = {
        entity: await read_attribute_facts(client, schema, entity=entity)
        for entity in wanted & set(schema.entities)
    }
    bound = bind_parts(
        mapping,
        header=table.header,
        schema=schema,
        attributes=facts,
        generation=_certain_generation(client),
        source=table.name,
        folders=bad.folder,
    )

    def scanned(rules: Rules) -> Leg:
        damage = Damage(table, mapping, rules)
        known = facts.get(rules.mapping.entity, ())
        context = context_of(rules, table, schema=schema, version=version, facts=known)
        # The first block's tell of all rows; each block has its own key and its own columns.
        is_first = rules is bound[0]
        digests = folder / (DIGESTS if is_first else f"scan-{rules.mapping.block}.arrow")
        looks = FileLooks(rules)
        scan = scan_table(
            rules.whole_records(damage.seen(selection.of(table.frames()))),
            rules,
            digests=digests,
            on_duplicate=rules.mapping.on_duplicate,
            listener=listener,
            rows_total=table.rows_total,
            seed=int(context, 16),
            tells_rows=tells_rows(rules.mapping),
            with_files=looks,
        )
        is_tree = any(leads_to_itself(link, rules.entity.name) for link in rules.links)
        frames = rules.whole_records(selection.of(table.frames()))
        depths = depths_of(frames, rules) if is_tree else {}
        types = {one.attribute_id: one.field.type for one in known}
        salt = "" if rules.key_fields else table.digest()
        told, formulas = damage.told(), formulas_without_value(table)
        return Leg(table, rules, scan, digests, context, depths, types, salt, told, formulas, looks.unsteady)

    legs = [await asyncio.to_thread(scanned, rules) for rules in bound]
    # Rows that are looked at meet theirs again.
    bad.cells.clear()
    return legs


def _certain_generation(client: Client) -> str | None:
    """2.1 and 2.2 look alike where the server does not tell its version; then what it keeps is tried."""
    name = client.generation.name
    return name if client.version or name != "2.1" else None


def link_finder(legs: Sequence[Leg], *, schema: Schema, client: Client) -> LinkFinder:
    """Return what finds the targets of all links, for all blocks together."""
    targets = [link for link in all_links(legs) if link.files is None]
    return LinkFinder(client, targets, schema=schema)


def all_links(legs: Sequence[Leg]) -> list[LinkTarget]:
    """Return the links of all blocks together."""
    return [link for leg in legs for link in (*leg.rules.links, *leg.rules.further_links)]


def _understanding(rules: Rules, scan: Scan, formulas: Map[int, Map[str, str]]) -> Understands:
    entity, key = rules.entity.name, ", ".join(rules.mapping.key)

    def understand(frames: Iterator[Frame]) -> tuple[Payloads, list[Outcome]] | None:
        frame = next(frames, None)
        if frame is None:
            return None
        outcomes = unreadable_outcomes(frame, entity=entity)
        frame, doubled = without_duplicates(frame, scan, rules=rules, entity=entity, field=key)
        frame, broken = without_broken_cells(frame, rules, formulas=formulas)
        payloads = rules.translate(frame)
        outcomes = [*outcomes, *doubled, *broken, *invalid_outcomes(payloads)]
        block = rules.mapping.block
        return payloads, [dataclasses.replace(one, part=block) for one in outcomes] if block else outcomes

    return understand


def _without(frame: Frame, done: Map[Place, RowNumbers]) -> Frame:
    """Leave out the rows whose outcome a stopped part of this run knows already."""
    rows = done.get((frame.file, frame.sheet))
    if rows is None:
        return frame
    is_new = ~np.isin(np.asarray(frame.numbers), rows, assume_unique=True)
    left = tuple(one for one in frame.unreadable if one.row not in rows)
    return dataclasses.replace(kept(frame, is_new), unreadable=left)
