"""The report as one page for a browser: no script, nothing loaded from elsewhere, no markup out of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from etl.model import Problem, Status
from etl.problems import CATALOGUE, where
from etl.report.neutral import neutral, shortened
from etl.report.text import VERDICTS, changed_fields, first_line

if TYPE_CHECKING:
    from etl.report.summary import ReportedProblem, Summary

GOOD = (Status.CREATED, Status.UPDATED, Status.UNCHANGED, Status.DELETED)
EXAMPLES = 3
"""Problems shown for each reason before the whole list."""

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; --line: #8884; --bad: #c0392b; --good: #1e8449; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .8rem .25rem 0; text-align: left; }
td, th { border-bottom: 1px solid var(--line); vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.bar { display: flex; height: .8rem; border-radius: .4rem; overflow: hidden; background: var(--line); }
.good { background: var(--good); } .bad { background: var(--bad); }
.said-bad { color: var(--bad); font-weight: 600; }
code { background: var(--line); padding: .1rem .3rem; border-radius: .2rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
</style>
</head>
<body>
<p>{{ head }}</p>
<h1{% if summary.status != "ok" %} class="said-bad"{% endif %}>{{ verdict }}</h1>
{% if why %}<p>{{ why }}</p>{% endif %}
{% if summary.rows.read %}
<div class="bar" role="img" aria-label="{{ arrived }} of {{ number(summary.rows.read) }} rows arrived">
<div class="good" style="width: {{ good_share }}%"></div>
<div class="bad" style="width: {{ bad_share }}%"></div>
</div>
<h2>Rows</h2>
<table>
<tr><th>read</th><td class="n">{{ number(summary.rows.read) }}</td></tr>
{% for name, count in rows %}<tr><th>{{ name }}</th><td class="n">{{ number(count) }}</td></tr>
{% endfor %}</table>
{% endif %}
{% if summary.records %}
<h2>Records</h2>
<table>
<tr><th></th>{% for name in names %}<th class="n">{{ name }}</th>{% endfor %}</tr>
{% for entity, counts in summary.records.items() %}<tr><th>{{ entity }}</th>
{% for name in names %}<td class="n">{{ number(counts.of(name)) }}</td>{% endfor %}</tr>
{% endfor %}</table>
{% endif %}
{% if fields %}
<h2>Changed fields</h2>
<table>
{% for name, count in fields %}<tr><th>{{ name }}</th><td class="n">{{ number(count) }}</td></tr>
{% endfor %}</table>
{% endif %}
{% if reasons %}
<h2>Reasons</h2>
<table>
<tr><th>reason</th><th class="n">how often</th><th>for example</th><th>what to do</th></tr>
{% for one in reasons %}<tr><td><code>{{ one.code }}</code></td><td class="n">{{ number(one.count) }}</td>
<td>{% for place in one.examples %}{{ place }}<br>{% endfor %}</td><td>{{ one.advice }}</td></tr>
{% endfor %}</table>
<h2>Problems</h2>
<div class="wide"><table>
<tr><th>where</th><th>what</th></tr>
{% for place, message in problems %}<tr><td>{{ place }}</td><td>{{ message }}</td></tr>
{% endfor %}</table></div>
{% if more %}<p>and {{ number(more) }} more in <code>results.parquet</code></p>{% endif %}
{% endif %}
{% if summary.next %}<h2>Next</h2>
{% for command in summary.next %}<p><code>{{ command }}</code></p>
{% endfor %}{% endif %}
<p>{{ number(summary.requests) }} requests, {{ number(summary.retries) }} of them retries, {{ seconds }} s.
{% if summary.folder %}All of it lies in <code>{{ summary.folder }}</code>.{% endif %}</p>
</body>
</html>
"""


def to_html(summary: Summary) -> str:
    """Return the report as a page that stands alone, for people who do not read terminals."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    read = summary.rows.read or 1
    good = sum(summary.rows.of(status) for status in GOOD)
    names = ("created", "updated", "unchanged", "deleted", "exported")
    return environment.from_string(PAGE).render(
        title=f"{summary.verb} {summary.run}: {summary.status}",
        head=first_line(summary.instance, verb=summary.verb, version=summary.version),
        verdict=f"Run {summary.run}: {VERDICTS[summary.status]}",
        why=summary.guard or summary.error or "",
        summary=summary,
        arrived=_number(good),
        good_share=f"{100 * good / read:.2f}",
        bad_share=f"{100 * summary.rows.bad / read:.2f}",
        rows=[(status.value, summary.rows.of(status)) for status in Status if summary.rows.of(status)],
        names=[name for name in names if any(one.of(name) for one in summary.records.values())],
        fields=changed_fields(summary),
        reasons=[_reason(summary, code, count=count) for code, count in summary.reasons.items()],
        problems=[(_place(one), shortened(one.message, 500)) for one in summary.problems],
        more=summary.problems_total - len(summary.problems),
        seconds=f"{summary.seconds:,.1f}",
        number=_number,
    )


@dataclass(frozen=True, slots=True)
class _Reason:
    code: str
    count: int
    examples: tuple[str, ...]
    advice: str
    """Empty where it says something only together with a problem's own facts."""


def _reason(summary: Summary, code: str, *, count: int) -> _Reason:
    places = [_place(one) for one in summary.problems if one.code == code][:EXAMPLES]
    kind = CATALOGUE.get(code)
    return _Reason(code, count, tuple(places), kind.advice if kind and "{" not in kind.advice else "")


def _place(one: ReportedProblem) -> str:
    return where(Problem(one.code, one.file, sheet=one.sheet, row=one.row, column=one.column))


def _finalize(value: object) -> object:
    return neutral(value, keep="\n") if type(value) is str else value


def _number(count: int) -> str:
    return f"{count:,}"
