"""Filters as values, and how they are written into a query. Only operators that AtroCore knows can be said.

An operator or shape that AtroCore does not know is dropped there without a word, and all records come. So the
operators are an enum and each value is held against its operator's shape before anything is sent.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Scalar: TypeAlias = str | int | float | dt.date | dt.datetime
"""One value of a condition. A bool is none: say `is_true` or `is_false`. A datetime without zone is UTC."""


class Shape(Enum):
    """What stands in a condition's value."""

    NONE = "no value"
    ONE = "one value"
    PAIR = "two values, from and to"
    LIST = "one or more values"
    LIST_OR_SUBQUERY = "one or more values, or a subquery"
    CONDITIONS = "one or more conditions"


class Operator(StrEnum):
    """Every operator that is sent, by AtroCore's name. Source: api-contract §4.2.

    Not among them is `not`: it is a text in 1.10 and finds no record in 2.1 (observed), and 2.2.31 and 2.3.6
    make the same query of it (atrocore/atrocore, app/Atro/ORM/DB/RDB/Query/QueryConverter.php).
    """

    EQUALS = "equals"
    NOT_EQUALS = "notEquals"
    ON = "on"
    NOT_ON = "notOn"
    GREATER_THAN = "greaterThan"
    LESS_THAN = "lessThan"
    GREATER_THAN_OR_EQUALS = "greaterThanOrEquals"
    LESS_THAN_OR_EQUALS = "lessThanOrEquals"
    AFTER = "after"
    BEFORE = "before"
    BETWEEN = "between"
    LIKE = "like"
    NOT_LIKE = "notLike"
    STARTS_WITH = "startsWith"
    ENDS_WITH = "endsWith"
    CONTAINS = "contains"
    NOT_CONTAINS = "notContains"
    IS_NULL = "isNull"
    IS_NOT_NULL = "isNotNull"
    EVER = "ever"
    IN = "in"
    NOT_IN = "notIn"
    IS_TRUE = "isTrue"
    IS_FALSE = "isFalse"
    TODAY = "today"
    PAST = "past"
    FUTURE = "future"
    LAST_SEVEN_DAYS = "lastSevenDays"
    CURRENT_MONTH = "currentMonth"
    LAST_MONTH = "lastMonth"
    NEXT_MONTH = "nextMonth"
    CURRENT_QUARTER = "currentQuarter"
    LAST_QUARTER = "lastQuarter"
    CURRENT_YEAR = "currentYear"
    LAST_YEAR = "lastYear"
    LAST_X_DAYS = "lastXDays"
    NEXT_X_DAYS = "nextXDays"
    OLDER_THAN_X_DAYS = "olderThanXDays"
    AFTER_X_DAYS = "afterXDays"
    ARRAY_ANY_OF = "arrayAnyOf"
    ARRAY_NONE_OF = "arrayNoneOf"
    ARRAY_IS_EMPTY = "arrayIsEmpty"
    ARRAY_IS_NOT_EMPTY = "arrayIsNotEmpty"
    LINKED_WITH = "linkedWith"
    NOT_LINKED_WITH = "notLinkedWith"
    IS_LINKED = "isLinked"
    IS_NOT_LINKED = "isNotLinked"
    COLUMN_LIKE = "columnLike"
    COLUMN_IN = "columnIn"
    COLUMN_NOT_IN = "columnNotIn"
    COLUMN_IS_NULL = "columnIsNull"
    SIMILAR = "similar"
    WORD_SIMILAR = "wordSimilar"
    BOOL = "bool"
    PRIMARY = "primary"
    SAVED_SEARCH = "savedSearch"
    TEXT_FILTER = "textFilter"
    AND = "and"
    OR = "or"


_SHAPES: dict[Shape, frozenset[Operator]] = {
    Shape.NONE: frozenset({
        Operator.IS_NULL, Operator.IS_NOT_NULL, Operator.IS_TRUE, Operator.IS_FALSE, Operator.TODAY,
        Operator.PAST, Operator.FUTURE, Operator.LAST_SEVEN_DAYS, Operator.CURRENT_MONTH, Operator.LAST_MONTH,
        Operator.NEXT_MONTH, Operator.CURRENT_QUARTER, Operator.LAST_QUARTER, Operator.CURRENT_YEAR,
        Operator.LAST_YEAR, Operator.ARRAY_IS_EMPTY, Operator.ARRAY_IS_NOT_EMPTY, Operator.IS_LINKED,
        Operator.IS_NOT_LINKED, Operator.EVER, Operator.COLUMN_IS_NULL,
    }),
    Shape.PAIR: frozenset({Operator.BETWEEN}),
    Shape.LIST: frozenset({
        Operator.ARRAY_ANY_OF, Operator.ARRAY_NONE_OF, Operator.BOOL, Operator.SAVED_SEARCH,
        Operator.COLUMN_IN, Operator.COLUMN_NOT_IN,
    }),
    Shape.LIST_OR_SUBQUERY: frozenset({
        Operator.IN, Operator.NOT_IN, Operator.LINKED_WITH, Operator.NOT_LINKED_WITH,
    }),
    Shape.CONDITIONS: frozenset({Operator.AND, Operator.OR}),
}  # fmt: skip

