"""What becomes of one value: taken from JSON as PHP would, checked, stored, shown again."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import orjson

from etl.sandbox import php
from etl.sandbox.metadata import Column, JsonValue, Kind
from etl.sandbox.refusals import BadRequest, PhpError, SqlError
from etl.sandbox.storage import SqlValue

if TYPE_CHECKING:
    from etl.sandbox.generations import Generation

Take = Callable[[JsonValue], JsonValue]
Store = Callable[[JsonValue], SqlValue]
Show = Callable[[SqlValue], JsonValue]
Check = Callable[[JsonValue], None]

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_WHOLE = 1e15


@dataclass(frozen=True, slots=True)
class Handling:
    """The four functions of one column."""

    take: Take
    """JSON in the request -> the value that the answer echoes."""
    check: Check | None
    """Raises BadRequest for what is refused; None refuses nothing."""
    store: Store
    """The taken value -> SQLite. Raises SqlError where the real database would."""
    show: Show | None
    """SQLite -> JSON; None where both are the same."""


def handling(column: Column, generation: Generation) -> Handling:  # noqa: PLR0911  one return per kind
    """Return how a generation handles a column."""
    kind = column.kind
    if kind == "int":
        return Handling(_take_int, _int_check(column, generation), _store_int, None)
    if kind == "float":
        return Handling(_float_taker(column.digits), None, _store_float, show_float)
    if kind == "bool":
        take = take_nullable_bool if column.not_null is False else take_bool
        return Handling(take, None, _store_bool, show_bool)
    if kind == "list":
        return Handling(_take_list, _options_check(column, generation), store_json, show_json)
    if kind == "json":
        return Handling(_take_json, None, store_json, show_json)
    if kind in {"date", "datetime"}:
        return _date_handling(column, generation)
    return Handling(
        _text_taker(column), _text_check(column, generation), _text_store(column, generation), None
    )


def _take_int(value: JsonValue) -> JsonValue:
    return None if value is None else value if type(value) is int else php.to_int(value)


def _int_check(column: Column, generation: Generation) -> Check | None:
    if not generation.ranges_checked:
        return None
    low = INT_MIN if column.minimum is None else column.minimum
    high = INT_MAX if column.maximum is None else column.maximum

    def check(value: JsonValue) -> None:
        if isinstance(value, int) and not low <= value <= high:
            raise BadRequest(f"{column.name}: {value} is not between {low} and {high}")

    return check


def _store_int(value: JsonValue) -> SqlValue:
    if value is None:
        return None
    if isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
        raise SqlError(f"SQLSTATE[22003]: value {value} is out of range for type integer")
    return cast("int", value)


def _float_taker(digits: int | None) -> Take:
    def take(value: JsonValue) -> JsonValue:
        if value is None:
            return None
        number = value if type(value) is float else php.to_float(value)
        return number if digits is None else round(number, digits)

    return take


def _store_float(value: JsonValue) -> SqlValue:
    return None if value is None else php.to_float(value)


def show_float(value: SqlValue) -> JsonValue:
    """Return a float as PHP writes it: 3.0 as 3."""
    if isinstance(value, float):
        return int(value) if -_WHOLE < value < _WHOLE and value == int(value) else value
    return cast("int | None", value)


def show_all(kind: Kind, show: Show, values: Sequence[JsonValue]) -> list[JsonValue]:
    """Return a column of stored values as JSON values; the same as `show` on each, in less time."""
    if kind == "float":
        return [
            int(value) if type(value) is float and value % 1 == 0 and -_WHOLE < value < _WHOLE else value
            for value in values
        ]
    if kind == "bool":
        return [None if value is None else value == 1 for value in values]
    return [None if value is None else show(value) for value in values]  # type: ignore[arg-type]  # still as stored


def take_bool(value: JsonValue) -> JsonValue:
    """Return true or false, never null."""
    return value if value is True or value is False else php.to_bool(value)


def take_nullable_bool(value: JsonValue) -> JsonValue:
    """Return true, false or null."""
    return None if value is None else take_bool(value)


def _store_bool(value: JsonValue) -> SqlValue:
    return None if value is None else 1 if value else 0


def show_bool(value: SqlValue) -> JsonValue:
    """Return a stored 0 or 1 as a bool."""
    return None if value is None else bool(value)


def _take_list(value: JsonValue) -> JsonValue:
    if not isinstance(value, list):
        return None
    return value if len(value) < 2 else _without_repeats(value)


def _without_repeats(value: list[JsonValue]) -> JsonValue:
    kept: list[JsonValue] = []
    for item in value:
        if item not in kept:
            kept.append(item)
    return kept


def _take_json(value: JsonValue) -> JsonValue:
    return value if isinstance(value, (list, dict)) else None


def store_json(value: JsonValue) -> SqlValue:
    """Return a list or an object as JSON text."""
    return None if value is None else orjson.dumps(value).decode()


def show_json(value: SqlValue) -> JsonValue:
    """Return stored JSON text as a value."""
    if value is None:
        return None
    loaded: JsonValue = orjson.loads(value)  # type: ignore[arg-type]  # these columns hold text only
    return loaded


def _options_check(column: Column, generation: Generation) -> Check | None:
    if (
        not column.options
        or column.type == "array"
        or (column.custom and not generation.custom_enums_checked)
    ):
        return None
    allowed = frozenset(column.options)

    def check(value: JsonValue) -> None:
        for option in value if isinstance(value, list) else ():
            if option not in allowed:
                raise BadRequest(f"{column.name}: {option!r} is not one of its options")

    return check


def _date_handling(column: Column, generation: Generation) -> Handling:
    with_time = column.kind == "datetime"
    pattern, layout = (_DATETIME, "%Y-%m-%d %H:%M:%S") if with_time else (_DATE, "%Y-%m-%d")

    def strict(value: JsonValue) -> None:
        if value is None or value == "":
            return
        if not isinstance(value, str) or not pattern.fullmatch(value) or _parse(value, layout) is None:
            raise BadRequest(f"{column.name}: not a {column.kind}")

    def store(value: JsonValue) -> SqlValue:
        return None if value is None else database_date(value, with_time=with_time)

    return Handling(lambda value: value, strict if generation.dates_checked else None, store, None)


def database_date(value: JsonValue, *, with_time: bool) -> str:
    """Return a date as PostgreSQL would store it: a zone is dropped, a missing time is midnight.

    Raises:
        SqlError: PostgreSQL does not understand it.
    """
    return _stored_date(
        php.to_text(value) if isinstance(value, (bool, int, float, str)) else "", with_time=with_time
    )


@lru_cache(maxsize=8192)
def _stored_date(text: str, *, with_time: bool) -> str:
    layout = "%Y-%m-%d %H:%M:%S" if with_time else "%Y-%m-%d"
    exact = (_DATETIME if with_time else _DATE).fullmatch(text)
    moment = _parse(text, layout) if exact else _lenient(text.strip())
    if moment is None:
        raise SqlError(f"SQLSTATE[22007]: invalid input syntax for type date: {text!r}")
    return moment.strftime(layout)


@lru_cache(maxsize=8192)
def _parse(text: str, layout: str) -> datetime | None:
    try:
        return datetime.strptime(text, layout)  # noqa: DTZ007  # the wire has no zone
    except ValueError:
        return None


def _lenient(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        layouts = ("%Y%m%d", "%m/%d/%Y", "%Y/%m/%d", "%Y-%m-%d %H:%M", "%d %B %Y", "%B %d, %Y")
        return next((moment for layout in layouts if (moment := _parse(text, layout))), None)


def _text_taker(column: Column) -> Take:
    # An enum is never null: null becomes "" (observed on 1.10 and 2.1). So does a notNull text.
    if column.type == "enum" or column.not_null:
        return lambda value: "" if value is None else value
    return lambda value: value


def _text_check(column: Column, generation: Generation) -> Check | None:
    checks: list[Check] = []
    if column.type == "enum" and column.options and (generation.custom_enums_checked or not column.custom):
        allowed = frozenset(column.options)

        def option(value: JsonValue) -> None:
            if value is not None and value != "" and (not isinstance(value, str) or value not in allowed):
                raise BadRequest(f"{column.name}: {value!r} is not one of its options")

        checks.append(option)
    if column.max_characters is not None:
        most = column.max_characters

        def length(value: JsonValue) -> None:
            if isinstance(value, str) and len(value) > most:
                raise BadRequest(f"{column.name}: {len(value)} characters, at most {most} are allowed")

        checks.append(length)
    if column.pattern and (expression := php_pattern(column.pattern)) is not None:
        checks.append(_pattern_check(column.name, expression))
    if not checks:
        return None
    return checks[0] if len(checks) == 1 else lambda value: _run(checks, value)


def _run(checks: list[Check], value: JsonValue) -> None:
    for check in checks:
        check(value)


def _pattern_check(name: str, expression: re.Pattern[str]) -> Check:
    def check(value: JsonValue) -> None:
        if isinstance(value, str) and value and not expression.search(value):
            raise BadRequest(f"{name}: does not look as it must ({expression.pattern})")

    return check


def php_pattern(text: str) -> re.Pattern[str] | None:
    """Return a PHP regular expression (`/…/i`) as Python's; None where Python cannot read it."""
    body, _, flags = text[1:].rpartition(text[0])
    try:
        return re.compile(body, (re.IGNORECASE if "i" in flags else 0) | (re.DOTALL if "s" in flags else 0))
    except re.error:
        return None


def _text_store(column: Column, generation: Generation) -> Store:
    limit = (
        generation.id_limit if column.name == "id" or column.kind == "link" else column.database_characters
    )

    def store(value: JsonValue) -> SqlValue:
        if value is None:
            return None
        if not isinstance(value, str):
            value = _scalar_text(value)
        if limit is not None and len(value) > limit:
            raise SqlError(f"SQLSTATE[22001]: value too long for type character varying({limit})")
        return value

    return store


def _scalar_text(value: JsonValue) -> str:
    if isinstance(value, dict):
        raise PhpError("an object cannot become text")
    if isinstance(value, list):
        return "Array"
    return php.to_text(cast("float | str", value))
