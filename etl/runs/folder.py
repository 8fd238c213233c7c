"""The folder of a run, what it says of itself, and the history of all runs of a state folder."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from etl.errors import RunAmbiguous, RunUnknown, SourceUnreadable
from etl.runs.places import RUNS_FOLDER, make_state_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")
SECRET_OPTIONS = frozenset({"password", "token"})


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A file that a run stands on, so that `resume` can tell whether it is still the same."""

    name: str
    """As the user gave it."""
    digest: str
    """SHA-256 of its bytes, hexadecimal."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run is about, written down before it does anything: `run.json`."""

    run: str
    verb: str
    mappings: tuple[Fingerprint, ...]
    sources: tuple[Fingerprint, ...]
    url: str
    """Of the target; empty: none."""
    user: str
    profile: str
    """Empty: without a profile."""
    schema_digest: str
    version: str
    """Of this package."""
    started: str
    """ISO 8601 in UTC, seconds."""
    options: Mapping[str, Json] = field(default_factory=dict)
    """As given on the command line; never a secret."""

    def __post_init__(self) -> None:
        """Refuse secrets among the options.

        Raises:
            ValueError: one of them is a secret.
        """
        if found := SECRET_OPTIONS & set(self.options):
            raise ValueError(f"{', '.join(sorted(found))} must not be written into run.json")


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it lies on disk."""

    id: str
    folder: Path
    facts: RunFacts
    summary: Mapping[str, Json] | None
    """The object of `summary.json`; None: the run is under way, or was killed."""

    @property
    def status(self) -> str:
        """`ok`, `partial`, `stopped` or `failed`; `unfinished` without a summary."""
        return str(self.summary["status"]) if self.summary and "status" in self.summary else "unfinished"


def new_run_id(now: datetime, chance: int) -> str:
    """Return a name such as `20261121T181729Z-7f3a`: names sort by time, to the second.

    Args:
        now: with its time zone.
        chance: any number; its last 16 bits tell two runs of one second apart.
    """
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{chance & 0xFFFF:04x}"


def begin_run(state: Path, facts: RunFacts) -> Run:
    """Make the folder of a run and write `run.json` into it.

    Raises:
        FileExistsError: there is a run of this name.
    """
    make_state_folder(state)
    folder = state / RUNS_FOLDER / facts.run
    folder.mkdir(parents=True)
    write_whole(folder / "run.json", json.dumps(dataclasses.asdict(facts), indent=1) + "\n")
    return Run(facts.run, folder, facts, None)


def end_run(run: Run, summary: Mapping[str, Json]) -> Run:
    """Write `summary.json`, the last thing that a run does, in place of that of a stopped part."""
    write_whole(run.folder / "summary.json", json.dumps(summary, indent=1) + "\n")
    return dataclasses.replace(run, summary=summary)


def list_runs(state: Path) -> list[Run]:
    """Return all runs of a state folder, the newest first; folders that are no runs are left out."""
    found = []
    for run in _names(state):
        try:
            found.append(load_run(state / RUNS_FOLDER / run))
        except SourceUnreadable:  # killed before run.json was there: nothing was begun
            continue
    return found


def find_run(state: Path, run: str | None = None, *, verb: str = "") -> Run:
    """Return the run of this name or of this beginning of a name; without one, the last.

    Args:
        verb: without a name, the last run of this verb; empty: of any.

    Raises:
        RunUnknown: there is none.
        RunAmbiguous: several begin so.
        SourceUnreadable: its `run.json` is broken.
    """
    names = _names(state)
    close = names if run is None else [name for name in names if name.startswith(run)]
    if run is None:
        for name in close:
            if not (state / RUNS_FOLDER / name / "run.json").is_file():
                continue
            found = load_run(state / RUNS_FOLDER / name)
            if verb in ("", found.facts.verb):
                return found
    if not close or run is None:
        raise RunUnknown(run or "", folder=str(state))
    if len(close) > 1 and run not in close:
        raise RunAmbiguous(run, close=close)
    return load_run(state / RUNS_FOLDER / close[0])


def load_run(folder: Path) -> Run:
    """Return the run in a folder.

    Raises:
        SourceUnreadable: its `run.json` is missing or broken. A broken `summary.json` counts as none.
    """
    path = folder / "run.json"
    try:
        said = json.loads(path.read_bytes())
        facts = RunFacts(
            **{
                **{one.name: said[one.name] for one in dataclasses.fields(RunFacts)},
                "mappings": tuple(Fingerprint(**one) for one in said["mappings"]),
                "sources": tuple(Fingerprint(**one) for one in said["sources"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceUnreadable(
            str(path),
            reason="this describes no run.",
            advice="Start a new import; it is always safe.",
        ) from error
    return Run(folder.name, folder, facts, _summary(folder / "summary.json"))


def _summary(path: Path) -> Mapping[str, Json] | None:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def _names(state: Path) -> list[str]:
    folder = state / RUNS_FOLDER
    if not folder.is_dir():
        return []
    runs = [one for one in folder.iterdir() if RUN_ID.fullmatch(one.name)]
    return [one.name for one in sorted(runs, key=_moment, reverse=True)]


def _moment(folder: Path) -> tuple[str, int]:
    """When a run began: names tell the second, and `run.json` the rest, since it is written once."""
    second = folder.name.partition("-")[0]
    try:
        return second, (folder / "run.json").stat().st_mtime_ns
    except OSError:  # killed before it was there
        return second, 0
