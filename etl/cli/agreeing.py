"""The question before a plan is applied, a run undone, or a protected instance written to: shall it be?"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from etl.errors import NotAgreed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from etl.applying import Intent
    from etl.cli.console import Console
    from etl.cli.settings import Settings
    from etl.report.foreseen import Foreseen

WORDS = {"create": "created", "update": "changed", "delete": "deleted"}


def insist_on_somebody(console: Console) -> None:
    """Make sure that there is somebody to ask, or that nobody is to be asked.

    Raises:
        click.UsageError: there is no terminal, and no `--yes`.
    """
    if not console.assumes_yes and not console.stdin.isatty():
        raise click.UsageError("this writes without a further question: add --yes, or run it on a terminal.")


def agreeing(console: Console, settings: Settings) -> Callable[[Intent], bool]:
    """Return what tells what will be done and asks; a protected profile wants the host's name typed."""

    def agrees(intent: Intent) -> bool:
        for remark in intent.remarks:
            console.note(remark)
        counts = told(intent.records, uploads=intent.uploads)
        with _an_interrupt_ends_it():
            if settings.is_protected:
                return _typed_host(console, settings, counts)
            console.note(f"{settings.host}: {counts}")
            return console.confirm("Go on?")

    return agrees


def agree_to_import(console: Console, settings: Settings, foreseen: Foreseen | None, *, mapping: str) -> None:
    """Ask for the name of a protected host, told what an import would do there.

    Args:
        foreseen: None: what it would do cannot be told before.

    Raises:
        NotAgreed: it was not typed.
    """
    uploads = foreseen.files.uploads if foreseen is not None and foreseen.files is not None else 0
    counts = f"{mapping}: {told(foreseen.records, uploads=uploads)}" if foreseen is not None else mapping
    with _an_interrupt_ends_it():
        if not _typed_host(console, settings, counts):
            raise NotAgreed(mapping)


def _typed_host(console: Console, settings: Settings, counts: str) -> bool:
    return console.confirm_host(settings.host, question=f"{settings.host} is protected. {counts}")


@contextmanager
def _an_interrupt_ends_it() -> Iterator[None]:
    """Let an interrupt be an answer while a run waits for one: it ends the run at once."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def told(records: Mapping[str, Mapping[str, int]], *, uploads: int) -> str:
    """Return `Product: 3 created, 1 changed; Brand: 1 created`."""
    parts = []
    for entity, counts in records.items():
        said = [f"{counts[kind]:,} {word}" for kind, word in WORDS.items() if counts.get(kind)]
        if said:
            parts.append(f"{entity}: {', '.join(said)}")
    if uploads:
        parts.insert(0, "1 file uploaded" if uploads == 1 else f"{uploads:,} files uploaded")
    return "; ".join(parts) or "nothing would be changed"
