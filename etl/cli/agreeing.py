"""The question before a plan is applied or a run undone: what will be done, and shall it be?"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.applying import Intent
    from etl.cli.console import Console
    from etl.cli.settings import Settings

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
        # While the run waits for an answer, an interrupt is one: it ends the run at once.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return answer(intent)
        finally:
            signal.signal(signal.SIGINT, before)

    def answer(intent: Intent) -> bool:
        if settings.is_protected:
            question = f"{settings.host} is protected. {told(intent)}"
            return console.confirm_host(settings.host, question=question)
        console.note(f"{settings.host}: {told(intent)}")
        return console.confirm("Go on?")

    return agrees


def told(intent: Intent) -> str:
    """Return `Product: 3 created, 1 changed; Brand: 1 created`."""
    parts = []
    for entity, counts in intent.records.items():
        said = [f"{counts[kind]:,} {word}" for kind, word in WORDS.items() if counts.get(kind)]
        if said:
            parts.append(f"{entity}: {', '.join(said)}")
    if intent.uploads:
        parts.insert(0, "1 file uploaded" if intent.uploads == 1 else f"{intent.uploads:,} files uploaded")
    return "; ".join(parts) or "nothing would be changed"
