"""Columns that are calculated from the other columns of their row, in the language of a mapping's `expr`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from etl.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.exporting.columns import Column

ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
FAILURES = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


@dataclass(slots=True)
class Expressions:
    """The expressions among some columns, compiled."""

    columns: Sequence[Column]
    _compiled: dict[str, Callable[..., object]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Compile them.

        Raises:
            ConfigurationInvalid: one of them is no expression.
        """
        for one in self.columns:
            if one.address.form != "expr":
                continue
            try:
                self._compiled[one.header] = ENVIRONMENT.compile_expression(
                    one.address.content, undefined_to_none=False
                )
            except TemplateError as error:
                raise ConfigurationInvalid(
                    "--columns",
                    what=f'"{one.address.content}" is no expression: {error}.',
                    advice="Correct it.",
                ) from error

    def fill(self, table: pa.Table) -> pa.Table:
        """Return the table with the values of its expressions.

        Raises:
            ConfigurationInvalid: an expression fails in a row.
        """
        for header, run in self._compiled.items():
            values: list[str | None] = []
            for row in table.to_pylist():
                try:
                    value = run(row=row)
                except FAILURES as error:
                    raise ConfigurationInvalid(
                        "--columns",
                        what=f'the expression of "{header}" failed: {error}.',
                        advice="Correct it.",
                    ) from error
                values.append(None if value is None else str(value))
            at = table.column_names.index(header)
            table = table.set_column(at, header, pa.array(values, pa.string()))
        return table
