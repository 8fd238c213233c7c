"""What every verb that talks to a server begins and ends with: settings, sign-in, progress, interrupts."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from etl.cli.exits import ANY_ROW, Exit
from etl.cli.interrupts import stop_sign
from etl.cli.options import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.blocking import Pim
    from etl.cli.console import Console
    from etl.cli.exits import FailOn
    from etl.cli.interrupts import StopSign
    from etl.cli.settings import Settings
    from etl.model import ProgressListener
    from etl.report import Summary
    from etl.runs import Run, Typed


UNASKED = "{host} is a protected profile: add --yes to go on."


@dataclass(frozen=True, slots=True)
class Work:
    """A server that somebody is signed in to, and what a run there is told."""

    console: Console
    settings: Settings
    pim: Pim
    is_stopping: StopSign
    listener: ProgressListener | None

    def typed(self, fail_on: FailOn = ANY_ROW) -> Typed:
        """Return what runs keep of this command."""
        from etl.runs import Typed  # noqa: PLC0415  `--help` needs no pandas

        return Typed(target=self.console.target(), fail_on=str(fail_on))

    def has_to_ask(self) -> bool:
        """Tell whether somebody has to agree, because the profile is protected and nobody said `--yes`.

        Raises:
            click.UsageError: there is nobody to ask.
        """
        has_to = self.settings.is_protected and not self.console.assumes_yes
        if has_to and not self.console.stdin.isatty():
            raise click.UsageError(UNASKED.format(host=self.settings.host))
        return has_to

    def begins(self, run: Run) -> None:
        """Let the log of a run go into its folder."""
        self.console.begin_run(run.id, folder=run.folder)

    def ends(self, summary: Summary, *, fail_on: FailOn = ANY_ROW) -> Exit:
        """Report what a run came to and return how the process ends."""
        code = self.console.report(summary, fail_on=fail_on)
        return Exit.INTERRUPTED if code is Exit.STOPPED and self.is_stopping() else code


@contextmanager
def working(console: Console, *, writes: bool) -> Iterator[Work]:
    """Sign in as the settings say, and stay so until the verb is done; Ctrl-C ends it in good order.

    Args:
        writes: a protected profile wants the host's name typed, or `--yes`.

    Raises:
        click.UsageError: it was not typed.
        NoAccess, ConfigurationInvalid: see `blocking.connect`.
    """
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas

    settings = read_settings(console, asks=True)
    with (
        blocking.connect(
            settings.require_url(),
            username=settings.username,
            password=settings.password,
            token=settings.token,
            limits=settings.limits,
            fetch_headers=settings.fetch_headers,
        ) as pim,
        stop_sign(console) as is_stopping,
        console.progress() as listener,
    ):
        question = f"{settings.host} is protected: this run writes to it."
        if writes and settings.is_protected and not console.confirm_host(settings.host, question=question):
            raise click.UsageError(UNASKED.format(host=settings.host))
        yield Work(console, settings, pim, is_stopping, listener)
