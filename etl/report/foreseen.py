"""What a plan came to: counts, changed fields, the first differences, and how long it would take."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from etl.report.json import to_object as summary_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from etl.report.json import Json
    from etl.report.summary import Summary
    from etl.runs import Run

FIRST_KEPT = 100
"""Lines of a plan that are told before a person opens its file."""
CHANGING = ("create", "update", "delete")
USUAL_RATE = 20.0
"""Records a second. Source: observations, "Speed": new products in batches of 50 to 500, 20 to 34."""
RUNS_LOOKED_AT = 50
ENOUGH_WRITES = 50
"""So many records must have been written for a rate to be called measured."""
USUAL_FILE_S = 0.15
"""Source: observations, "Speed": 120-160 ms for each request before its first record."""
USUAL_BYTES_A_S = 5_000_000
"""A line of 40 Mbit a second: nobody knows before the first upload."""
ENOUGH_UPLOADS, ENOUGH_S = 20, 5.0
"""So many files, or files that usually take so long, for a time to be called measured."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plan: one field of one record, or a record without fields to send."""

    kind: str
    """create, update, unchanged, delete, upload, blocked, invalid or skipped."""
    entity: str
    key: str
    record_id: str
    file: str
    sheet: str | None
    row: int
    """1-based as seen in the file; 0: no row stands for the record."""
    field: str
    """Empty: about the record as a whole."""
    mode: str
    """set, add or clear; empty without a field."""
    old: str
    """As people read it; empty: nothing."""
    new: str
    code: str
    """Why it is blocked, or a warning; empty: nothing to say."""
    message: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long an import would take."""

    writes: int
    """Records to be created, changed or deleted."""
    requests: int
    seconds: float
    rate: float
    """Records a second."""
    is_measured: bool
    """True: at this server; False: what AtroCore usually does."""
    attribute_share: float = 0.0
    """Of the values that would be written, the share of those of attributes; 0 to 1."""


@dataclass(frozen=True, slots=True)
class FilesForeseen:
    """What an import would do with files."""

    uploads: int = 0
    """That would be uploaded, each content once."""
    bytes: int = 0
    """Of those whose size is known."""
    unknown: int = 0
    """Addresses among them that nobody has fetched yet: whether AtroCore has their content shows then."""
    seconds: float = 0.0
    """That this would take, besides the records."""
    is_measured: bool = False
    """True: at this server; False: what is usual."""


@dataclass(frozen=True, slots=True)
class Costs:
    """How long an import would take: the time of its files comes on top of that of its records."""

    records: Forecast
    files: FilesForeseen | None
    """None: the mapping has no files."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an import would do."""

    summary: Summary
    """Rows as they would end."""
    file: str
    """The plan."""
    url: str
    """Of the instance, for links into it."""
    records: Mapping[str, Mapping[str, int]]
    """Entity -> kind of change -> records, or rows that make none."""
    fields: Mapping[str, Mapping[str, int]]
    """Entity -> field -> records that stand there and would change in it."""
    forecast: Forecast
    first: tuple[Line, ...] = ()
    """The first changes of records that stand there, and what is blocked; `FIRST_KEPT` at most."""
    differences: int = 0
    """Lines of updates in all."""
    files: FilesForeseen | None = None
    """None: the mapping has no files."""
    digest: str = ""
    """Of the plan."""

    def count(self, *kinds: str) -> int:
        """Return how many records, of all entities, have one of these kinds of change."""
        return sum(counts.get(kind, 0) for counts in self.records.values() for kind in kinds)

    @property
    def has_changes(self) -> bool:
        """Whether anything would be written."""
        return self.count(*CHANGING) > 0


def lines_from(batches: Iterable[pa.RecordBatch]) -> Iterator[Line]:
    """Yield the lines of a plan, in its order; the columns go by name, see `etl.planning.lines`."""
    for batch in batches:
        for one in batch.to_pylist():
            yield Line(
                kind=one["kind"],
                entity=one["entity"],
                key=(one["key"] or "").replace("\x1f", " / "),
                record_id=one["id"] or "",
                file=one["file"] or "",
                sheet=one["sheet"],
                row=one["row"],
                field=one["field"] or "",
                mode=one["mode"] or "",
                old=readable(one["old"], one["old_text"]),
                new=readable(one["new"], one["new_text"]),
                code=one["code"] or "",
                message=one["message"] or "",
            )


