"""A console whose streams can be read."""

from __future__ import annotations

import io

import pytest

from etl.cli.console import Console


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def console() -> Console:
    """A console of a verb `import`, without a terminal."""
    made = Console()
    made.out, made.err, made.stdin = io.StringIO(), io.StringIO(), io.StringIO()
    made.begin("import")
    return made


@pytest.fixture
def terminal(console: Console) -> Console:
    """The same console, on a terminal."""
    console.out, console.err = Terminal(), Terminal()
    return console
