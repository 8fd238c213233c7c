"""The options that move the guards of an import; their defaults are the guards' own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click
from click.core import ParameterSource

from etl.cli.exits import FailOn

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.planning.guards import Guards

P = ParamSpec("P")
R = TypeVar("R")

AS_BEGUN = "as the run was begun"
KEPT = "etl.guards"
"""Where click keeps what was given until the verb asks."""


class _ThresholdType(click.ParamType[str]):
    """`never`, a number, or a share."""

    name = "N|N%|never"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as it is.

        Raises:
            click.BadParameter: it is none of these.
        """
        match = re.fullmatch(r"never|\d{1,12}|(?P<share>\d{1,3}(\.\d+)?)%", value)
        if match is None or float(match["share"] or 0) > 100:  # noqa: PLR2004  per cent
            self.fail(f'"{value}" is none of never, a number like 25, a share like 10%.', param, ctx)
        return value


def guards(command: Callable[P, R]) -> Callable[P, R]:
    """Add the options of the guards; `read_guards` returns what was given."""
    return _guards(command, shown=True)


def guards_as_begun(command: Callable[P, R]) -> Callable[P, R]:
    """Add the same for a verb that goes on with a run; `moved_guards` returns what they come to."""
    return _guards(command, shown=AS_BEGUN)


def _guards(command: Callable[P, R], *, shown: bool | str) -> Callable[P, R]:
    decorators = [
        click.option("--max-errors", type=_ThresholdType(), default="10%", show_default=shown,
                     expose_value=False, callback=_keep,
                     help="Stop when more rows fail or are invalid; a share counts after 100 rows."),
        click.option("--min-rows", type=_ThresholdType(), default="50%", show_default=shown,
                     expose_value=False, callback=_keep,
                     help="Send nothing where the source has fewer rows; a share is of the last import's."),
        click.option("--max-blanked", type=_ThresholdType(), default="20%", show_default=shown,
                     expose_value=False, callback=_keep,
                     help="Send nothing where a column that clears fields lost more of its cells."),
        click.option("--max-deletes", type=_ThresholdType(), default="2%", show_default=shown,
                     expose_value=False, callback=_keep,
                     help="Stop where on_absent would touch more; a share is of the feed's records."),
        click.option("--allow-empty", is_flag=True, expose_value=False, callback=_keep,
                     show_default=shown if shown is not True else "it is one",
                     help="A source without rows is no reason to stop."),
    ]  # fmt: skip
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def read_guards() -> Guards:
    """Return the guards as the command line moved them."""
    from etl.planning.guards import Guards, Threshold  # noqa: PLC0415  `--help` needs no pandas

    said = click.get_current_context().meta[KEPT]
    return Guards(
        max_errors=Threshold.parse(said["max_errors"]),
        min_rows=Threshold.parse(said["min_rows"]),
        max_blanked=Threshold.parse(said["max_blanked"]),
        max_deletes=Threshold.parse(said["max_deletes"]),
        allows_empty=said["allow_empty"],
    )


def moved_guards(begun: Guards) -> Guards:
    """Return the guards that a run was begun with, moved by what the command line says now."""
    context, typed = click.get_current_context(), read_guards()
    names = {name: "allows_empty" if name == "allow_empty" else name for name in context.meta[KEPT]}
    said = (name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE)
    return replace(begun, **{names[name]: getattr(typed, names[name]) for name in said})


def repeated(context: click.Context) -> list[str]:
    """Return what a verb was told on the command line, but for where it works and how it reports."""
    said = {**context.params, **context.meta.get(KEPT, {}), "yes": True}
    words: list[str] = []
    for option in context.command.params:
        name = option.name or ""
        is_typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if isinstance(option, click.Option) and name in said and is_typed:
            words += [max(option.opts, key=len), *([] if option.is_flag else [str(said[name])])]
    return words


class _FailOnType(click.ParamType[FailOn]):
    """`never`, `any`, a number of rows, or a share of them."""

    name = "never|any|N|N%"

    def convert(
        self, value: str | FailOn, param: click.Parameter | None, ctx: click.Context | None
    ) -> FailOn:
        """Return what was meant.

        Raises:
            click.BadParameter: it is none of these.
        """
        if isinstance(value, FailOn):
            return value
        try:
            return FailOn.parse(value)
        except ValueError:
            self.fail(f'"{value}" is none of never, any, a number like 25, a share like 2%.', param, ctx)


def fail_on(usual: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Add `--fail-on`, the argument `fail_on: FailOn`; with `as begun` it is None where nothing is said."""
    text = "From how many failed or invalid rows on the exit code is 5."
    kind, is_begun = _FailOnType(), usual == AS_BEGUN
    default, shown = (None, AS_BEGUN) if is_begun else (usual, True)
    return click.option("--fail-on", type=kind, default=default, show_default=shown, help=text)


def _keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
    ctx.meta.setdefault(KEPT, {})[param.name] = value
