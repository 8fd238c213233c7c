"""`atro-etl login`: ask, try, and keep the token for a profile."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import connection, output, pass_console, read_settings

if TYPE_CHECKING:
    from etl.api import Target
    from etl.cli.settings import Settings


@click.command("login")
@click.option("--protected", is_flag=True, help="Writing runs want the host's name typed, or --yes.")
@connection
@output
@pass_console
def command(console: Console, *, protected: bool) -> int:
    """Sign in and keep the token for a profile: --profile staging, --profile production."""
    from etl.api import connect  # noqa: PLC0415  `--help` needs no client
    from etl.cli import credentials, profiles  # noqa: PLC0415
    from etl.cli.settings import user_folder  # noqa: PLC0415

    user, named = user_folder(), console.given.get("profile") or ""
    is_new = bool(named) and profiles.check_name(named) not in profiles.known_profiles(Path.cwd(), user=user)
    if is_new:
        del console.given["profile"]
    settings = read_settings(console)
    target = _target(console, settings, is_new=is_new)
    name = named or settings.profile or profiles.USUAL

    async def sign_in() -> tuple[str, str, credentials.KeptToken]:
        async with connect(target, limits=settings.limits) as client:
            token = client.token.reveal() if client.token else ""
            kept = credentials.KeptToken(client.url, client.user, token)
            return client.target.host, client.version, kept

    host, version, kept = asyncio.run(sign_in())
    credentials.keep_token(user, name, kept=kept)
    values: dict[str, str | bool] = {"url": kept.url, "username": kept.username}
    profiles.write_profile(user, name, values=values | ({"protected": True} if protected else {}))
    if not profiles.chosen_profile(Path.cwd(), user=user):
        profiles.choose_profile(user, name)
    if console.form is Form.JSON:
        console.say_json(
            {"schema": 1, "profile": name, "url": kept.url, "user": kept.username, "version": version}
        )
    else:
        console.say(f"Signed in at {host} as {kept.username}. The token is kept for profile {name}.")
    return Exit.DONE


def _target(console: Console, settings: Settings, *, is_new: bool) -> Target:
    """Return where to sign in, what nobody said being asked for on a terminal."""
    from etl.api import Secret, Target  # noqa: PLC0415
    from etl.cli.layers import address_of  # noqa: PLC0415

    origins = {one.name: one.origin for one in settings.listed}

    def own(name: str, value: str | None) -> str | None:
        # A new profile takes nothing from the one that is chosen otherwise.
        return None if is_new and origins[name].startswith("profile ") else value

    url = own("url", settings.url) or _asked(console, "Address of AtroCore")
    username = own("username", settings.username) or _asked(console, "Who signs in")
    url = dataclasses.replace(settings, url=url or None).require_url()
    # A token that an earlier login kept is what is to be renewed, so it is not what we sign in with.
    token = None if origins["token"].startswith("profile ") else settings.token
    password = None if is_new and origins["password"].startswith("profile ") else settings.password
    if token is None and password is None:
        typed = console.ask_secret(f"Password of {username} at {url}")
        password = Secret(typed) if typed else None
        if password:
            console.hide(password, username=username)
    return Target(address_of(url, origin="url"), username or None, password=password, token=token)


def _asked(console: Console, question: str) -> str:
    return str(click.prompt(question, err=True)) if console.stdin.isatty() else ""
