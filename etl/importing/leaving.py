"""What an import leaves behind in its folder, and what it finds there of earlier ones."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from etl.delivery import Paces
from etl.importing import DIGESTS, JOURNAL
from etl.importing.locking import mappings_meant
from etl.importing.resuming import resume_command
from etl.journal import Journal
from etl.model import Status
from etl.pacing import keep_learnt, read_learnt
from etl.planning import write_kept
from etl.planning.guards import read_census
from etl.report.missing import write_missing
from etl.report.rejects import RejectedRows, write_rejected
from etl.report.results import write_results
from etl.report.workbook import write_error_workbook
from etl.runs import list_runs
from etl.runs.places import named_from
from etl.scanning import scanned_rows

if TYPE_CHECKING:
    from collections.abc import Mapping as Map
    from pathlib import Path

    from etl.api import Client
    from etl.errors import EtlError
    from etl.importing import Carried, HowToImport
    from etl.mapping import Mapping
    from etl.planning.guards import Census, Guards
    from etl.runs import Place, Run, RunFacts
    from etl.tables import Table

ERRORS = "errors.xlsx"
"""Name in the folder of a run; absent where nothing was wrong, or where no workbook was read."""
GONE_ON = ("ok", "partial")
"""Statuses of runs whose whole source was looked at."""


def write_report(run: Run, table: Table, carried: Carried) -> tuple[Path | None, Map[str, Map[str, int]]]:
    """Write the files that tell of every row.

    Return that of the rejected ones, None where there are none, and the changed fields (`Summary.fields`).
    """
    if carried.ended_by is not None:
        for rows in scanned_rows(run.folder / DIGESTS):
            carried.tally.add_rest(table.name, table.sheet, rows=rows, status=Status.PENDING)
    rejected = RejectedRows()
    with Journal(run.folder / JOURNAL) as journal:
        known = (outcomes for one in carried.memories for outcomes in one.outcomes())
        write_results(run.folder, chain(known, rejected.noting(journal.outcomes())))
        # Reads the journal again only where records were to be changed.
        fields = write_kept(run.folder, journal.outcomes())
    of_table = rejected.found.get((table.name, table.sheet), {})
    if table.path is not None and table.dialect.format == "xlsx":
        # Whoever sent a workbook gets it back with its wrong cells marked.
        write_error_workbook(table, carried.marked, run.folder / ERRORS)
    write_missing(run.folder, carried.tally.missing)
    return write_rejected(table, of_table, run=run.id, folder=run.folder), fields


def next_commands(
    run: Run,
    mapping: Mapping,
    *,
    table: Table,
    rejected: Path | None,
    ended_by: EtlError | None,
    guards: Guards,
    place: Place,
) -> list[str]:
    """Return what to type after a run, where it was typed, the most useful first."""
    commands = []
    if ended_by is not None and table.path is not None:
        commands.append(resume_command(run, place, guards=guards, ended_by=ended_by))
    sources = [rejected] if rejected is not None else []
    sources += [marked] if (marked := run.folder / ERRORS).exists() else []
    commands += [
        place.command("import", str(mapping.path), "--source", named_from(place.cwd, source))
        for source in sources
    ]
    return commands


def last_time(run: Run, state: Path) -> Census | None:
    """Return what the last import with the same mapping into the same instance read; None: not known."""
    meant = mappings_meant(run.facts, state)
    found: list[tuple[int, Census]] = []
    for other in list_runs(state):
        facts = other.facts
        if other.id == run.id or other.status not in GONE_ON or facts.verb != "import":
            continue
        if facts.url != run.facts.url or mappings_meant(facts, state) != meant:
            continue
        if (census := read_census(other.folder)) is not None and census.is_whole:
            # Names tell seconds only, and a run that was resumed ends later than it began.
            found.append(((other.folder / "summary.json").stat().st_mtime_ns, census))
    return max(found, key=lambda one: one[0])[1] if found else None


def known_paces(client: Client, how: HowToImport, *, state: Path) -> Paces:
    """Return the pace of earlier runs against the same instance, to go on from."""
    host = client.target.host
    return Paces(how.limits, now=how.clock.now, known=lambda one: read_learnt(state, f"{host}/{one}"))


def keep_paces(paces: Paces, client: Client, *, state: Path) -> None:
    """Keep what a run learnt of an instance for the next one."""
    for entity, learnt in paces.learnt().items():
        keep_learnt(state, f"{client.target.host}/{entity}", learnt=learnt)


def what_changed(then: RunFacts, now: RunFacts) -> list[str]:
    """Return what a stopped run stood on and does not any more, in words."""
    pairs = [
        ("the mapping was edited", then.mappings[0].digest, now.mappings[0].digest),
        ("the source has other contents", then.sources[0].digest, now.sources[0].digest),
        (f"the target is {now.url} and was {then.url}", then.url, now.url),
        ("the instance's schema was changed", then.schema_digest, now.schema_digest),
        (f"atro-etl is {now.version} and was {then.version}", _major(then.version), _major(now.version)),
    ]
    return [words for words, before, after in pairs if before != after]


def _major(version: str) -> str:
    return version.partition(".")[0]
