"""Filters by date: a day, the last days, a month, a quarter, a year."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from etl.sandbox import php
from etl.sandbox.values import database_date

if TYPE_CHECKING:
    from etl.sandbox.filters import Filter
    from etl.sandbox.metadata import Column, JsonValue
    from etl.sandbox.storage import SqlValue

_PLAIN = {
    "today", "past", "future", "lastSevenDays", "currentMonth", "lastMonth", "nextMonth",
    "currentQuarter", "lastQuarter", "currentYear", "lastYear",
}  # fmt: skip
_WITH_DAYS = {"lastXDays", "nextXDays", "olderThanXDays", "afterXDays"}


def is_known(type_: str) -> bool:
    """Say whether this is one of the operators here."""
    return type_ in _PLAIN or type_ in _WITH_DAYS


def date_condition(found: Filter, type_: str, column: Column, *, sql: str, value: JsonValue) -> str:
    """Return a date operator as SQL; empty where it is none."""
    if not is_known(type_):
        return ""
    today = found.session.instance.today()
    with_time = column.kind == "datetime"
    if type_ in _WITH_DAYS:
        return _days(found, type_, today, sql=sql, days=php.to_int(value), with_time=with_time)
    if type_ == "past":
        return _compare(found, sql, "<", today, with_time=with_time)
    if type_ == "future":
        return _compare(found, sql, ">=", today + timedelta(days=1), with_time=with_time)
    start, end = _span(type_, today)
    lower = _compare(found, sql, ">=", start, with_time=with_time)
    return f"({lower} AND {_compare(found, sql, '<', end, with_time=with_time)})"


def whole_day(values: list[SqlValue], sql: str, value: JsonValue, *, negated: bool) -> str:
    """Return `on` for a column with a time: any moment of that day."""
    day = database_date(value, with_time=True)[:10]
    values.append(day)
    return f"substr({sql}, 1, 10) {'<>' if negated else '='} ?"


def _days(found: Filter, type_: str, today: datetime, *, sql: str, days: int, with_time: bool) -> str:
    if type_ == "olderThanXDays":
        return _compare(found, sql, "<", today - timedelta(days=days), with_time=with_time)
    if type_ == "afterXDays":
        return _compare(found, sql, ">", today + timedelta(days=days), with_time=with_time)
    start, end = (
        (today - timedelta(days=days), today)
        if type_ == "lastXDays"
        else (today, today + timedelta(days=days))
    )
    lower = _compare(found, sql, ">=", start, with_time=with_time)
    return f"({lower} AND {_compare(found, sql, '<', end + timedelta(days=1), with_time=with_time)})"


def _compare(found: Filter, sql: str, operator: str, moment: datetime, *, with_time: bool) -> str:
    found.values.append(moment.strftime("%Y-%m-%d %H:%M:%S" if with_time else "%Y-%m-%d"))
    return f"{sql} {operator} ?"


def _span(type_: str, today: datetime) -> tuple[datetime, datetime]:
    """Return where a named span begins and where the next one would."""
    month = today.replace(day=1)
    quarter = month.replace(month=(today.month - 1) // 3 * 3 + 1)
    year = month.replace(month=1)
    spans = {
        "today": (today, today + timedelta(days=1)),
        "lastSevenDays": (today - timedelta(days=7), today + timedelta(days=1)),
        "currentMonth": (month, _months(month, 1)),
        "lastMonth": (_months(month, -1), month),
        "nextMonth": (_months(month, 1), _months(month, 2)),
        "currentQuarter": (quarter, _months(quarter, 3)),
        "lastQuarter": (_months(quarter, -3), quarter),
        "currentYear": (year, _months(year, 12)),
        "lastYear": (_months(year, -12), year),
    }
    return spans[type_]


def _months(moment: datetime, months: int) -> datetime:
    number = moment.year * 12 + moment.month - 1 + months
    return moment.replace(year=number // 12, month=number % 12 + 1)
