"""A plan as one page for a browser: grouped by kind of change, filtered by field; no data is markup.

Nothing is loaded from elsewhere. The only script filters lines, and the page names its digest: no other runs.
"""

from __future__ import annotations

import base64
import hashlib
from itertools import groupby, islice
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined

from etl.report.neutral import neutral, shortened
from etl.report.plan_page_parts import PAGE, SCRIPT, STYLE
from etl.report.plan_text import KINDS, cost, verdict
from etl.report.text import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from etl.report.foreseen import Foreseen, Line

SECTIONS = {
    "update": ("Changes", 5000),
    "create": ("New records", 1000),
    "delete": ("Deletes", 5000),
    "upload": ("Files to upload", 1000),
    "blocked": ("Blocked", 1000),
    "invalid": ("Invalid rows", 1000),
}
"""Kind -> title, and how many records are shown at most."""
LONGEST_VALUE = 400


def write_plan_page(foreseen: Foreseen, path: Path, *, lines: Callable[[], Iterator[Line]]) -> None:
    """Write the page; a record in memory at a time.

    Args:
        lines: all lines of the plan from its beginning, at each call.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["value"] = _value
    environment.filters["number"] = "{:,}".format
    summary = foreseen.summary
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    counted = [
        (f"{entity}.{name}", count)
        for entity, counts in foreseen.fields.items()
        for name, count in counts.items()
    ]
    page = environment.from_string(PAGE.replace("STYLE", STYLE).replace("SCRIPT", SCRIPT)).stream(
        title="Plan",
        digest=digest,
        head=first_line(summary.instance, verb=summary.verb, version=summary.version),
        verdict=verdict(foreseen),
        forecast=" ".join(cost(foreseen)),
        kinds=[kind for kind in KINDS if foreseen.count(kind)],
        records=foreseen.records,
        fields=sorted(counted, key=lambda one: (-one[1], one[0])),
        sections=_sections(foreseen, lines),
        commands=summary.next,
        link=lambda line: _link(foreseen.url, line),
    )
    with path.open("w", encoding="utf-8", newline="\n") as file:
        page.enable_buffering(100)
        for part in page:
            file.write(part)


def _sections(
    foreseen: Foreseen, lines: Callable[[], Iterator[Line]]
) -> Iterator[tuple[str, str, int, int, Iterator[list[Line]]]]:
    """Yield of each kind of change: kind, title, records in all, records not shown, and the records."""
    for kind, (title, most) in SECTIONS.items():
        files = foreseen.files.uploads if foreseen.files is not None and kind == "upload" else 0
        if count := foreseen.count(kind) + files:
            yield kind, title, count, max(0, count - most), islice(_records(lines(), kind), most)


def _records(lines: Iterator[Line], kind: str) -> Iterator[list[Line]]:
    wanted = (line for line in lines if line.kind == kind)
    for _, group in groupby(
        wanted, key=lambda line: (line.file, line.sheet, line.row, line.entity, line.record_id)
    ):
        yield list(group)


def _value(text: str) -> str:
    return neutral(shortened(text, LONGEST_VALUE), keep="\n\t")


def _link(url: str, line: Line) -> str:
    """Return where AtroCore shows the record; empty where there is none yet."""
    if not line.record_id or line.kind in ("create", "upload", "invalid"):
        return ""
    return f"{url}/#{quote(line.entity, safe='')}/view/{quote(line.record_id, safe='')}"
