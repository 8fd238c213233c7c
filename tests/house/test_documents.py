"""Laws about documents: they name every verb and option that there is, and none that there is not."""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import TYPE_CHECKING, cast

import click
import pytest
from click.testing import CliRunner

import etl
from etl.cli import main
from tests.house.tree import ROOT, modules, pyproject, said

if TYPE_CHECKING:
    from collections.abc import Iterator

FENCE = re.compile(r"^```(?:sh|console|bash)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = ("README.md", "etl/README.md", "mappings/README.md", "CHANGELOG.md")


@cache
def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def verbs() -> list[str]:
    return main.list_commands(click.Context(main))


def commands_of(document: str) -> list[str]:
    """Return the `atro-etl` command lines in the shell blocks of a document, and in its running text."""
    if not (ROOT / document).is_file():
        return []
    text = text_of(document)
    lines = "\n".join(block.replace("\\\n", " ") for block in FENCE.findall(text)).splitlines()
    spans = re.findall(r"`(atro-etl [^`\n]+)`", text)
    found = [line.removeprefix("$ ").strip() for line in lines]
    return [line for line in [*found, *spans] if line.startswith("atro-etl ")]


def misfit(line: str) -> str:
    """Return what the program would not understand of a command line; empty: it would."""
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = main
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        name = words.pop(0)
        if name.isupper():  # a placeholder
            return ""
        found = command.get_command(click.Context(command), name)
        if found is None:
            return f'there is no "{name}"'
        command = found
    options = {
        option: parameter
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in [*parameter.opts, *parameter.secondary_opts]
    } | {"--help": None}
    for word in words:
        if word.startswith("-") and word != "-" and word.partition("=")[0] not in options:
            return f'"{command.name}" has no option {word}'
    return ""


COMMANDS = [(document, line) for document in DOCUMENTS for line in commands_of(document)]


@pytest.mark.parametrize(("document", "line"), COMMANDS)
def test_the_documents_show_only_commands_that_there_are(document: str, line: str):
    assert not misfit(line), f"{document} shows `{line}`: {misfit(line)}"


def commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all below it, each with the words that call it."""
    if words:
        yield " ".join(words), command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            yield from commands(below, (*words, name))


@pytest.mark.parametrize(("words", "command"), list(commands(main)))
def test_every_command_says_what_it_does(words: str, command: click.Command):
    answered = CliRunner().invoke(main, [*words.split(), "--help"], prog_name="atro-etl")
    assert answered.exit_code == 0, f"`atro-etl {words} --help` fails: {answered.output}"
    assert command.help, f"`atro-etl {words}` has no help text"
    silent = [
        parameter.opts[0]
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help and not parameter.hidden
    ]
    assert not silent, said(f"`atro-etl {words}`: options without help:", silent)


def test_the_readme_lists_every_verb_and_no_other():
    cells = re.findall(r"^\| (`[^|]+) \|", section("README.md", "Commands"), re.MULTILINE)
    rows = [re.findall(r"`([a-z]+)", cell) for cell in cells]
    missing = set(verbs()) - {word for row in rows for word in row}
    gone = {row[0] for row in rows} - set(verbs())
    assert not missing | gone, f"README.md, Commands: lacks {sorted(missing)}, and there is no {sorted(gone)}"


def test_the_promise_of_the_library_is_importable_and_documented():
    cells = re.findall(r"^\| (`[^|]+) \|", section("README.md", "As a library"), re.MULTILINE)
    told = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert told == set(etl.__all__), "README.md, As a library: its rows are not the names of etl.__all__"
    missing = [name for name in etl.__all__ if not hasattr(etl, name)]
    assert not missing, said("etl.__all__ promises what there is not:", missing)
    assert list(etl.__all__) == sorted(etl.__all__), "etl.__all__ is sorted"


def section(document: str, title: str) -> str:
    return text_of(document).partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_plan_tells_of_every_room_and_of_no_other():
    rooms = {path.parts[1] for path in modules()} - {"__init__.py", "__main__.py"}
    rows = re.findall(r"^\| `([^`]+)` \|", section("etl/README.md", "Rooms"), re.MULTILINE)
    told = {name.rstrip("/") for name in rows}
    assert told == rooms, "etl/README.md, Rooms: its rows are not the modules and folders of etl"


def test_the_plan_draws_the_imports_as_they_are_checked():
    contracts = cast("dict[str, list[dict[str, list[str]]]]", pyproject()["tool"]["importlinter"])[
        "contracts"
    ]
    checked = [re.sub(r"[()]", "", row) for row in contracts[0]["layers"]]
    drawn = re.findall(r"^    (\S.*)$", section("etl/README.md", "Direction of imports"), re.MULTILINE)
    assert drawn == checked, "etl/README.md, Direction of imports: not the layers of pyproject.toml"


def test_an_option_that_there_is_not_is_noticed():
    assert misfit(f"atro-etl {verbs()[0]} --no-such-option")
    assert misfit("atro-etl no-such-verb")
