"""What a person reads at the end of a run, as plain text; colours are no matter of this room."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from etl.model import Problem, Status
from etl.problems import where
from etl.report.neutral import neutral, shortened
from etl.report.summary import MISSING, Instance, RecordCounts, ReportedProblem, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PROBLEMS_SHOWN = 20
PROBLEMS_IN_LAST_LINES = 3
MINUTE_S = 60

VERDICTS = {
    "ok": "done",
    "partial": "done, but not every row arrived",
    "stopped": "stopped before its end",
    "failed": "failed, nothing was sent",
}

PLANNED = "what an import would do; nothing was sent"


def first_line(instance: Instance | None, *, verb: str, version: str) -> str:
    """Return `import · profile staging · pim.example · api · AtroCore 2.2.14 · atro-etl 0.1.0`."""
    parts = [verb]
    if instance is not None:
        parts += [
            f"profile {instance.profile}" if instance.profile else "no profile",
            instance.host,
            instance.user,
            f"AtroCore {instance.server_version}" if instance.server_version else "",
        ]
    parts.append(f"atro-etl {version}".strip())
    return neutral(" · ".join(part for part in parts if part))


def to_text(summary: Summary) -> str:
    """Return the whole report, ending with a line break; harmless for a terminal, whatever the data."""
    approved = [f"approved by {neutral(summary.approved_by)}"] if summary.approved_by else []
    blocks = [
        [
            first_line(summary.instance, verb=summary.verb, version=summary.version),
            _verdict(summary),
            *approved,
        ],
        _rows(summary),
        _records(summary),
        _fields(summary),
        [_cost(summary), *_known(summary), *_limits(summary)]
        if summary.requests or summary.rows.read
        else [],
        _problems(summary),
        _missing(summary),
        _after(summary),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def last_lines(summary: Summary) -> str:
    """Return what ends standard error, all that cron mails; empty where all went well."""
    if summary.status == "ok":
        return ""
    lines = [first_line(summary.instance, verb=summary.verb, version=summary.version), _verdict(summary)]
    shown = _unlike(summary.problems)[:PROBLEMS_IN_LAST_LINES]
    lines += [problem_line(problem) for problem in shown]
    if more := summary.problems_total - len(shown):
        lines.append(_and_more(more, summary))
    lines += _missing(summary, most=PROBLEMS_IN_LAST_LINES)
    return "\n".join([*lines, *_after(summary)]) + "\n"


def problem_line(problem: ReportedProblem) -> str:
    """Return `products.csv, row 118, column "Preis": "12,5 kg" is no number. …`, harmless to print."""
    place = where(
        Problem(problem.code, problem.file, sheet=problem.sheet, row=problem.row, column=problem.column)
    )
    return neutral(
        f"{place}: {shortened(problem.message, 500)}" if place else shortened(problem.message, 500)
    )


def _verdict(summary: Summary) -> str:
    name = f"Run {neutral(summary.run)}" if summary.run else "The run"
    is_plan = summary.verb == "plan" and summary.status in ("ok", "partial")
    sentence = f"{name}: {PLANNED if is_plan else VERDICTS[summary.status]}"
    if summary.verb == "upload":
        sentence = f"{name}: {_uploaded(summary)}" if summary.run else _uploaded(summary)
    if summary.verb == "export" and summary.files.failed:
        sentence = f"{name}: done, but {summary.files.failed:,} files are missing"
    if summary.rows.bad or summary.rows.pending:
        counts = [(summary.rows.failed, "failed"), (summary.rows.invalid, "invalid"),
                  (summary.rows.pending, "pending")]  # fmt: skip
        told = ", ".join(f"{count:,} {name}" for count, name in counts if count)
        sentence += f"; of {rows_told(summary.rows.read)} {told}"
    why = summary.guard or summary.error
    return f"{sentence}.\n{neutral(why, keep=chr(10))}" if why else f"{sentence}."


def _uploaded(summary: Summary) -> str:
    files = summary.files
    if not summary.run and summary.status in ("ok", "partial"):
        verdict = "What an upload would do; nothing was sent"
    else:
        verdict = VERDICTS[summary.status].replace("row", "file")
    count = files.uploaded + files.reused + files.failed + files.missing
    return f"{verdict}; of {count:,} files {files.failed:,} failed" if files.failed else verdict


def _rows(summary: Summary) -> list[str]:
    if not summary.rows.read:
        return []
    counts = [("read", summary.rows.read), *((status.value, summary.rows.of(status)) for status in Status)]
    return _table(["Rows", ""], [(name, [count]) for name, count in counts if count])


def _records(summary: Summary) -> list[str]:
    names = [
        field.name
        for field in dataclasses.fields(RecordCounts)
        if any(counts.of(field.name) for counts in summary.records.values())
    ]
    if not names:
        return []
    body = [(neutral(e), [counts.of(name) for name in names]) for e, counts in summary.records.items()]
    return _table(["Records", *names], body)


def changed_fields(summary: Summary) -> list[tuple[str, int]]:
    """Return `Product.price` and in how many records it was changed, the most frequent first."""
    counted = [
        (neutral(f"{entity}.{name}"), count)
        for entity, counts in summary.fields.items()
        for name, count in counts.items()
    ]
    return sorted(counted, key=lambda one: (-one[1], one[0]))


def _fields(summary: Summary) -> list[str]:
    fields = [(name, [count]) for name, count in changed_fields(summary)]
    return _table(["Changed fields", "records"], fields) if fields else []


def _cost(summary: Summary) -> str:
    parts = [f"{summary.requests:,} requests"]
    if summary.retries:
        parts.append(f"{summary.retries:,} of them retries")
    parts.append(_duration(summary.seconds))
    if summary.seconds > 0 and summary.rows.read:
        parts.append(f"{summary.rows.read / summary.seconds:,.0f} rows/s")
    files = summary.files
    if files.uploaded or files.downloaded or files.reused or files.failed or files.missing:
        done = f"{files.missing:,} to upload" if files.missing else f"{files.uploaded:,} uploaded"
        done = f"{files.downloaded:,} fetched" if summary.verb == "export" else done
        sent = f" ({to_size(files.bytes)})" if files.bytes else ""
        parts.append(f"files: {done}{sent}, {files.reused:,} there already, {files.failed:,} failed")
    return ", ".join(parts)


def _known(summary: Summary) -> list[str]:
    """Return what the run could spare itself; where it could not, why, and what that cost."""
    if (known := summary.known) is None or not (known.rows or known.compared):
        return []
    if not known.compared:
        return [f"known state: {'all ' * (known.rows > 1)}{_as_before(known.rows)}; nobody was asked"]
    were = "was" if known.compared == 1 else "were"
    asked = "1 request" if known.asked == 1 else f"{known.asked:,} requests"
    cost = f"{rows_told(known.compared)} {were} compared with the server, {asked} only read"
    reasons = [
        (known.changed, "changed in AtroCore since"),
        (known.verified, "reread because it was their turn"),
        (known.unsteady, "name addresses or files written just now, which may change unseen"),
    ]
    told = "".join(f"; {count:,} {reason}" for count, reason in reasons if count)
    begin = _as_before(known.rows) if known.rows or not known.why else neutral(known.why)
    return [f"known state: {begin}; {cost}{told}"]


def rows_told(count: int) -> str:
    """Return `1 row` or `1,204 rows`."""
    return "1 row" if count == 1 else f"{count:,} rows"


def _as_before(count: int) -> str:
    return "1 row is as it was" if count == 1 else f"{rows_told(count)} are as they were"


def _limits(summary: Summary) -> list[str]:
    if (limits := summary.limits) is None:
        return []
    longest = _duration(limits.request_timeout_s)
    size = f"{limits.batch_rows:,} records, {to_size(limits.batch_bytes)} and {longest}"
    patience = f"{limits.attempts} requests in a row, or {_duration(limits.silence_s)}, without an answer"
    return [f"at most {limits.in_flight} requests at once, each of {size}; stops after {patience}"]


def _problems(summary: Summary) -> list[str]:
    if not summary.problems:
        return []
    shown = _unlike(summary.problems)[:PROBLEMS_SHOWN]
    lines = ["Problems", *(f"  {problem_line(problem)}" for problem in shown)]
    if more := summary.problems_total - len(shown):
        lines.append(f"  {_and_more(more, summary)}")
    if len(summary.reasons) > 1:
        told = ", ".join(f"{neutral(code)} {count:,}" for code, count in summary.reasons.items())
        lines.append(f"  By reason: {told} (`atro-etl explain CODE` says what to do)")
    return lines


def _unlike(problems: Sequence[ReportedProblem]) -> list[ReportedProblem]:
    """Return the problems, of rows that lack the same link target the first one: the others are counted."""
    found: dict[tuple[object, ...], ReportedProblem] = {}
    for one in problems:
        alike = (one.code, one.column, one.field, one.value) if one.code in MISSING else (len(found),)
        found.setdefault(alike, one)
    return list(found.values())


def _missing(summary: Summary, *, most: int = PROBLEMS_SHOWN) -> list[str]:
    if not summary.missing:
        return []
    lines = ["Not on the server"]
    for one in summary.missing[:most]:
        rows = f"{one.rows:,} rows" if one.rows > 1 else "1 row"
        nearest = f"; {one.nearest}" if one.nearest else ""
        lines.append(neutral(f'  {one.entity} "{shortened(one.value)}": {rows}{nearest}'))
    if (more := summary.missing_total - most) > 0:
        lines.append(f"  and {more:,} more")
    if summary.verb == "import" and summary.folder:
        files = dict.fromkeys(f"{summary.folder}/{one.file}" for one in summary.missing)
        lines.append(neutral(f"  As tables for creating them: {', '.join(files)}"))
    return lines


def _and_more(more: int, summary: Summary) -> str:
    place = f"{neutral(summary.folder)}/results.parquet" if summary.folder else "the results"
    return f"and {more:,} more in {place}"


def _after(summary: Summary) -> list[str]:
    lines = [f"Written {neutral(summary.output)}"] if summary.output else []
    if summary.started:
        lines.append(f"As of   {summary.started}; what was changed in AtroCore later may be missing.")
    lines += [f"Folder  {neutral(summary.folder)}"] if summary.folder else []
    return [*lines, *(f"Next    {neutral(command)}" for command in summary.next)]


def _table(head: Sequence[str], body: Iterable[tuple[str, Sequence[int]]]) -> list[str]:
    """Return lines: the first column to the left, numbers to the right under their heads."""
    rows = [list(head), *([name, *(f"{count:,}" for count in counts)] for name, counts in body)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines


def _duration(seconds: float) -> str:
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes = whole // MINUTE_S**2, whole // MINUTE_S % MINUTE_S
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {whole % MINUTE_S:02} s"


def to_size(count: int) -> str:
    """Return bytes as people say them: `31.0 GB`."""
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:  # noqa: PLR2004  decimal units
            break
        amount, unit = amount / 1000, larger
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