def costs_of(
    writes: int, files: FilesForeseen | None, *, batch_rows: int, runs: Sequence[Run], url: str
) -> Costs:
    """Say how long an import would take, by what earlier runs took.

    Args:
        writes: records to be created, changed or deleted.
        batch_rows: records per request, at most.
        runs: the newest first; those at another instance do not count.
    """
    return Costs(
        forecast(writes, batch_rows=batch_rows, past=written_before(runs, url)),
        timed(files, past=uploaded_before(runs, url)) if files is not None else None,
    )


def forecast(writes: int, *, batch_rows: int, past: Iterable[tuple[int, float]]) -> Forecast:
    """Say how long writing some records would take.

    Args:
        batch_rows: records per request, at most.
        past: records written and seconds of earlier runs at the same instance.
    """
    measured = [(count, seconds) for count, seconds in past if seconds > 0]
    count, seconds = sum(one[0] for one in measured), sum(one[1] for one in measured)
    is_measured = count >= ENOUGH_WRITES
    rate = count / seconds if is_measured else USUAL_RATE
    return Forecast(writes, math.ceil(writes / batch_rows), writes / rate, rate, is_measured)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Files that an earlier run uploaded."""

    files: int
    bytes: int
    seconds: float


def timed(files: FilesForeseen, *, past: Iterable[Uploaded]) -> FilesForeseen:
    """Say how long uploading would take: what is usual, stretched by what uploads took here.

    Args:
        past: of earlier runs at the same instance.
    """
    runs = list(past)
    count, took_s = sum(one.files for one in runs), sum(one.seconds for one in runs)
    usual_s = sum(_usual_s(one.files, one.bytes) for one in runs)
    is_measured = count >= ENOUGH_UPLOADS or usual_s >= ENOUGH_S
    stretch = took_s / usual_s if is_measured else 1.0
    seconds = _usual_s(files.uploads, files.bytes) * stretch
    return dataclasses.replace(files, seconds=seconds, is_measured=is_measured)


def _usual_s(files: int, count_bytes: int) -> float:
    return files * USUAL_FILE_S + count_bytes / USUAL_BYTES_A_S


def uploaded_before(runs: Sequence[Run], url: str) -> Iterator[Uploaded]:
    """Yield what the last runs uploaded to an instance; of the `RUNS_LOOKED_AT` newest.

    Args:
        runs: the newest first.
    """
    for run in runs[:RUNS_LOOKED_AT]:
        if run.facts.url == url and (one := _uploaded(run)).files and one.seconds > 0:
            yield one


def _uploaded(run: Run) -> Uploaded:
    said = (run.summary or {}).get("files")
    counts = said if isinstance(said, dict) else {}
    files, count_bytes, took_ms = (
        one if isinstance(one := counts.get(name), int) else 0 for name in ("uploaded", "bytes", "upload_ms")
    )
    return Uploaded(files, count_bytes, took_ms / 1000)


def written_before(runs: Sequence[Run], url: str) -> Iterator[tuple[int, float]]:
    """Yield records written and seconds of the last imports into an instance; of the `RUNS_LOOKED_AT` newest.

    Args:
        runs: the newest first.
    """
    for run in runs[:RUNS_LOOKED_AT]:
        said = run.summary or {}
        records, seconds = said.get("records"), said.get("seconds")
        if run.facts.verb != "import" or run.facts.url != url or not isinstance(seconds, int | float):
            continue
        counts = records.values() if isinstance(records, dict) else ()
        written = [
            one.get(name)
            for one in counts
            if isinstance(one, dict)
            for name in ("created", "updated", "deleted")
        ]
        # Files are foreseen by themselves: neither they nor their time count for the records.
        uploads = _uploaded(run)
        count = sum(one for one in written if isinstance(one, int)) - uploads.files
        yield count, max(0.0, float(seconds) - uploads.seconds)


def to_object(foreseen: Foreseen) -> dict[str, Json]:
    """Return the summary as a program reads it, with `plan` besides."""
    said = summary_object(foreseen.summary)
    said["plan"] = {
        "file": foreseen.file,
        "records": {entity: dict(counts) for entity, counts in foreseen.records.items()},
        "fields": {entity: dict(counts) for entity, counts in foreseen.fields.items()},
        "differences": foreseen.differences,
        "first": [dataclasses.asdict(line) for line in foreseen.first],
        "forecast": dataclasses.asdict(foreseen.forecast),
        "files": dataclasses.asdict(foreseen.files or FilesForeseen()),
    }
    return said


def readable(value: str | None, text: str | None) -> str:
    """Return JSON text as people read it: texts without quotes, lists with commas; names in place of ids."""
    if text is not None:
        return text
    if value is None or value == "null":
        return ""
    said = orjson.loads(value)
    if isinstance(said, str):
        return said
    if isinstance(said, list) and all(isinstance(one, str) for one in said):
        return ", ".join(said)
    return value
