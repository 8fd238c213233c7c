"""Rules for dates that cannot be followed: forms without a day, zones that do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from etl.mapping.convert.dates import strptime_format
from etl.mapping.findings import MappingProblem, did_you_mean, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.mapping.findings import Spot
    from etl.mapping.loading import Mapping
    from etl.mapping.parts import DateRule


def check_dates(mapping: Mapping) -> Iterator[MappingProblem]:
    """Yield every rule for dates that cannot be followed, wherever it stands."""
    for rule, spot in _rules(mapping):
        for form in rule.formats:
            if strptime_format(form) is None:
                yield finding("date_format_invalid", spot, format=form)
        if rule.zone is not None and rule.zone not in (zones := available_timezones()):
            advice = f"Write one such as Europe/Berlin.{did_you_mean(rule.zone, sorted(zones))}"
            yield finding("zone_unknown", spot, zone=rule.zone, choices=advice)


def _rules(mapping: Mapping) -> Iterator[tuple[DateRule, Spot]]:
    if mapping.source.date is not None:
        yield mapping.source.date, mapping.text.spot("source", "date")
    for name, column in mapping.document.columns.items():
        if column.date is not None:
            yield column.date, mapping.text.spot("columns", name, "date")
    for kind, entries in (("fields", mapping.doc.fields), ("attributes", mapping.doc.attributes)):
        for name, entry in entries.items():
            if entry.date is not None:
                yield entry.date, mapping.spot(kind, name, "date")
