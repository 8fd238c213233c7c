"""Which operators and values fit which fields. What does not fit is refused: the server would drop it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from etl.api.filters.facts import Within
from etl.api.filters.subjects import suggestion
from etl.api.where import WITH_UNIT, Operator

if TYPE_CHECKING:
    from etl.api.filters.facts import Facts
    from etl.api.filters.grammar import Literal, Test
    from etl.api.filters.subjects import Subject
    from etl.api.filters.tokens import Source
    from etl.api.where import Scalar
    from etl.schema import FieldKind

O = Operator  # noqa: E741  the tables below are read as tables
NULLS = frozenset({O.IS_NULL, O.IS_NOT_NULL, O.EVER})
EQUALITY = frozenset({O.EQUALS, O.NOT_EQUALS, O.IN, O.NOT_IN})
ORDER = frozenset({
    O.GREATER_THAN, O.LESS_THAN, O.GREATER_THAN_OR_EQUALS, O.LESS_THAN_OR_EQUALS, O.BETWEEN,
})  # fmt: skip
LIKES = frozenset({
    O.LIKE, O.NOT_LIKE, O.STARTS_WITH, O.ENDS_WITH, O.CONTAINS, O.NOT_CONTAINS, O.SIMILAR, O.WORD_SIMILAR,
})  # fmt: skip
SPANS = frozenset({
    O.TODAY, O.PAST, O.FUTURE, O.LAST_SEVEN_DAYS, O.CURRENT_MONTH, O.LAST_MONTH, O.NEXT_MONTH,
    O.CURRENT_QUARTER, O.LAST_QUARTER, O.CURRENT_YEAR, O.LAST_YEAR,
})  # fmt: skip
DAYS = frozenset({O.LAST_X_DAYS, O.NEXT_X_DAYS, O.OLDER_THAN_X_DAYS, O.AFTER_X_DAYS})
DATES = frozenset({O.ON, O.NOT_ON, O.AFTER, O.BEFORE}) | SPANS | DAYS
TRUTHS = frozenset({O.IS_TRUE, O.IS_FALSE})
ARRAYS = frozenset({O.ARRAY_ANY_OF, O.ARRAY_NONE_OF, O.ARRAY_IS_EMPTY, O.ARRAY_IS_NOT_EMPTY})
ANY_OR_NONE = {
    O.EQUALS: O.ARRAY_ANY_OF, O.IN: O.ARRAY_ANY_OF, O.CONTAINS: O.ARRAY_ANY_OF,
    O.NOT_EQUALS: O.ARRAY_NONE_OF, O.NOT_IN: O.ARRAY_NONE_OF, O.NOT_CONTAINS: O.ARRAY_NONE_OF,
}  # fmt: skip
"""What is meant where a list of values is compared like a single one."""
LINKED = frozenset({O.LINKED_WITH, O.NOT_LINKED_WITH, O.IS_LINKED, O.IS_NOT_LINKED})
COLUMNS = frozenset({O.COLUMN_LIKE, O.COLUMN_IN, O.COLUMN_NOT_IN, O.COLUMN_IS_NULL})

_TEXT = NULLS | EQUALITY | ORDER | LIKES
_NUMBER = NULLS | EQUALITY | ORDER
_DATE = NULLS | EQUALITY | ORDER | DATES
_LIST = NULLS | ARRAYS
FITTING: dict[FieldKind, frozenset[Operator]] = {
    "text": _TEXT,
    "enum": _TEXT,
    "int": _NUMBER,
    "float": _NUMBER,
    "bool": NULLS | TRUTHS | {O.EQUALS, O.NOT_EQUALS},
    "date": _DATE,
    "datetime": _DATE,
    "multi_enum": _LIST,
    "array": _LIST,
    "json": NULLS | LIKES,
    "link": NULLS | LINKED,
    "file": NULLS | LINKED,
    "links": LINKED,
    "list_option": NULLS | EQUALITY,
    "list_options": _LIST,
    "range_int": NULLS,
    "range_float": NULLS,
    "other": NULLS,
}
"""Source: api-contract §4.2, by what a column of each kind can be compared with."""

SPOKEN: dict[FieldKind, str] = {
    "text": "a text", "enum": "one of several texts", "int": "a whole number", "float": "a number",
    "bool": "true or false", "date": "a date", "datetime": "a time", "multi_enum": "a list of texts",
    "array": "a list of texts", "json": "JSON", "link": "a link", "file": "a file",
    "links": "a link to several records",
    "list_option": "an option of a list", "list_options": "options of a list", "range_int": "a range",
    "range_float": "a range", "other": "of a type that cannot be compared",
}  # fmt: skip


def check_operator(source: Source, test: Test, subject: Subject) -> None:
    """Refuse an operator that the field does not take.

    Raises:
        FilterInvalid: it does not fit; says what would.
    """
    fitting = FITTING[subject.kind] | ({O.IS_LINKED, O.IS_NOT_LINKED} if subject.is_attribute else set())
    if subject.field is not None and subject.field.column:
        fitting = COLUMNS
    is_null = len(test.values) == 1 and test.values[0].value is None
    if test.operator in fitting or (is_null and test.operator in (O.EQUALS, O.NOT_EQUALS)):
        return
    advice: dict[FieldKind, str] = {
        "link": f"Go on to one of its fields: {subject.label}.name {test.word} …, or {subject.label}.id.",
        "file": f"Go on to one of its fields: {subject.label}.name {test.word} ….",
        "links": f"Go on to one of its fields: {subject.label}.name {test.word} ….",
        "range_int": f"Compare {subject.label}.from or {subject.label}.to.",
        "range_float": f"Compare {subject.label}.from or {subject.label}.to.",
        "bool": f"Write {subject.label} = true.",
    }
    if test.operator in COLUMNS:
        advice["links"] = "Only a field that shows a column of the relation can be compared so."
    if meant := ANY_OR_NONE.get(test.operator):
        places = [one.place for one in test.values]
        values = ", ".join(source.text[one.offset : one.offset + one.length] for one in places)
        for kind in ("multi_enum", "array", "list_options"):
            advice[kind] = f"Write {subject.label} {meant} ({values})."
    allowed = sorted(one.value for one in fitting)
    raise source.wrong(
        test.place,
        what=f'"{test.word}" does not fit {subject.label}, which is {SPOKEN[subject.kind]}.',
        advice=advice.get(subject.kind) or f"What fits is {', '.join(allowed)}.",
    )


def values_of(source: Source, test: Test, subject: Subject, *, facts: Facts) -> tuple[Scalar, ...]:
    """Return the values as they are sent.

    Raises:
        FilterInvalid: one is not of the field's type, or no option of it.
    """
    if test.operator in DAYS:
        return tuple(_days(source, one) for one in test.values)
    if subject.kind in ("list_option", "list_options"):
        return tuple(found for one in test.values for found in _options(source, one, subject, facts=facts))
    return tuple(_value(source, test, one, subject=subject) for one in test.values)


def unit_of(source: Source, test: Test, subject: Subject, *, facts: Facts) -> str:
    """Return the id of the unit that the values are amounts of; empty: they name none.

    Raises:
        FilterInvalid: the field has no unit, the unit is not of its measure, or two units stand there.
    """
    said = [one for one in test.values if one.unit]
    if not said:
        return ""
    first = said[0]
    if not subject.measure:
        raise source.wrong(
            first.unit_place or first.place, what=f"{subject.label} has no unit.", advice="Write the number."
        )
    if test.operator not in WITH_UNIT or subject.is_attribute:
        advice = f"Write {subject.label}.unit = … beside it." if subject.is_attribute else ""
        raise source.wrong(
            first.unit_place or first.place, what=f'"{test.word}" compares no units here.', advice=advice
        )
    ids = {_unit(source, one, subject, facts=facts) for one in said}
    if len(ids) > 1:
        raise source.wrong(
            said[1].unit_place or said[1].place, what="two units stand in one condition.", advice="Use one."
        )
    return ids.pop()


def _unit(source: Source, literal: Literal, subject: Subject, *, facts: Facts) -> str:
    question = Within(subject.measure, literal.unit)
    if question not in facts.units:
        facts.open.add(("unit", question))
        return "?"
    found = facts.units[question]
    if found is None:
        advice = suggestion(literal.unit, facts.names.get(subject.measure, ()))
        raise source.wrong(
            literal.unit_place or literal.place,
            what=f'"{literal.unit}" is no unit of {subject.label}.',
            advice=advice,
        )
    return found


def _options(source: Source, literal: Literal, subject: Subject, *, facts: Facts) -> tuple[str, ...]:
    text = _text(source, literal, subject)
    if not subject.list_id:
        return (text,)
    question = Within(subject.list_id, text)
    if question not in facts.options:
        facts.open.add(("option", question))
        return (text,)
    if not facts.options[question]:
        advice = suggestion(text, facts.names.get(subject.list_id, ()))
        raise source.wrong(literal.place, what=f'"{text}" is no option of {subject.label}.', advice=advice)
    return facts.options[question]


def _value(source: Source, test: Test, literal: Literal, *, subject: Subject) -> Scalar:
    value = literal.value
    match subject.kind:
        case "int" | "float":
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise _misfit(source, literal, subject)
            if subject.kind == "int" and not float(value).is_integer():
                raise _misfit(source, literal, subject)
            return value
        case "date" | "datetime":
            return _moment(source, test, literal, subject=subject)
        case "enum" | "multi_enum" if test.operator not in LIKES | ORDER:
            text = _text(source, literal, subject)
            if subject.options is not None and text and text not in subject.options:
                advice = suggestion(text, subject.options)
                raise source.wrong(
                    literal.place, what=f'"{text}" is no option of {subject.label}.', advice=advice
                )
            return text
        case _:
            return _text(source, literal, subject)


def _text(source: Source, literal: Literal, subject: Subject) -> str:
    if not isinstance(literal.value, str):
        raise _misfit(source, literal, subject)
    return literal.value


def _moment(source: Source, test: Test, literal: Literal, *, subject: Subject) -> Scalar:
    value = literal.value
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value) if len(value) > 10 else dt.date.fromisoformat(value)  # noqa: PLR2004  2026-11-01
        except ValueError:
            raise _misfit(source, literal, subject) from None
    if not isinstance(value, dt.date) or (isinstance(value, dt.datetime) and subject.kind == "date"):
        raise _misfit(source, literal, subject)
    if (
        subject.kind == "datetime"
        and not isinstance(value, dt.datetime)
        and test.operator not in (O.ON, O.NOT_ON)
    ):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    return value


def _days(source: Source, literal: Literal) -> int:
    if not isinstance(literal.value, int) or isinstance(literal.value, bool) or literal.value < 0:
        raise source.wrong(
            literal.place, what="a number of days is expected.", advice="Write a whole number, for example 7."
        )
    return literal.value


def _misfit(source: Source, literal: Literal, subject: Subject) -> Exception:
    shown = source.text[literal.place.offset : literal.place.offset + literal.place.length]
    value = literal.value
    advice = ""
    if isinstance(value, str) and subject.kind in ("int", "float"):
        advice = "Write numbers without quotes, like 12.5."
    elif subject.kind in ("date", "datetime"):
        advice = "Write 2026-11-01" + (" or 2026-11-01T08:30." if subject.kind == "datetime" else ".")
    elif not isinstance(value, str):
        advice = f"Texts stand in quotes: '{shown}'."
    return source.wrong(
        literal.place,
        what=f"{shown} does not fit {subject.label}, which is {SPOKEN[subject.kind]}.",
        advice=advice,
    )
