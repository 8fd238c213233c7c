"""Options that verbs share, as decorators. What they say goes to the `Console`, not to the verb."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from etl.cli.console import Console, Form
from etl.cli.logs import LogFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.cli.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RowRange:
    """Rows of a source, as seen in the file: both ends belong to it."""

    first: int
    """1-based; the header counts."""
    last: int | None
    """None: to the end."""

    def __str__(self) -> str:
        """Return it as it is written in options."""
        return str(self.first) if self.last == self.first else f"{self.first}-{self.last or ''}"

    def __contains__(self, row: int) -> bool:
        """Tell whether a row, 1-based as seen in the file, belongs to the range."""
        return self.first <= row and (self.last is None or row <= self.last)


class _RowRangeType(click.ParamType[RowRange]):
    """`A-B`, `A-` or `A`."""

    name = "A-B"

    def convert(
        self, value: str | RowRange, param: click.Parameter | None, ctx: click.Context | None
    ) -> RowRange:
        """Return the range.

        Raises:
            click.BadParameter: it is none, begins at row 0, or ends before it begins.
        """
        if isinstance(value, RowRange):
            return value
        match = re.fullmatch(r"\s*([1-9]\d{0,11})\s*(-\s*([1-9]\d{0,11})?)?\s*", value)
        if match is None:
            self.fail(f'"{value}" is no range of rows. Write 2-500, or 2- for all from row 2 on.', param, ctx)
        first = int(match[1])
        last = int(match[3]) if match[3] else None if match[2] else first
        if last is not None and last < first:
            self.fail(f'"{value}" ends before it begins. Write {last}-{first}.', param, ctx)
        return RowRange(first, last)


def pass_console(verb: Callable[Concatenate[Console, P], R]) -> Callable[P, R]:
    """Hand the verb its `Console` as the first argument, its options read and its log set up."""

    @functools.wraps(verb)
    def begin(*args: P.args, **kwargs: P.kwargs) -> R:
        context = click.get_current_context()
        console = _console(context)
        console.begin(context.command_path.partition(" ")[2] or context.info_name or "")
        return verb(console, *args, **kwargs)

    return begin


def connection(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--profile --url --username --password --token`."""
    for name, metavar, text in reversed(
        [
            ("profile", "NAME", "Where to work: a profile of atro-etl.toml or of your own."),
            ("url", "URL", "Address of AtroCore, for example https://pim.example."),
            ("username", "NAME", "Who signs in."),
            ("password", "-|@FILE", "From standard input or a file; without it a terminal is asked."),
            ("token", "-|@FILE", "An authorization token, instead of a password."),
        ]
    ):
        command = click.option(f"--{name}", metavar=metavar, help=text, expose_value=False, callback=_given)(
            command
        )
    return command


def state(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--state-dir`."""
    text = "Where runs and what they learnt are kept. [default: .atro-etl beside atro-etl.toml, else here]"
    return click.option("--state-dir", metavar="DIR", help=text, expose_value=False, callback=_given)(command)


def output(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--json --format --quiet --verbose --no-progress --log-format`."""
    decorators = [
        click.option("--json", is_flag=True, help="Short for --format json.", expose_value=False,
                     callback=_json),
        click.option("--format", "form", type=click.Choice([form.value for form in Form]),
                     help="The form of the result. [default: text]", expose_value=False, callback=_form),
        click.option("--quiet", "-q", is_flag=True, help="Only errors, and what a program reads.",
                     expose_value=False, callback=_quiet),
        click.option("--verbose", "-v", is_flag=True, help="The log to standard error too.",
                     expose_value=False, callback=_verbose),
        click.option("--no-progress", is_flag=True, help="Do not show how far it is.", expose_value=False,
                     callback=_no_progress),
        click.option("--log-format", type=click.Choice([one.value for one in LogFormat]),
                     help="Of the log on standard error. [default: text]", expose_value=False,
                     callback=_log_format),
    ]  # fmt: skip
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def yes(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--yes`."""
    text = "Do not ask, not even where a profile is protected."
    return click.option("--yes", is_flag=True, help=text, expose_value=False, callback=_yes)(command)


def limit(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--limit N`, the argument `limit: int | None`."""
    return click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N rows.")(
        command
    )


def rows(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--rows A-B`, the argument `rows: RowRange | None`."""
    text = "Only these rows, as seen in the file: the header is row 1."
    return click.option("--rows", type=_RowRangeType(), help=text)(command)


def read_settings(console: Console, *, asks: bool = False) -> Settings:
    """Return the settings of this call; their secrets are hidden from all output from now on.

    Args:
        asks: the verb will sign in: a terminal is asked for a password that nobody gave.

    Raises:
        EtlError: a setting that cannot be used; see `settings.resolve`.
    """
    # Late: `--help` needs neither pydantic nor the client.
    from etl.api.target import Secret  # noqa: PLC0415
    from etl.cli.settings import environment, resolve, user_folder  # noqa: PLC0415

    settings = resolve(
        console.given, environment(), cwd=Path.cwd(), user=user_folder(), read_stdin=console.stdin.readline
    )
    headers = (value for one in settings.fetch_headers.values() for value in one.values())
    for secret in (settings.password, settings.token, *headers):
        if secret:
            console.hide(secret, username=settings.username or "")
    for warning in settings.warnings:
        console.warn(warning)
    if asks and settings.lacks_secret and settings.username:
        typed = console.ask_secret(f"Password of {settings.username} at {settings.host}")
        if typed:
            settings = settings.with_password(Secret(typed))
            console.hide(Secret(typed), username=settings.username or "")
    if asks:
        settings.require_sign_in()
    return settings


def _console(ctx: click.Context) -> Console:
    return ctx.ensure_object(Console)


def _given(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None and param.name:
        _console(ctx).given[param.name] = value


def _json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  click calls it
    if value:
        _console(ctx).form = Form.JSON


def _form(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        _console(ctx).form = Form(value)


def _quiet(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  click calls it
    _console(ctx).is_quiet |= value


def _verbose(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  click calls it
    _console(ctx).is_verbose |= value


def _no_progress(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  click calls it
    if value:
        _console(ctx).shows_progress = False


def _log_format(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        _console(ctx).log_format = LogFormat(value)


def _yes(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  click calls it
    _console(ctx).assumes_yes |= value
