"""What an import and its plan look at before anything is sent: the source, what is noticed, who is absent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.errors import RequestFailed, ServerUnreachable
from etl.importing.absent import find_absent
from etl.importing.filing import Bad, open_files
from etl.importing.how import Carried
from etl.importing.legs import all_links, link_finder, read_legs
from etl.model import Outcomes, Problem, Progress
from etl.planning.guards import Census, check_source, read_census, write_census
from etl.report.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from etl.api import Client
    from etl.errors import EtlError
    from etl.importing.absent import Absent
    from etl.importing.filing import FileLinks, Note
    from etl.importing.how import HowToImport
    from etl.importing.legs import Leg
    from etl.mapping import Mapping
    from etl.model import Outcome
    from etl.resolving import LinkFinder
    from etl.scanning import Scan
    from etl.schema import Schema
    from etl.tables import Table

MOST_MARKED = 20_000
"""More wrong cells than this nobody mends by hand; all of them stand in the other files of the report."""


@dataclass(slots=True)
class Begun:
    """An import, or its plan, whose source was read once and of which nothing was sent."""

    table: Table
    mapping: Mapping
    schema: Schema
    client: Client
    folder: Path
    """Of the run."""
    how: HowToImport
    legs: Sequence[Leg]
    links: LinkFinder
    tally: Tally
    began: float
    """When, by the clock of `how`."""
    reads_before: int
    """Requests of the client that only read."""
    bad: Bad
    """Files that cannot be used, as they are met."""
    marked: list[Problem] = field(default_factory=list)
    """What is wrong with cells, as it is found; at most `MOST_MARKED`."""

    @property
    def scan(self) -> Scan:
        """What the first pass told; of blocks the first one's, since all read the same rows."""
        return self.legs[0].scan

    @property
    def is_whole(self) -> bool:
        """Whether all rows of a single, complete source are meant."""
        is_several = self.table.path is None and self.table.dialect.format != "dataframe"
        return self.how.selection.is_all and not is_several and not self.table.is_partial

    def pass_guards(self) -> None:
        """Compare the source with last time, once: a run that goes on has passed already.

        Raises:
            HeldBack: a guard stops the run.
        """
        if read_census(self.folder) is not None:
            return
        how, scan = self.how, self.scan
        census = Census(scan.rows, scan.columns, self.is_whole)
        if how.selection.is_all:
            clearing = {name for leg in self.legs for name in leg.clearing_columns}
            check_source(self.table.name, census, last=how.last_time, guards=how.guards, clearing=clearing)
        write_census(self.folder, census)

    async def absent(self) -> list[Absent]:
        """Find what the source does not have, where the mapping wants something done about it.

        Raises:
            ServerUnreachable, NoAccess: the server could not be asked.
        """
        legs, selection = self.legs, self.how.selection
        try:
            found, problems = await find_absent(
                legs,
                schema=self.schema,
                client=self.client,
                selection=selection,
                state=self.how.remember.state,
            )
        except RequestFailed as error:
            raise ServerUnreachable(self.client.url, reason=str(error)) from error
        self.tally.add_problems(problems)
        return found

    def files(self, note: Note | None) -> AbstractAsyncContextManager[FileLinks | None]:
        """Open what puts the files of cells on the server; `note` is None where nothing is sent."""
        return open_files(
            all_links(self.legs),
            client=self.client,
            schema=self.schema,
            mapping=self.mapping.path,
            state=self.how.state or self.folder,
            folder=self.folder,
            note=note,
            bad=self.bad,
            listener=self.how.listener,
            is_stopping=self.how.is_stopping,
        )

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Count outcomes as they come, keep what is wrong with cells, and tell how far the run is."""
        portion = Outcomes.of(outcomes)
        self.tally.add(portion)
        if len(self.marked) < MOST_MARKED:
            self.marked.extend(problem for one in portion.told for problem in one.problems)
        if self.how.listener is not None:
            self.how.listener(Progress("send", self.tally.rows.read, self.scan.rows, self.tally.bad))

    def came_to(self, ended_by: EtlError | None) -> Carried:
        """Return what it came to."""
        return Carried(self.tally, self.scan, self.how.clock.now() - self.began, self.marked, ended_by)


async def begin(
    table: Table, mapping: Mapping, *, schema: Schema, client: Client, folder: Path, how: HowToImport
) -> Begun:
    """Read the source for the first time, and tell what was noticed.

    Raises:
        Unusable: the mapping does not fit the table or the instance.
        RequestFailed, NoAccess: the server could not be asked for its attributes.
    """
    bad = Bad()
    legs = await read_legs(
        table,
        mapping,
        schema=schema,
        client=client,
        folder=folder,
        selection=how.selection,
        bad=bad,
        listener=how.listener,
        version=how.remember.version,
    )
    links = link_finder(legs, schema=schema, client=client)
    tally = Tally()
    tally.add_problems(_noticed(table, legs))
    began, reads = how.clock.now(), client.reads
    return Begun(table, mapping, schema, client, folder, how, legs, links, tally, began, reads, bad)


def _noticed(table: Table, legs: Sequence[Leg]) -> list[Problem]:
    """What was noticed while opening and reading the source, each once whatever blocks read it."""
    found = [*table.problems]
    for leg in legs:
        found += [one for one in leg.damage if one not in found]
    return found
