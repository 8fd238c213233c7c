"""Expressions of `expr`, `where` and `when`: Jinja2 in its sandbox, a row at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
from jinja2 import StrictUndefined, TemplateError, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from etl.mapping.convert.cells import as_text
from etl.mapping.convert.faults import Faults
from etl.mapping.convert.markup import plain
from etl.mapping.convert.numbers import Decimals, Marks
from etl.mapping.convert.steps import slug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from etl.mapping.columns import Columns

Cell: TypeAlias = "str | int | float | bool | list[str] | None"
LARGEST = 1_000_000
"""Characters or digits that a single operation may make."""
MAX_POWER = 999
FAILURES = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: object, operator: str, left: object, right: object) -> object:
        sizes = [len(one) for one in (left, right) if isinstance(one, str | list | tuple)]
        times = [abs(one) for one in (left, right) if isinstance(one, int)]
        if (sizes and times and sizes[0] * times[0] > LARGEST) or (
            operator == "**" and times and max(times) > MAX_POWER
        ):
            raise SecurityError("the result would be too large")
        return super().call_binop(context, operator, left, right)  # type: ignore[arg-type]  # jinja2 names its context


def _environment() -> _Sandbox:
    environment = _Sandbox(undefined=StrictUndefined, autoescape=False)
    environment.filters.update({"slug": slug, "plain": plain})
    for name in ("xmlattr", "pprint", "random"):
        environment.filters.pop(name, None)
    # Without time and chance an expression gives the same for the same cells: rows can be known again.
    environment.globals.pop("lipsum", None)
    return environment


ENVIRONMENT = _environment()


class Named:
    """Names and values as an expression sees them: `row.Price`, `row['Body (HTML)']`; without methods."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Cell]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Cell:
        return self._values[name]


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression."""

    text: str
    run: Callable[..., object]
    columns: tuple[str, ...] | None
    """The columns of `row` that it names; None: it computes names, so all."""

    def of_rows(self, columns: Columns, faults: Faults) -> list[Cell]:
        """Return its value for each row; rows where it fails are faults and None."""
        further = columns.further
        values: list[Cell] = []
        bad: list[bool] = []
        reasons: list[str] = []
        for position, row in enumerate(rows(columns, self.columns)):
            value, reason = self.of(row=Named(row), **(further[position] if further else {}))
            values.append(value)
            bad.append(reason is not None)
            if reason is not None:
                reasons.append(reason)
        if reasons:
            told = iter(reasons)
            shown = pa.array([self.text] * len(bad), pa.string())
            faults.mark(pa.array(bad), shown, code="expr_failed", facts=lambda _: {"reason": next(told)})
        return values

    def of(self, **names: object) -> tuple[Cell, str | None]:
        """Return its value, and why it has none."""
        try:
            value = self.run(**names)
            if isinstance(value, Undefined):
                return None, f"{value._undefined_name} is unknown"  # noqa: SLF001  jinja2 offers no other way
        except FAILURES as error:
            return None, str(error) or type(error).__name__
        if value is None or isinstance(value, str | int | float | bool):
            return (value if value != "" else None), None
        if isinstance(value, list | tuple):
            return [str(one) for one in value], None
        return str(value), None


def compile_expression(text: str) -> Expression:
    """Return the expression ready to be run.

    Raises:
        TemplateSyntaxError: it is none; its message says what the parser did not expect.
    """
    run = ENVIRONMENT.compile_expression(text, undefined_to_none=False)
    tree = ENVIRONMENT.parse("{{ (" + text + ") }}")
    return Expression(text, run, _named_columns(tree))


def _named_columns(tree: nodes.Template) -> tuple[str, ...] | None:
    names: list[str] = []
    plain_uses = 0
    for name in tree.find_all(nodes.Name):
        plain_uses += name.name == "row"
    names += [one.attr for one in tree.find_all(nodes.Getattr) if _is_row(one.node)]
    for item in tree.find_all(nodes.Getitem):
        if not _is_row(item.node):
            continue
        if not (isinstance(item.arg, nodes.Const) and isinstance(item.arg.value, str)):
            return None
        names.append(item.arg.value)
    return tuple(dict.fromkeys(names)) if plain_uses == len(names) else None


def _is_row(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "row"


def rows(columns: Columns, names: tuple[str, ...] | None) -> Iterator[dict[str, Cell]]:
    """Yield each row as column -> cell: text, empty text where empty; typed where `columns:` says so."""
    if names is None:
        names = tuple(str(name) for name in columns.frame.data.columns)
        names += tuple(name for name in columns.layout.names if name not in names)
    lists = [_seen(columns, name) for name in names]
    if not lists:
        yield from ({} for _ in range(len(columns)))
        return
    for cells in zip(*lists, strict=True):
        yield dict(zip(names, cells, strict=True))


def _seen(columns: Columns, name: str) -> list[Cell]:
    cells = columns.cells(name)
    rule = columns.layout.names.get(name)
    if rule is not None and rule.number is not None:
        marks = Marks(rule.number.decimal, rule.number.thousands, is_said=True)
        values: list[Cell] = Decimals(marks).to_value(cells, Faults()).to_pylist()
        return values
    texts: list[Cell] = ["" if text is None else text for text in as_text(cells).to_pylist()]
    return texts


def as_cells(values: Sequence[Cell]) -> pa.Array:
    """Return values of an expression as cells: of one type where they are, else as text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {str}:
        return pa.array(values, pa.string())
    if kinds in ({bool}, {int}, {float}, {int, float}):
        try:
            return pa.array(values, pa.float64() if float in kinds else None)
        except (pa.ArrowInvalid, OverflowError):
            return pa.array([None if value is None else str(value) for value in values], pa.string())
    if kinds == {list}:
        return pa.array(values, pa.list_(pa.string()))
    return pa.array(
        [None if value is None else as_text(pa.array([value]))[0].as_py() for value in values], pa.string()
    )
