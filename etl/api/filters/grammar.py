"""A filter's tokens as a tree. Only the form is looked at; whether fields exist is seen by `binding`.

filter    = any
any       = all { "or" all }
all       = one { "and" one }
one       = "not" one | "(" any ")" | condition
condition = path                                          a field that is true or false
          | path sign value                               =  !=  <  <=  >  >=
          | path [ "is" ] [ "not" ] operator [ value | "(" value { "," value } ")" ]
          | path [ "not" ] "between" value "and" value
          | path [ "not" ] "has" "(" any ")"              one linked record for which all of it holds
          | "search" text | "only" name                   text search; a filter that AtroCore names
path      = name { "." name } [ "@" language ] [ "#" channel ]
value     = 'text' | number [ unit ] | 2026-11-01 | 2026-11-01T08:30 | true | false | null
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rapidfuzz import fuzz, process

from etl.api.filters.tokens import tokens
from etl.api.where import Operator, Shape, shape_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.api.filters.tokens import Kind, Place, Source, Token
    from etl.errors import FilterInvalid

Value: TypeAlias = str | int | float | bool | dt.date | dt.datetime | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it was written."""

    value: Value
    place: Place
    unit: str = ""
    """Name, code or symbol of a unit; empty: none."""
    unit_place: Place | None = None
    """None where there is no unit."""


@dataclass(frozen=True, slots=True)
class Path:
    """What a condition is about: a field, an attribute, or a field of a linked record."""

    steps: tuple[str, ...]
    place: Place
    language: str = ""
    channel: str = ""

    def __str__(self) -> str:
        """Return it as it is written."""
        language, channel = self.language and f"@{self.language}", self.channel and f"#{self.channel}"
        return f"{'.'.join(self.steps)}{language}{channel}"


@dataclass(frozen=True, slots=True)
class Test:
    """One condition."""

    path: Path
    operator: Operator
    values: tuple[Literal, ...]
    place: Place
    """Of the operator."""
    word: str
    """The operator as it was written."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A path alone: a field that is true."""

    path: Path


@dataclass(frozen=True, slots=True)
class Emptiness:
    """`is empty`: no value, an empty text, an empty list, no link."""

    path: Path
    place: Place


@dataclass(frozen=True, slots=True)
class Has:
    """One linked record for which all of a filter holds."""

    path: Path
    inner: Node


