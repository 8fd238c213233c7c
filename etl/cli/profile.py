"""`atro-etl profile`: staging, production, and which of them is taken."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import output, pass_console, read_settings
from etl.cli.snapshots import target_of
from etl.report import neutral

if TYPE_CHECKING:
    from etl.report.json import Json


@click.group("profile", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Profiles for staging and production: list, show one, choose one, try one."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@command.command("list")
@output
@pass_console
def list_(console: Console) -> int:
    """All profiles of the project and your own; the chosen one has a star."""
    from etl.cli import credentials, profiles  # noqa: PLC0415  `--help` needs none of it
    from etl.cli.settings import user_folder  # noqa: PLC0415

    user = user_folder()
    known = profiles.known_profiles(Path.cwd(), user=user)
    chosen = profiles.chosen_profile(Path.cwd(), user=user)
    if console.form is Form.JSON:
        listed: list[Json] = [
            {
                "name": name,
                "url": one.url,
                "username": one.username,
                "protected": bool(one.protected),
                "signed_in": credentials.kept_token(user, name) is not None,
                "chosen": name == chosen,
            }
            for name, one in known.items()
        ]
        console.say_json({"schema": 1, "profiles": listed})
        return Exit.DONE
    if not known:
        console.note("No profile yet: `atro-etl login --profile staging` makes one.")
    width = max(map(len, known), default=0)
    for name, one in known.items():
        marks = ["protected"] * bool(one.protected)
        marks += ["signed in"] if credentials.kept_token(user, name) else []
        who = f"{one.username or '(no user)'} at {one.url or '(no address)'}"
        star = "*" if name == chosen else " "
        console.say(neutral(f"{star} {name:<{width}}  {who}  {', '.join(marks)}").rstrip())
    return Exit.DONE


@command.command("show")
@click.argument("name", required=False)
@output
@pass_console
def show(console: Console, name: str | None) -> int:
    """What a profile says, and where each setting of it stands."""
    if name is not None:
        console.given["profile"] = name
    listed = read_settings(console).listed
    if console.form is Form.JSON:
        settings: dict[str, Json] = {one.name: {"value": one.value, "origin": one.origin} for one in listed}
        console.say_json({"schema": 1, "settings": settings})
        return Exit.DONE
    shown = [one for one in listed if not one.name.startswith("limits.")]
    width = max(len(one.name) for one in shown)
    for one in shown:
        console.say(neutral(f"{one.name:<{width}}  {one.value}  ({one.origin})"))
    return Exit.DONE


@command.command("use")
@click.argument("name")
@output
@pass_console
def use(console: Console, name: str) -> int:
    """Take this profile whenever none is named."""
    from etl.cli import profiles  # noqa: PLC0415
    from etl.cli.settings import user_folder  # noqa: PLC0415

    user = user_folder()
    profiles.require(name, cwd=Path.cwd(), user=user)
    profiles.choose_profile(user, name)
    if (chosen := profiles.chosen_profile(Path.cwd(), user=user)) != name:
        console.warn(f"Here atro-etl.toml chooses {chosen}; elsewhere {name} is taken from now on.")
    else:
        console.note(f"Profile {name} is taken from now on.")
    return Exit.DONE


@command.command("test")
@click.argument("name", required=False)
@output
@pass_console
def test(console: Console, name: str | None) -> int:
    """Sign in with a profile and say who that is."""
    from etl.api import connect  # noqa: PLC0415

    if name is not None:
        console.given["profile"] = name
    settings = read_settings(console, asks=True)

    async def sign_in() -> tuple[str, str, str]:
        async with connect(target_of(settings), limits=settings.limits) as client:
            return client.user, client.version, client.generation.name

    who, version, generation = asyncio.run(sign_in())
    if console.form is Form.JSON:
        found = {"url": settings.url, "user": who, "version": version, "generation": generation}
        console.say_json({"schema": 1, "profile": settings.profile, **found})
    else:
        spoken = f"AtroCore {version}" if version else f"AtroCore, spoken to as {generation}"
        console.say(neutral(f"{settings.host}: signed in as {who}; {spoken}"))
    return Exit.DONE
