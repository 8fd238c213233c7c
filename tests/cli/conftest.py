"""A console whose streams can be read."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

import pytest

from etl.cli.console import Console
from tests.cli.shop import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the samples and their mappings, where commands are typed."""
    folder = tmp_path / "shop"
    for part in ("mappings", "samples"):
        shutil.copytree(REPOSITORY / part, folder / part)
    monkeypatch.chdir(folder)
    return folder