@dataclass(frozen=True, slots=True)
class Named:
    """A condition about no single field: text search, or a filter that AtroCore knows by name."""

    operator: Operator
    values: tuple[Literal, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Group:
    """Several conditions."""

    parts: tuple[Node, ...]
    needs_all: bool


@dataclass(frozen=True, slots=True)
class Negation:
    """Whatever the part does not hold for, records without a value among them."""

    part: Node
    place: Place


Node: TypeAlias = Test | Truth | Emptiness | Has | Named | Group | Negation

SIGNS = {
    "=": Operator.EQUALS,
    "==": Operator.EQUALS,
    "!=": Operator.NOT_EQUALS,
    "<>": Operator.NOT_EQUALS,
    "<": Operator.LESS_THAN,
    "<=": Operator.LESS_THAN_OR_EQUALS,
    ">": Operator.GREATER_THAN,
    ">=": Operator.GREATER_THAN_OR_EQUALS,
}
NAMED = {
    "search": Operator.TEXT_FILTER,
    "textfilter": Operator.TEXT_FILTER,
    "only": Operator.BOOL,
    "bool": Operator.BOOL,
    "primary": Operator.PRIMARY,
    "savedsearch": Operator.SAVED_SEARCH,
}
GROUPS = (Operator.AND, Operator.OR)
WORDS = {one.value.lower(): one for one in Operator if one not in GROUPS and one.value.lower() not in NAMED}
AFTER_IS = {"null": Operator.IS_NULL, "true": Operator.IS_TRUE, "false": Operator.IS_FALSE,
            "linked": Operator.IS_LINKED}  # fmt: skip
CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
SPOKEN = [*(one.value for one in WORDS.values()), "has", "is empty"]
MOST_DEPTH = 50
"""Brackets and nots within one another; more is no filter that a person wrote."""


def parse(source: Source) -> Node | None:
    """Return the tree of a filter; None where it is blank: every record.

    Raises:
        FilterInvalid: it does not have the form above; points at the first character that does not fit.
    """
    reader = _Reader(source)
    if reader.is_at("end"):
        return None
    tree = reader.any()
    if not reader.is_at("end"):
        raise reader.unexpected('"and", "or", or the end')
    return tree


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self._tokens: Sequence[Token] = list(tokens(source))
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        """The one that stands here."""
        return self._tokens[self._at]

    def is_at(self, *kinds: Kind) -> bool:
        """Tell whether a token of one of these kinds stands here."""
        return self.token.kind in kinds

    def take(self) -> Token:
        token = self.token
        self._at += token.kind != "end"
        return token

    def takes(self, *words: str) -> bool:
        """Go past one of these words or marks if it stands here."""
        if self.token.says(*words) or (self.token.kind == "mark" and self.token.text in words):
            self.take()
            return True
        return False

    def unexpected(self, wanted: str) -> FilterInvalid:
        token = self.token
        what = f'"{token.text}" stands' if token.text else "the filter ends"
        return self.source.wrong(token.place, what=f"{what} where {wanted} is expected.")

    def any(self) -> Node:
        parts = [self._all()]
        while self.takes("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Group(tuple(parts), needs_all=False)

    def _all(self) -> Node:
        parts = [self._one()]
        while self.takes("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Group(tuple(parts), needs_all=True)

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self.source.wrong(self.token.place, what=f"more than {MOST_DEPTH} brackets are open here.")
        token = self.token
        node: Node
        if self.takes("not"):
            node = Negation(self._one(), token.place)
        elif self.takes("("):
            node = self.any()
            self._close()
        else:
            node = self._condition()
        self._depth -= 1
        return node

    def _close(self) -> None:
        if not self.takes(")"):
            raise self.unexpected('")"')

    def _condition(self) -> Node:
        if not self.is_at("path") or self.token.says("and", "or", *CONSTANTS):
            raise self.unexpected("a condition, for example isActive or price > 10,")
        token = self.take()
        named = NAMED.get(token.text.lower())
        if named is not None and self.is_at("text", "path", "mark"):
            return self._named(named, token)
        path = self._path(token)
        if self.is_at("sign"):
            sign = self.take()
            return Test(path, SIGNS[sign.text], (self._value(),), sign.place, sign.text)
        is_said = self.takes("is")
        start = self.token.place
        is_negated = self.takes("not")
        node = self._operator(path, is_said=is_said, is_needed=is_said or is_negated)
        return Negation(node, start) if is_negated else node

    def _operator(self, path: Path, *, is_said: bool, is_needed: bool) -> Node:
        token = self.token
        is_end = token.kind in ("end", "mark") or token.says("and", "or")
        if is_end and not is_needed:
            return Truth(path)
        word = token.text.lower()
        if token.kind == "path" and word == "empty":
            self.take()
            return Emptiness(path, token.place)
        operator = AFTER_IS.get(word) if is_said else None
        operator = operator or WORDS.get(word)
        if token.kind == "path" and word == "has":
            self.take()
            if not self.takes("("):
                raise self.unexpected('"("')
            inner = self.any()
            self._close()
            return Has(path, inner)
        if token.kind != "path" or operator is None:
            raise self._no_operator(path)
        self.take()
        return Test(path, operator, self._values(operator), token.place, token.text)

    def _no_operator(self, path: Path) -> FilterInvalid:
        token = self.token
        if token.kind != "path":
            return self.unexpected(f"an operator for {path}")
        spoken = {one: one.lower() for one in [*SPOKEN, "and", "or"]}
        close = process.extractOne(token.text.lower(), spoken, scorer=fuzz.ratio, score_cutoff=60)
        advice = f'Did you mean "{close[2]}"?' if close else f"There are =, !=, <, >, {', '.join(SPOKEN)}."
        return self.source.wrong(token.place, what=f'"{token.text}" is no operator.', advice=advice)

    def _values(self, operator: Operator) -> tuple[Literal, ...]:
        match shape_of(operator):
            case Shape.NONE:
                return ()
            case Shape.ONE:
                return (self._value(),)
            case Shape.PAIR:
                if self.is_at("mark"):
                    return self._listed(operator, most=2)
                low = self._value()
                if not self.takes("and"):
                    raise self.unexpected('"and"')
                return (low, self._value())
            case _:
                return self._listed(operator)

    def _listed(self, operator: Operator, most: int | None = None) -> tuple[Literal, ...]:
        if not self.takes("("):
            if most is None and self.is_at("text", "number", "date"):
                return (self._value(),)
            raise self.unexpected(f'"(" after {operator}')
        values = [self._value()]
        while self.takes(","):
            values.append(self._value())
        self._close()
        if most is not None and len(values) != most:
            raise self.source.wrong(self.token.place, what=f"{operator} takes {most} values.")
        return tuple(values)

    def _named(self, operator: Operator, word: Token) -> Node:
        if self.is_at("path"):
            # A name such as onlyActive needs no quotes.
            token = self.take()
            return Named(operator, (Literal(token.text, token.place),), word.place)
        return Named(operator, self._listed(operator), word.place)

    def _value(self) -> Literal:
        token = self.token
        if token.kind in ("text", "date"):
            self.take()
            return Literal(token.value, token.place)
        if token.kind == "number":
            self.take()
            unit = self.token
            reserved = unit.says("and", "or", "not")
            if (unit.kind == "path" and not reserved) or unit.kind == "text":
                self.take()
                name = str(unit.value) if unit.kind == "text" else unit.text.strip("`")
                return Literal(token.value, token.place, name, unit.place)
            return Literal(token.value, token.place)
        if token.says(*CONSTANTS):
            self.take()
            return Literal(CONSTANTS[token.text.lower()], token.place)
        if token.kind == "path":
            raise self.source.wrong(
                token.place,
                what=f'"{token.text}" stands where a value is expected.',
                advice=f"Texts stand in quotes: '{token.text}'.",
            )
        raise self.unexpected("a value")

    def _path(self, token: Token) -> Path:
        rest, _, channel = token.text.partition("#")
        rest, _, language = rest.partition("@")
        steps: list[str] = []
        for at, part in enumerate(rest.split("`")):
            # Between back quotes a name may hold any letter, dots among them.
            steps += [part] if at % 2 else [one for one in part.split(".") if one]
        return Path(tuple(steps), token.place, language, channel)
