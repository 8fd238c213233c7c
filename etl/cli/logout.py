"""`atro-etl logout`: end the token of a profile and forget it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import output, pass_console

if TYPE_CHECKING:
    from etl.cli.credentials import KeptToken


@click.command("logout")
@click.option("--profile", metavar="NAME", help="Whose token. [default: the chosen profile]")
@output
@pass_console
def command(console: Console, *, profile: str | None) -> int:
    """End the kept token of a profile, at the server too, and forget it."""
    from etl.cli import credentials, profiles  # noqa: PLC0415  `--help` needs none of it
    from etl.cli.settings import user_folder  # noqa: PLC0415

    user = user_folder()
    name = profiles.named_or_chosen(profile, cwd=Path.cwd(), user=user)
    kept = credentials.kept_token(user, name)
    if kept is None:
        console.note(f"No token is kept for profile {name}.")
    else:
        credentials.forget_token(user, name)
        if not asyncio.run(_ended(kept)):
            console.warn(f"{kept.url} did not end the token; it is forgotten here.")
    if console.form is Form.JSON:
        console.say_json({"schema": 1, "profile": name, "forgotten": kept is not None})
    elif kept is not None:
        console.say(f"Signed out of {kept.url}: the token of profile {name} is forgotten.")
    return Exit.DONE


async def _ended(kept: KeptToken) -> bool:
    from etl.api import RetryClock, connect  # noqa: PLC0415
    from etl.errors import EtlError  # noqa: PLC0415

    try:
        async with connect(kept.url, token=kept.token, retry=RetryClock(attempts=1)) as client:
            return await client.sign_out()
    except EtlError:
        # Whether it is gone already or nothing answers: here it is forgotten all the same.
        return False