WITHOUT_ATTRIBUTE = frozenset({
    Operator.AND, Operator.OR, Operator.BOOL, Operator.PRIMARY, Operator.SAVED_SEARCH, Operator.TEXT_FILTER,
})  # fmt: skip
"""Operators that are about no single field."""
OUTERMOST = frozenset({Operator.BOOL, Operator.PRIMARY, Operator.TEXT_FILTER})
"""Operators that AtroCore drops within `and` and `or`: they count only beside the other conditions.

Source: atrocore/atrocore 2.2.31, app/Atro/Core/SelectManagers/Base.php, `where` and `getWherePart`.
"""
WITH_UNIT = frozenset({
    Operator.EQUALS, Operator.NOT_EQUALS, Operator.GREATER_THAN, Operator.LESS_THAN,
    Operator.GREATER_THAN_OR_EQUALS, Operator.LESS_THAN_OR_EQUALS, Operator.BETWEEN,
})  # fmt: skip
"""Operators that compare amounts in units."""


def shape_of(operator: Operator) -> Shape:
    """Return what the operator takes as its value."""
    return next((shape for shape, members in _SHAPES.items() if operator in members), Shape.ONE)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; several beside each other must all hold."""

    operator: Operator
    attribute: str = ""
    """The payload key (`brandId`), a link (`categories`, for linked…), an attribute's id; empty for `and`…"""
    values: tuple[Scalar, ...] = ()
    conditions: tuple[Condition, ...] = ()
    """Of `and`, `or`: their members. Of `in` and `linked…`: the subquery on the linked entity."""
    is_attribute: bool = False
    """True: `attribute` is the id of an Attribute record, not a field."""
    language: str = ""
    """Of an attribute in several languages: `main` or for example `de_DE`; empty: not said."""
    unit_id: str = ""
    """The unit that the values are amounts of; the server converts within a measure. Empty: none."""

    def __post_init__(self) -> None:
        """Refuse what AtroCore would drop silently, which means: all records.

        Raises:
            ValueError: the value does not have the operator's shape, or the attribute is missing or too much.
        """
        if (self.operator in WITHOUT_ATTRIBUTE) == bool(self.attribute):
            raise ValueError(f"{self.operator} takes {'no' if self.attribute else 'an'} attribute")
        shape, values, conditions = shape_of(self.operator), len(self.values), len(self.conditions)
        fits = {
            Shape.NONE: not values and not conditions,
            Shape.ONE: values == 1 and not conditions,
            Shape.PAIR: values == len(("from", "to")) and not conditions,
            Shape.LIST: bool(values) and not conditions,
            Shape.LIST_OR_SUBQUERY: bool(values) != bool(conditions),
            Shape.CONDITIONS: bool(conditions) and not values,
        }[shape]
        if not fits:
            raise ValueError(f"{self.operator} takes {shape.value}")
        if self.unit_id and self.operator not in WITH_UNIT:
            raise ValueError(f"{self.operator} takes no unit")
        if any(isinstance(value, bool) for value in self.values):
            raise ValueError("a condition on true or false is said by isTrue or isFalse")


Where: TypeAlias = "Sequence[Condition]"
"""Conditions that must all hold; empty: every record."""


def to_parameters(where: Where, *, prefix: str = "where") -> Iterator[tuple[str, str]]:
    """Yield the conditions as names and values of a query in PHP's bracket form, not yet encoded.

    `isAttribute` is sent only where it is true: the server takes any text, `false` too, for true.
    Source: api-contract §4.1 and §4.3; quirk 16. The JSON form of `where` is not used: the server damages
    quotes, newlines and braces in it (§4.1).
    """
    for index, condition in enumerate(where):
        at = f"{prefix}[{index}]"
        yield f"{at}[type]", condition.operator.value
        if condition.attribute:
            yield f"{at}[attribute]", condition.attribute
        if condition.is_attribute:
            yield f"{at}[isAttribute]", "true"
        if condition.language:
            yield f"{at}[language]", condition.language
        shape = shape_of(condition.operator)
        if condition.unit_id:
            yield from _amounts(condition, at)
        elif shape is Shape.CONDITIONS:
            yield from to_parameters(condition.conditions, prefix=f"{at}[value]")
        elif condition.conditions:
            yield from to_parameters(condition.conditions, prefix=f"{at}[subQuery]")
        elif shape is Shape.ONE:
            yield f"{at}[value]", text_of(condition.values[0])
        else:
            yield from ((f"{at}[value][]", text_of(value)) for value in condition.values)


