"""A plan as a person reads it on a terminal: counts, changed fields, the first differences, how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.report.neutral import neutral, shortened
from etl.report.text import first_line, problem_line, rows_told, to_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.report.foreseen import FilesForeseen, Forecast, Foreseen, Line

KINDS = ("create", "update", "delete", "unchanged", "blocked", "invalid", "skipped")
SHOWN = 20
"""Differences, and problems."""
LONGEST_VALUE = 60
MINUTE_S = 60
MOSTLY = 0.5
"""A larger share of the values than this is most of them."""
MODES = {"set": "", "add": "+ ", "clear": ""}


def to_plan_text(foreseen: Foreseen) -> str:
    """Return the plan in short, ending with a line break; harmless for a terminal, whatever the data."""
    summary = foreseen.summary
    blocks = [
        [first_line(summary.instance, verb=summary.verb, version=summary.version), verdict(foreseen)],
        _counts(foreseen.records),
        _fields(foreseen.fields),
        _differences(foreseen),
        _deletes(foreseen),
        _problems(foreseen),
        cost(foreseen),
        [f"Plan    {neutral(foreseen.file)}", *(f"Next    {neutral(one)}" for one in summary.next)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def verdict(foreseen: Foreseen) -> str:
    """Return what an import would do, in one sentence."""
    parts = [(foreseen.count(kind), words) for kind, words in
             (("create", "create"), ("update", "change"), ("delete", "delete"))]  # fmt: skip
    told = [f"{words} {_records(count)}" for count, words in parts if count]
    bad = [(foreseen.summary.rows.failed, "blocked"), (foreseen.summary.rows.invalid, "invalid")]
    stuck = ", ".join(f"{count:,} {name}" for count, name in bad if count)
    what = " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told) or "change nothing"
    rows = f"; of {rows_told(foreseen.summary.rows.read)} {stuck}" if stuck else ""
    return f"An import would {what}{rows}. Nothing was sent."


def difference(line: Line) -> str:
    """Return `row 118  4006381333931  price: 12.5 → 13`, harmless to print."""
    place = f"row {line.row}" if line.row else line.entity
    old, new = (_value(text) for text in (line.old, line.new))
    change = f"{MODES[line.mode]}{new}" if line.mode == "add" else f"{old} → {new}"
    return f"{place}  {neutral(shortened(line.key, LONGEST_VALUE))}  {neutral(line.field)}: {change}"


def deletion(line: Line) -> str:
    """Return `Product  4711  Drill (id e7k…)`, harmless to print."""
    named = [neutral(shortened(text, LONGEST_VALUE)) for text in (line.key, line.old) if text]
    return "  ".join([neutral(line.entity), *dict.fromkeys(named), f"(id {neutral(line.record_id)})"])


def sentence(forecast: Forecast) -> str:
    """Return how long it would take: `about 6 h 20 min at the 12 records a second measured here`."""
    how = "measured here" if forecast.is_measured else "that AtroCore usually stores"
    requests = "1 request" if forecast.requests == 1 else f"{forecast.requests:,} requests"
    rate = f"{forecast.rate:,.0f}" if forecast.rate >= 1 else f"{forecast.rate:.1g}"
    mostly = "; mostly attributes" if forecast.attribute_share > MOSTLY else ""
    took = duration(forecast.seconds)
    return f"It would take {requests}, {took} at the {rate} records a second {how}{mostly}."


def cost(foreseen: Foreseen) -> list[str]:
    """Return how long it would take, and what would be uploaded; empty where nothing is to be done."""
    told = [sentence(foreseen.forecast)] if foreseen.has_changes else []
    return (
        told if foreseen.files is None else [*told, _uploads(foreseen.files, foreseen.summary.files.reused)]
    )


def _uploads(files: FilesForeseen, reused: int) -> str:
    """Return `1,204 files to upload (31.0 GB, about 40 min as measured here), 96 there already.`."""
    how = "as measured here" if files.is_measured else "as is usual"
    took = f", {duration(files.seconds)} {how}" if files.uploads else ""
    told = [f"{_files(files.uploads)} to upload ({to_size(files.bytes)}{took})"]
    if files.unknown:
        told[0] += f", {files.unknown:,} of them by addresses that were not fetched yet"
    told += [f"{reused:,} there already"] if reused else []
    return f"{', '.join(told)}."


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def duration(seconds: float) -> str:
    """Return a time that is no promise, rounded as people say it: `about 6 h 20 min`."""
    if seconds < 1:
        return "about a second"
    if seconds < MINUTE_S:
        return f"about {seconds:.0f} s"
    minutes = round(seconds / MINUTE_S)
    if minutes < MINUTE_S:
        return f"about {minutes} min"
    hours, rest = divmod(minutes, MINUTE_S)
    return f"about {hours} h {rest // 5 * 5:02} min"


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"


def _value(text: str) -> str:
    return neutral(shortened(text, LONGEST_VALUE)) if text else "(empty)"


def _counts(records: Mapping[str, Mapping[str, int]]) -> list[str]:
    kinds = [kind for kind in KINDS if any(kind in counts for counts in records.values())]
    if not kinds:
        return []
    rows = [["Records", *kinds]]
    rows += [
        [neutral(entity), *(f"{counts.get(kind, 0):,}" for kind in kinds)]
        for entity, counts in records.items()
    ]
    return _table(rows)


def _fields(fields: Mapping[str, Mapping[str, int]]) -> list[str]:
    counted = [
        (count, f"{entity}.{name}") for entity, counts in fields.items() for name, count in counts.items()
    ]
    if not counted:
        return []
    most = sorted(counted, key=lambda one: (-one[0], one[1]))
    return _table([["Fields that change", "records"], *([neutral(name), f"{n:,}"] for n, name in most)])


def _differences(foreseen: Foreseen) -> list[str]:
    lines = [line for line in foreseen.first if line.kind == "update"]
    if not lines:
        return []
    told = [f"  {difference(line)}" for line in lines[:SHOWN]]
    if (more := foreseen.differences - len(told)) > 0:
        told.append(f"  and {more:,} more in {neutral(foreseen.file)}")
    return ["First differences", *told]


def _deletes(foreseen: Foreseen) -> list[str]:
    lines = [line for line in foreseen.first if line.kind == "delete"]
    if not lines:
        return []
    told = [f"  {deletion(line)}" for line in lines[:SHOWN]]
    if (more := foreseen.count("delete") - len(told)) > 0:
        told.append(f"  and {more:,} more in {neutral(foreseen.file)}")
    return ["First deletes", *told]


def _problems(foreseen: Foreseen) -> list[str]:
    summary = foreseen.summary
    if not summary.problems:
        return []
    told = [f"  {problem_line(problem)}" for problem in summary.problems[:SHOWN]]
    if (more := summary.problems_total - len(told)) > 0:
        told.append(f"  and {more:,} more in {neutral(foreseen.file)}")
    return ["Problems", *told]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines: the first column to the left, the others to the right under their heads."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]
