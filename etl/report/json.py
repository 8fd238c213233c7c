"""The summary as the JSON object that programs read. Names are only ever added."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, TypeAlias, get_args

from etl.model import Limits
from etl.report.summary import (
    FileCounts,
    Instance,
    KnownCounts,
    MissingTarget,
    RecordCounts,
    ReportedProblem,
    RowCounts,
    RunStatus,
    Summary,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

SCHEMA = 1


def to_object(summary: Summary) -> dict[str, Json]:
    """Return the summary as plain values, in the order of its names."""
    return {
        "schema": SCHEMA,
        "run": summary.run,
        "verb": summary.verb,
        "mappings": list(summary.mappings),
        "status": summary.status,
        "rows": {"read": summary.rows.read, **dataclasses.asdict(summary.rows)},
        "records": {entity: dataclasses.asdict(counts) for entity, counts in summary.records.items()},
        "files": dataclasses.asdict(summary.files),
        "requests": summary.requests,
        "retries": summary.retries,
        "seconds": round(summary.seconds, 3),
        "guard": summary.guard,
        "resumable": summary.resumable,
        "next": list(summary.next),
        "folder": summary.folder,
        "problems": [dataclasses.asdict(problem) for problem in summary.problems],
        "problems_total": summary.problems_total,
        "reasons": dict(summary.reasons),
        "missing": [dataclasses.asdict(target) for target in summary.missing],
        "missing_total": summary.missing_total,
        "error": summary.error,
        "fields": {entity: dict(counts) for entity, counts in summary.fields.items()},
        "instance": dataclasses.asdict(summary.instance) if summary.instance else None,
        "version": summary.version,
        "limits": dataclasses.asdict(summary.limits) if summary.limits else None,
        "known": dataclasses.asdict(summary.known) if summary.known else None,
        "approved_by": summary.approved_by,
        "started": summary.started,
        "output": summary.output,
    }


def to_text(value: Json, *, is_terminal: bool = False) -> str:
    """Return JSON text, one line unless a person looks at it.

    Letters outside ASCII are escaped: no byte of the data can move a terminal's cursor or break a line.
    """
    return json.dumps(value, ensure_ascii=True, allow_nan=False, indent=2 if is_terminal else None)


def to_json(summary: Summary, *, is_terminal: bool = False) -> str:
    """Return the summary as JSON text."""
    return to_text(to_object(summary), is_terminal=is_terminal)


def from_object(said: Mapping[str, Json]) -> Summary:
    """Return the summary that `to_object` gave, from `summary.json`; unknown names are left out.

    Raises:
        ValueError: it is no such object, or a later one that says things differently.
    """
    if said.get("schema") != SCHEMA:
        raise ValueError(f"schema {said.get('schema')!r} is not {SCHEMA}")
    try:
        return _summary(said)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no summary: {error}") from error


def _summary(said: Mapping[str, Json]) -> Summary:
    records, instance = _table(said["records"]), said.get("instance")
    return Summary(
        run=_text(said["run"]),
        verb=_text(said["verb"]),
        status=_status(said["status"]),
        mappings=_texts(said["mappings"]),
        rows=RowCounts(**_counts(said["rows"], RowCounts)),
        records={entity: RecordCounts(**_counts(one, RecordCounts)) for entity, one in records.items()},
        files=FileCounts(**_counts(said["files"], FileCounts)),
        requests=_whole(said["requests"]),
        retries=_whole(said["retries"]),
        seconds=_number(said["seconds"]),
        guard=_text_or_none(said["guard"]),
        resumable=said["resumable"] is True,
        next=_texts(said["next"]),
        folder=_text(said["folder"]),
        problems=tuple(_reported(_table(one)) for one in _items(said["problems"])),
        problems_total=_whole(said.get("problems_total", 0)),
        reasons={code: _whole(count) for code, count in _table(said.get("reasons", {})).items()},
        missing=tuple(_missing(_table(one)) for one in _items(said.get("missing", []))),
        missing_total=_whole(said.get("missing_total", 0)),
        error=_text_or_none(said.get("error")),
        fields={
            entity: {name: _whole(count) for name, count in _table(counts).items()}
            for entity, counts in _table(said.get("fields", {})).items()
        },
        instance=_instance(_table(instance)) if instance is not None else None,
        version=_text(said.get("version", "")),
        limits=_limits(_table(limits)) if (limits := said.get("limits")) is not None else None,
        known=_known(_table(known)) if (known := said.get("known")) is not None else None,
        approved_by=_text(said.get("approved_by", "")),
        started=_text(said.get("started", "")),
        output=_text(said.get("output", "")),
    )


def _known(one: dict[str, Json]) -> KnownCounts:
    names = ("rows", "compared", "changed", "verified", "unsteady", "asked")
    counts = {name: _whole(one.get(name, 0)) for name in names}
    return KnownCounts(**counts, why=_text(one.get("why", "")))


def _limits(one: dict[str, Json]) -> Limits:
    known = {field.name for field in dataclasses.fields(Limits)}
    # Some count, some are seconds: a number stays what it was.
    return Limits(**{name: value for name, value in one.items() if name in known and _number(value)})  # type: ignore[arg-type]


def _reported(one: dict[str, Json]) -> ReportedProblem:
    return ReportedProblem(
        code=_text(one["code"]),
        file=_text(one["file"]),
        sheet=_text_or_none(one["sheet"]),
        row=_whole(one["row"]),
        column=_text(one["column"]),
        field=_text(one["field"]),
        value=_text(one["value"]),
        message=_text(one["message"]),
    )


def _missing(one: dict[str, Json]) -> MissingTarget:
    return MissingTarget(
        _text(one["entity"]),
        by=_text(one["by"]),
        value=_text(one["value"]),
        rows=_whole(one["rows"]),
        nearest=_text(one["nearest"]),
    )


def _instance(one: dict[str, Json]) -> Instance:
    return Instance(
        host=_text(one["host"]),
        user=_text(one["user"]),
        profile=_text(one["profile"]),
        server_version=_text(one["server_version"]),
    )


def _counts(value: Json, shape: type[RowCounts | RecordCounts | FileCounts]) -> dict[str, int]:
    said = _table(value)
    return {field.name: _whole(said.get(field.name, 0)) for field in dataclasses.fields(shape)}


def _status(value: Json) -> RunStatus:
    for status in get_args(RunStatus):
        if status == value:
            known: RunStatus = status
            return known
    raise TypeError("no status of a run")


def _table(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _items(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(_text(one) for one in _items(value))


def _text_or_none(value: Json) -> str | None:
    return None if value is None else _text(value)


def _whole(value: Json) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value


def _number(value: Json) -> float:
    return value if isinstance(value, float) else float(_whole(value))
