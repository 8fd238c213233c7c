"""What an import is told besides its mapping and its source, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.importing.remembering import FORGETFUL
from etl.model import Limits
from etl.planning.guards import USUAL, Guards
from etl.scanning import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from etl.api import RetryClock
    from etl.delivery import OnDrift, Paces
    from etl.errors import EtlError
    from etl.importing.remembering import HowToRemember, Memory
    from etl.model import Problem, ProgressListener
    from etl.planning.guards import Census
    from etl.report.foreseen import FilesForeseen
    from etl.report.tally import Tally
    from etl.scanning import Scan


@dataclass(frozen=True, slots=True, kw_only=True)
class HowToImport:
    """Everything about an import that neither its mapping nor its source says."""

    clock: RetryClock
    """How long is waited between tries of a request without an answer."""
    limits: Limits = Limits()
    selection: Selection = Selection()
    """The rows that are meant."""
    on_drift: OnDrift = "fail"
    """What becomes of a row whose record somebody changed since it was looked up."""
    listener: ProgressListener | None = None
    is_stopping: Callable[[], bool] = lambda: False
    """Asked before each request; true: what is in flight is finished and the run ends."""
    paces: Paces | None = None
    """How many requests at once, how many rows in each; None: found out from the start."""
    reads_all_back: bool = False
    """True: every record is read back after it was sent; False: a sample."""
    guards: Guards = USUAL
    remember: HowToRemember = FORGETFUL
    """Where it lies what earlier imports knew, and how far it is believed."""
    last_time: Census | None = None
    """The source of the last import with the same mapping into the same instance; None: not known."""
    state: Path | None = None
    """The state folder, where what was learnt of files is kept; None: the run's folder."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What an import came to."""

    tally: Tally
    scan: Scan
    seconds: float
    marked: Sequence[Problem]
    """What is wrong with cells, to be marked in a workbook; at most
    `beginning.MOST_MARKED`."""
    ended_by: EtlError | None
    """Why it stopped after something was sent, or which guard held it back; None: it came to its end."""
    files: FilesForeseen | None = None
    """Of a plan whose mapping has files; else None."""
    memories: Sequence[Memory] = ()
    """What was known of the rows, by block."""
    asked: int = 0
    """Requests that only read."""