def _amounts(condition: Condition, at: str) -> Iterator[tuple[str, str]]:
    # An amount travels as a pair with its unit, two of them as two pairs. Source: api-contract §4.2, "units".
    yield f"{at}[unitField]", "true"
    places = [f"{at}[value]"] if len(condition.values) == 1 else [f"{at}[value][{n}]" for n in range(2)]
    for place, value in zip(places, condition.values, strict=True):
        yield f"{place}[]", text_of(value)
        yield f"{place}[]", condition.unit_id


def text_of(value: Scalar) -> str:
    """Return a value as AtroCore compares it: dates as `2024-02-29`, times as `2024-02-29 13:14:15` in UTC.

    Source: api-contract §5.1 (date, datetime).
    """
    if isinstance(value, str):
        return value
    if isinstance(value, dt.datetime):
        in_utc = value if value.tzinfo is None else value.astimezone(dt.UTC)
        return in_utc.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, dt.date):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)


# Texts that are the same when they are encoded: most keys are, and `quote` takes its time to find out.
_PLAIN = re.compile(r"[A-Za-z0-9_.~,-]*")


def encoded(text: str) -> str:
    """Return a value as it stands in a query."""
    return text if _PLAIN.fullmatch(text) else quote(text, safe=",")


def encode(parameters: Iterable[tuple[str, str]]) -> str:
    """Return names and values as a query string, ready to be sent as it is.

    Brackets of names stay as they are: servers accept them, and it saves a third of the address.
    Source: observations, "Query strings".
    """
    return "&".join(f"{quote(name, safe='[]')}={encoded(value)}" for name, value in parameters)


def split_texts(
    texts: Sequence[str], *, query_bytes: int, keys: int, fixed_bytes: int, name_bytes: int
) -> Iterator[Sequence[str]]:
    """Yield encoded values in order, in pieces whose addresses fit.

    Args:
        query_bytes: how long the whole address may be, in bytes.
        keys: how many values a piece may have.
        fixed_bytes: what of the address is taken by everything but the values.
        name_bytes: what comes with each value: its name, `&` and `=`.

    A value that alone is too long for an address is a piece of its own: the server's answer tells (414).
    Source: observations, "Lists": nginx answers 414 above 8 KB; api-contract §4.1: PHP drops
    parameters after the thousandth.
    """
    begin, taken = 0, fixed_bytes
    for end, text in enumerate(texts):
        cost = name_bytes + len(text)
        if end > begin and (taken + cost > query_bytes or end - begin >= keys):
            yield texts[begin:end]
            begin, taken = end, fixed_bytes
        taken += cost
    if begin < len(texts):
        yield texts[begin:]


def equals(attribute: str, value: Scalar | bool | None) -> Condition:  # noqa: FBT001  the value is data, no switch
    """Return the condition that a field has this value; None: that it has none."""
    if value is None:
        return Condition(Operator.IS_NULL, attribute)
    if isinstance(value, bool):
        return Condition(Operator.IS_TRUE if value else Operator.IS_FALSE, attribute)
    return Condition(Operator.EQUALS, attribute, (value,))


def any_of(attribute: str, values: Sequence[Scalar]) -> Condition:
    """Return the condition that a field has one of these values.

    Raises:
        ValueError: there are none.
    """
    return Condition(Operator.IN, attribute, tuple(values))


def greater_than(attribute: str, value: Scalar) -> Condition:
    """Return the condition that a field is greater than this."""
    return Condition(Operator.GREATER_THAN, attribute, (value,))


def both(*conditions: Condition) -> Condition:
    """Return the condition that all of these hold."""
    return Condition(Operator.AND, conditions=conditions)


def either(*conditions: Condition) -> Condition:
    """Return the condition that at least one of these holds."""
    return Condition(Operator.OR, conditions=conditions)


def linked_with(link: str, ids: Sequence[str]) -> Condition:
    """Return the condition that a record is linked to one of these through `link` (`categories`)."""
    return Condition(Operator.LINKED_WITH, link, tuple(ids))
