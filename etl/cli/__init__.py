"""The `atro-etl` command. A verb's module is loaded when the verb is used, so `--help` answers at once."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from etl.cli.console import Console
from etl.cli.release import release

if TYPE_CHECKING:
    from collections.abc import Sequence

# Verb -> its module, which has `command`, and its line in `--help`; in the order in which people need them.
VERBS: dict[str, tuple[str, str]] = {
    "demo": ("etl.cli.demo", "See a catalogue move: sandbox, import, a change, import again."),
    "guess": ("etl.cli.guess", "A first mapping for a file, with a score per column."),
    "check": ("etl.cli.check", "Every problem of a mapping, with file, line and column."),
    "preview": ("etl.cli.preview", "What would be sent of the first rows; sends nothing."),
    "test": ("etl.cli.test", "The mapping's own cases: rows, and what they must become."),
    "inspect": ("etl.cli.inspect", "What a file is, and what a spreadsheet already broke."),
    "import": ("etl.cli.import_", "Send a table to AtroCore as a mapping says."),
    "plan": ("etl.cli.plan", "What an import would create, change and leave alone; sends nothing."),
    "apply": ("etl.cli.apply", "Exactly what a plan says, unless the records changed since."),
    "export": ("etl.cli.export", "Records into CSV, XLSX, Parquet or JSON lines."),
    "upload": ("etl.cli.upload", "Files into AtroCore, in pieces, each content once."),
    "resume": ("etl.cli.resume", "Go on with a run that was stopped or killed."),
    "retry": ("etl.cli.retry", "Import the rejected rows of a run once more."),
    "undo": ("etl.cli.undo", "Take back what a run changed."),
    "forget": ("etl.cli.forget", "Drop what is known of earlier imports; the next one compares everything."),
    "sandbox": ("etl.cli.sandbox", "A small AtroCore on this machine, to try things on."),
    "runs": ("etl.cli.runs", "What was run here: list, show one, open its folder."),
    "history": ("etl.cli.history", "Which run, file, row and line gave a record its values."),
    "login": ("etl.cli.login", "Sign in and keep the token for a profile."),
    "logout": ("etl.cli.logout", "End the kept token of a profile and forget it."),
    "profile": ("etl.cli.profile", "Profiles for staging and production: list, show, use, test."),
    "schema": ("etl.cli.schema", "What an instance can store: pull a snapshot, show, compare two."),
    "doctor": ("etl.cli.doctor", "What stands in the way of a run: reach, rights, limits, jobs."),
    "explain": ("etl.cli.explain", "What a message means and what to do."),
    "config": ("etl.cli.config", "Every setting with where it came from."),
}


class Verbs(click.Group):
    """Loads verbs on use, and ends the process in one way."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which people need them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb of this name; None where there is none."""
        del ctx
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(VERBS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that was typed.

        Raises:
            click.UsageError: there is none of this name; with the one that was meant, if one is close.
        """
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from rapidfuzz import process  # noqa: PLC0415  only a mistake needs it

            close = process.extractOne(args[0], list(VERBS), score_cutoff=60)
            hint = f' Did you mean "{close[0]}"?' if close else f" There are {', '.join(VERBS)}."
            raise click.UsageError(f'there is no verb "{args[0]}".{hint}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without loading them."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])

    def main(  # type: ignore[override]  # click's other arguments have no meaning here
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: object
    ) -> NoReturn:
        """Read the command line, carry it out, and exit with one of `exits.Exit`."""
        del extra
        console = Console()

        def call() -> object:
            return click.Group.main(
                self, args=args, prog_name=prog_name or "atro-etl", standalone_mode=False, obj=console
            )

        sys.exit(int(console.guard(call)))


@click.group(
    "atro-etl",
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(release(), prog_name="atro-etl")
def main() -> None:
    """Move catalogues in bulk into and out of AtroCore and AtroPIM.

    Begin with `atro-etl demo`: it needs nothing but this package.
    """
